"""`jensen info`: what a saved model is."""

from jensen.cli._options import Json, Model, Quiet

EXAMPLE = "jensen info runs/digits"


def info(model: Model, json: Json = False, quiet: Quiet = False) -> None:
    """Show a model's schema, assembly and training, and the versions that read it."""
    from jensen.cli._describe import describe, lines
    from jensen.cli._output import print_json

    told = describe(model)
    if json:
        print_json(told)
    else:
        print("\n".join(lines(told)))
