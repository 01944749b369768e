"""What `VAE` asks of its parameters, and what they say to the model and to training."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jensen.data import (
    KINDS,
    AnySchema,
    ConditionSchema,
    Schema,
    TableSchema,
    container_of,
    infer,
    infer_condition,
    infer_table,
    is_table,
)
from jensen.data.images import BINARISATIONS
from jensen.errors import OptionError
from jensen.objectives import ELBO, IWAE, Objective
from jensen.parts._families import choose, members
from jensen.parts.likelihoods import MOST_LEVELS, Bernoulli, Likelihood
from jensen.parts.missingness import require_missing
from jensen.parts.networks import Architecture, require_activation
from jensen.parts.posteriors import PosteriorFamily
from jensen.parts.priors import Prior
from jensen.recipes import build_objective, parse_prior
from jensen.training import Options
from jensen.training.options import is_number, is_whole

if TYPE_CHECKING:
    from jensen.estimator.vae import VAE

__all__ = [
    "assembly_of",
    "checked_latents",
    "condition_schema_of",
    "describe_likelihood",
    "objective_of",
    "options_of",
    "require_parameters",
    "schema_of",
]

_AUTOMATIC = {
    "binary": "bernoulli",
    "bounded": "beta-binomial",
    "count": "negative-binomial",
    "real": "normal",
}
# The beta-binomial of more levels than these is no product of a few terms any more: a gradient of
# 128 images of 28 x 28 bytes took 262 ms with it, and 25 ms with mixtures of five logistics.
_MOST_OF_A_PRODUCT, _OF_MANY_LEVELS = 64, "logistic-mixture:5"
# Latents, of most rows and of rows of many numbers: of binarised MNIST 20 have 5 nats a row more
# than 10 (-86.3 beside -91.3).
_LATENTS, _MANY_NUMBERS, _LATENTS_OF_MANY = 10, 400, 20
# What "auto" stands for. A table has few columns, of which each row shows only some: its networks
# want little shrinkage and many steps, and their average is worth more than any of them.
_OF_ARRAYS = {"average": None}
# Shrinkage counts once for all rows, as a prior of the weights would, and so for the less the more
# rows there are: it was found on 1,800 digits, and of 10,000 rows of binarised MNIST 0.2 has 6.6
# nats a row more than 1.
_DECAY, _ROWS_OF_DECAY = 1.0, 1800
_OF_TABLES = {"weight_decay": 0.2, "average": 0.999, "auto_steps": 6000, "patient_steps": 1000}
# The bound on rows of a table is tightened by a few draws of z, and the encoder is not shown all
# of each row: without that a table of a thousand rows is learned by heart (a split of red wine,
# nothing stopped early: held out -58 nats a row after 400 epochs, and with it -49.1 after 500).
_OBJECTIVE_OF_TABLES = IWAE(5, hides=0.5)
# The fewest components of a table's prior, one for so many rows, and the most: of 26,000 rows
# (census incomes) 100 have 0.06 nats a row more than 10, and what boosting
# learns of rows drawn from them predicts better, F1 0.779 beside 0.772.
_COMPONENTS_OF_TABLES = 10, 250, 100
# What says something of arrays of one kind of number alone, and says nothing by itself.
_OF_NUMBERS = {"high": None, "shape": None, "dtype": None, "binarise": "none"}
_TRAINING = (
    "max_epochs", "batch_size", "learning_rate", "warmup", "decay", "weight_decay", "clip",
    "average", "early_stopping", "patience", "max_time",
    "precision",
)  # fmt: skip


def require_parameters(vae: "VAE") -> None:
    """Raise `OptionError` for a parameter that is impossible whatever the rows are.

    What depends on them, as a likelihood of their kind does, is asked once they are known.
    """
    some = infer(np.array([[0.5], [1.5]]))
    options_of(vae, some, 2)
    objective_of(vae, some)
    _latents(vae.latent_dim, some)
    families = {
        "network": Architecture,
        "prior": Prior,
        "posterior": PosteriorFamily,
        "likelihood": Likelihood,
    }
    for option, family in families.items():
        value = getattr(vae, option)
        if option in ("network", "posterior") and not _is_auto(value):
            choose(family, option, value)
        elif isinstance(value, str) and not _is_auto(value):
            # A number may follow; and of these there are objects too, asked with the model.
            choose(family, option, value.partition(":")[0])
    if isinstance(vae.prior, str) and not _is_auto(vae.prior):
        parse_prior(vae.prior)
    if not _is_auto(vae.hidden):
        _widths(vae.hidden)
    if vae.encoder is None or vae.decoder is None:
        require_activation(vae.activation)
    require_missing(vae.missing)
    for option, legal in (("kind", (None, *KINDS, "table")), ("binarise", BINARISATIONS)):
        value = getattr(vae, option)
        if not (value is None or isinstance(value, str)) or value not in legal:
            names = ", ".join(each for each in legal if each)
            raise OptionError(f"{option}={value!r}; legal are {names}")


def options_of(vae: "VAE", schema: AnySchema, rows: int) -> Options:
    """How training is to go on so many rows of this schema.

    Raises `OptionError` where a parameter has an impossible value.
    """
    _whole("draws", vae.draws)
    _whole("keep_rows", vae.keep_rows, least=0)
    for name, legal, holds in (
        ("validation_fraction", "a share from 0 to below 1", lambda share: 0 <= share < 1),
        ("contamination", "a share above 0 up to 0.5", lambda share: 0 < share <= 0.5),
    ):
        value = getattr(vae, name)
        if not (is_number(value) and holds(value)):
            raise OptionError(f"{name}={value!r}: must be {legal}.")
    asked = {name: getattr(vae, name) for name in _TRAINING}
    decay = _DECAY * min(1.0, _ROWS_OF_DECAY / rows)
    of_arrays = _OF_ARRAYS | {"weight_decay": decay}
    automatic = _OF_TABLES if isinstance(schema, TableSchema) else of_arrays
    chosen = {
        name: value
        for name, value in automatic.items()
        if name not in asked or _is_auto(asked[name])
    }
    return Options(**(asked | chosen))


def schema_of(vae: "VAE", X: Any) -> AnySchema:
    """What is assumed of the rows to fit, the overrides among the parameters heeded.

    Raises `DataError` or `OptionError` as the inferences do.
    """
    of_numbers = {name: getattr(vae, name) for name in _OF_NUMBERS}
    if not (vae.schema is None or isinstance(vae.schema, (Mapping, TableSchema))):
        raise OptionError(
            f"schema={vae.schema!r}: give {{column: {{field: value}}}}, or a data.TableSchema."
        )
    if isinstance(vae.schema, TableSchema):
        return replace(vae.schema, container=container_of(X))
    if vae.kind == "table" or vae.schema is not None or (vae.kind is None and is_table(X)):
        for name, value in of_numbers.items():
            if value != _OF_NUMBERS[name]:
                raise OptionError(
                    f"{name}={value!r}: is of arrays of one kind of number, and these rows are a"
                    " table; say what a column is by schema={column: {field: value}}."
                )
        return infer_table(X, vae.schema)
    return infer(X, kind=vae.kind, **of_numbers)


def condition_schema_of(schema: AnySchema, condition: Any, rows: int) -> ConditionSchema | None:
    """What is assumed of the conditions of so many rows to fit; `None` where there are none.

    Raises `DataError` as the inference does, and `OptionError` where rows are a table.
    """
    if condition is None:
        return None
    if isinstance(schema, TableSchema):
        raise OptionError(
            "condition: a table's model is of all its columns together; leave the condition among"
            " them, and draw the others by sample_given."
        )
    return infer_condition(condition, rows)


def objective_of(vae: "VAE", schema: AnySchema) -> Objective:
    """What training maximises; "auto" is the ELBO, of tables the importance-weighted bound."""
    if _is_auto(vae.objective):
        return _OBJECTIVE_OF_TABLES if schema.kind == "table" else ELBO()
    return build_objective(vae.objective)


def assembly_of(vae: "VAE", schema: AnySchema, rows: int, condition: int = 0) -> dict[str, Any]:
    """The options of `recipes.build_model` for so many training rows of this schema.

    `condition` is how many numbers the model is given with each row.

    Raises `OptionError` where a parameter has an impossible value, or the data lie outside the
    likelihood's support.
    """
    prior = vae.prior
    if _is_auto(prior):
        # What is made of columns of several kinds falls into groups.
        few, each, most = _COMPONENTS_OF_TABLES
        components = min(max(rows // each, few), most)
        prior = f"mixture:{components}" if isinstance(schema, TableSchema) else "normal"
        # Of digits given their label it has 1.3 nats a row more than one prior for all labels.
        prior = "conditional" if condition else prior
    network = "mlp" if _is_auto(vae.network) else vae.network
    # What "auto" stands for is kept with the model, and may be something else one day.
    usual = choose(Architecture, "network", network).usual_hidden
    hidden = usual(schema.shape) if _is_auto(vae.hidden) else vae.hidden
    return (
        _likelihood_of(vae, schema)
        | {
            "latent_dim": _latents(vae.latent_dim, schema),
            "network": network,
            "hidden": _widths(hidden),
            "activation": vae.activation,
            "prior": prior,
            "posterior": vae.posterior,
            "encoder": vae.encoder,
            "decoder": vae.decoder,
        }
        | ({"condition": condition} if condition else {})
    )


def _latents(latent_dim: int | str, schema: AnySchema) -> int:
    if not _is_auto(latent_dim):
        if not is_whole(latent_dim, 1):
            raise OptionError(
                f"latent_dim={latent_dim!r}: must be 'auto' or a whole number of at least 1."
            )
        return int(latent_dim)
    if isinstance(schema, Schema) and schema.width >= _MANY_NUMBERS:
        return _LATENTS_OF_MANY
    return _LATENTS


def _likelihood_of(vae: "VAE", schema: AnySchema) -> dict[str, Any]:
    if isinstance(schema, TableSchema):
        if not _is_auto(vae.likelihood):
            raise OptionError(
                f"likelihood={vae.likelihood!r}: of a table each column has its own; name it by"
                ' schema={column: {"likelihood": ...}}.'
            )
        return {"columns": schema.facts(), "missing": vae.missing}
    if vae.missing != "ignored":
        raise OptionError(
            f"missing={vae.missing!r}: is of tables, and these rows have no cell that can be"
            " missing; take kind='table'."
        )
    likelihood = _automatic(schema) if _is_auto(vae.likelihood) else vae.likelihood
    _require_kind(likelihood, schema)
    return {"likelihood": likelihood, "high": float(schema.high)}


def describe_likelihood(asked: Any, schema: AnySchema, used: Any = None) -> str:
    """A line on the likelihood of a model, and whether `asked`, being "auto", left the choice.

    Args:
        asked: the parameter `likelihood` of a `VAE`.
        schema: of its data.
        used: the model's likelihood, once there is a model; what is asked for until then.

    Example:
        >>> from jensen.data import infer
        >>> describe_likelihood("auto", infer([[0, 1], [1, 1]]))
        'likelihood: bernoulli (chosen for binary data)'
        >>> describe_likelihood("normal-fixed:0.1", infer([[0.5], [1.5]]))
        'likelihood: normal-fixed'
    """
    if isinstance(schema, TableSchema):
        return "likelihood: a law for each column, as the schema says"
    automatic = _automatic(schema).partition(":")[0]
    if used is None:
        used = automatic if _is_auto(asked) else asked
    name = used.partition(":")[0] if isinstance(used, str) else getattr(used, "name", "custom")
    # A likelihood of the user's own is not among the parameters of a model read from a file.
    chosen = _is_auto(asked) and name == automatic
    return f"likelihood: {name}" + (f" (chosen for {schema.kind} data)" if chosen else "")


def _automatic(schema: Schema) -> str:
    """The likelihood that "auto" stands for, by its name and number."""
    if schema.kind == "bounded" and _MOST_OF_A_PRODUCT < schema.high < MOST_LEVELS:
        return _OF_MANY_LEVELS
    return _AUTOMATIC[schema.kind]


def checked_latents(X: Any, latent_dim: int) -> np.ndarray:
    """Latents in single precision, (rows, latent_dim); `OptionError` where they are none."""
    Z = np.asarray(X, dtype=np.float32)
    if Z.ndim != 2 or Z.shape[1] != latent_dim:
        raise OptionError(
            f"latents have shape {Z.shape}: give (rows, {latent_dim}), as encoded rows have."
        )
    if not np.isfinite(Z).all():
        row = int(np.argwhere(~np.isfinite(Z))[0][0])
        raise OptionError(f"latents of row {row} are not finite.")
    return Z


def _whole(option: str, value: Any, least: int = 1) -> int:
    """`value` as an int; `OptionError` names the option where it is none, or below `least`."""
    if not is_whole(value, least):
        raise OptionError(f"{option}={value!r}: must be a whole number of at least {least}.")
    return int(value)


def _widths(hidden: Any) -> list[int]:
    """The hidden layers' widths; `OptionError` where they are none."""
    if isinstance(hidden, str) or not np.iterable(hidden):
        raise OptionError(f"hidden={hidden!r}: give a tuple of widths, (200, 200) or (8,), say.")
    return [_whole("hidden", width) for width in hidden]


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _require_kind(likelihood: Any, schema: Schema) -> None:
    """Raise `OptionError` where the data lie outside a named likelihood's support."""
    if isinstance(likelihood, str):
        named = members(Likelihood).get(likelihood.partition(":")[0])
    else:
        named = type(likelihood) if isinstance(likelihood, Likelihood) else None
    if named is None or schema.kind in named.kinds:
        return
    legal = [name for name, each in members(Likelihood).items() if schema.kind in each.kinds]
    why = ""
    if named is Bernoulli:
        # It is common for grey values, brought into 0..1, nonetheless (Loaiza-Ganem & Cunningham
        # 2019, "The continuous Bernoulli").
        why = (
            " A Bernoulli has probabilities for 0 and 1 only: of other values its cross-entropy is"
            " no log-probability, nor a density while its constant is left out, and no evidence"
            " follows from it. Binarise the rows, or take a likelihood of the values they have."
        )
    raise OptionError(
        f"likelihood={named.name!r} is of {' or '.join(named.kinds)} data, but these are"
        f" {schema.kind} ({schema.reason}).{why} Choose one of {', '.join(legal)}, or override"
        " kind."
    )
