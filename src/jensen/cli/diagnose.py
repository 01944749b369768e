"""`jensen diagnose`: where evidence is lost, and what would mend it."""

from jensen.cli._options import Data, Json, Key, Model, Quiet, Rows, Seed

EXAMPLE = "jensen diagnose runs/digits digits"


def diagnose(
    model: Model,
    data: Data,
    rows: Rows = None,
    key: Key = None,
    seed: Seed = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Split what the ELBO loses into the posterior's family and the encoder, and say what helps.

    Also: which latents are used and what they know of x, k̂ of each row, and whether the encoder
    is calibrated. Give rows that the model was not fitted to; of the data that it was fitted
    to, those that jensen fit held out are taken.
    """
    import time

    from jensen._words import counted
    from jensen.cli._held_out import held_out_where_known, limited
    from jensen.cli._inputs import load_model
    from jensen.cli._output import print_json, say
    from jensen.queries.diagnosis import MOST_ANNEALED

    began = time.monotonic()
    vae = load_model(model)
    found, known = held_out_where_known(vae, model, data, key, rows)
    held_out = limited(found)
    whose = ", those that jensen fit held out" if known else ""
    annealed = min(MOST_ANNEALED, len(held_out.scored))
    say(quiet, f"diagnosing {counted(len(held_out.scored), 'row')}{whose}; {annealed} annealed")
    diagnosis = vae.diagnose(held_out.scored, held_out.training, random_state=seed)
    if json:
        seconds = round(time.monotonic() - began, 3)
        told = diagnosis.to_json(per_row=True)
        print_json(told | {"rows": held_out.indices, "seconds": seconds})
    else:
        print(diagnosis)
