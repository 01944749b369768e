"""Famous models as assemblies of parts: each returns a model, yet untrained, and its objective.

A recipe takes the training rows for what is measured once and then stays: shifts and scales,
the decoder's first bias, pseudo-inputs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import equinox as eqx
import jax
import numpy as np
from numpyro.distributions.constraints import Constraint

from jensen._lenient import lenient
from jensen._runtime import strong
from jensen._sampling import fold, split
from jensen._types import Constant, Data, Datum, PRNGKey, as_datum
from jensen.errors import OptionError
from jensen.model import Model
from jensen.objectives import ELBO, IWAE, BetaELBO, Objective
from jensen.parts._families import choose, members
from jensen.parts._standardise import standardisation
from jensen.parts.columns import Columns, Facts
from jensen.parts.conditions import ConditionalDecoder, beside_image, joined_shape
from jensen.parts.encoders import ColumnsEncoder, Encoder
from jensen.parts.features import ColumnFeatures
from jensen.parts.likelihoods import Likelihood
from jensen.parts.missingness import Missingness, require_missing
from jensen.parts.networks import Architecture, Linear
from jensen.parts.posteriors import PosteriorFamily
from jensen.parts.priors import MOST_COMPONENTS, Prior

__all__ = ["beta_vae", "build_model", "build_objective", "iwae", "ppca", "vae", "vamp_vae"]

# A pixel that hardly ever changes would be blown up to the scale of the others; no less than
# this share of the data's own spread stands for one in the encoder's input.
_SPREAD_FLOOR = 0.1
# A z that a prior with bounds does not hold.
_FAR = 1e30


def build_objective(objective: str | Objective) -> Objective:
    """An objective by its name, with its number and further options; or itself.

    Raises:
        OptionError: an unknown name or option, or a value that means nothing.

    Example:
        >>> build_objective("iwae:50").draws
        50
        >>> build_objective("beta:1,free_bits=0.1,warmup=20").free_bits
        0.1
    """
    if isinstance(objective, Objective):
        return objective
    if not isinstance(objective, str):
        raise OptionError(
            f"objective={objective!r}: give a name, one of {', '.join(members(Objective))}, or an"
            " objectives.Objective."
        )
    first, *others = objective.split(",")
    name, colon, value = first.partition(":")
    family = choose(Objective, "objective", name.strip())
    defaults = {field.name: field.default for field in fields(family)}
    given = [(family.takes_value, value)] if colon else []
    given += [(option, value) for option, _, value in (other.partition("=") for other in others)]
    options: dict[str, Any] = {}
    for option, value in given:
        option, value = str(option).strip(), value.strip()
        if option not in defaults:
            raise OptionError(
                f"objective={objective!r}: {name} has no option {option!r}; those that may follow"
                f" a comma are {', '.join(f'{each}=' for each in defaults)}."
            )
        if option in options:
            raise OptionError(f"objective={objective!r}: {option} is given twice.")
        options[option] = _like(defaults[option], value, f"objective={objective!r}: {option}")
    return family(**options)


def _like(default: Any, text: str, where: str) -> Any:
    """What was typed, as a value of the default's type."""
    if isinstance(default, str):
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OptionError(f"{where} must be a number, and not {text!r}.")
    if not isinstance(default, int):
        return value
    if value != int(value):
        raise OptionError(f"{where} must be a whole number, and not {text}.")
    return int(value)


def _build_likelihood(likelihood: str | Any, rows: np.ndarray, high: float | None) -> Any:
    if not isinstance(likelihood, str):
        return likelihood
    name, colon, number = likelihood.partition(":")
    where = f"likelihood={likelihood!r}: what follows the colon"
    value = _like(0.0, number, where) if colon else None
    return choose(Likelihood, "likelihood", name).build(rows, high, value)


def parse_prior(prior: str) -> tuple[type[Prior], int | None]:
    """The family that a prior's name is of, and the number of components behind it, if any.

    Raises:
        OptionError: an unknown name, or a number that means nothing.

    Example:
        >>> parse_prior("mixture:50")[1]
        50
    """
    name, colon, number = prior.partition(":")
    family: type[Prior] = choose(Prior, "prior", name)
    if not colon:
        return family, None
    if not family.takes_value:
        raise OptionError(f"prior={prior!r}: {name} takes no number.")
    components = _like(0, number, f"prior={prior!r}: what follows the colon")
    if not 1 <= components <= MOST_COMPONENTS:
        raise OptionError(f"prior={prior!r}: give 1 to {MOST_COMPONENTS:,} components.")
    return family, components


def _build_prior(
    prior: str, key: PRNGKey, latent_dim: int, rows: np.ndarray, condition: int
) -> Prior:
    found, components = parse_prior(prior)
    family: Any = found
    if family.needs_condition:
        if not condition:
            raise OptionError(
                f"prior={prior!r}: {prior} is of models that are fitted with a condition."
            )
        return cast(Prior, family.build(key, latent_dim, condition))
    if components is None:
        return cast(Prior, family.build(key, latent_dim, rows))
    return cast(Prior, family.build(key, latent_dim, rows, components))


def build_model(
    rows: Data,
    *,
    key: PRNGKey,
    latent_dim: int = 10,
    likelihood: str | Any = "normal",
    high: float | None = None,
    columns: Sequence[Mapping[str, Any]] | None = None,
    network: str = "mlp",
    hidden: Sequence[int] | str = "auto",
    activation: str = "relu",
    prior: str | Any = "normal",
    posterior: str = "diagonal",
    encoder: Any = None,
    decoder: Any = None,
    missing: str = "ignored",
    condition: int = 0,
) -> Model:
    """Assemble a model for data like `rows`, shape (rows, *event).

    Args:
        rows: the training rows; what is measured on them is part of the model. A `Datum` says
            which cells are missing.
        key: for the networks' weights and the prior's.
        latent_dim: dimensions of z.
        likelihood: a name, with a number behind it where it takes one, or a likelihood.
        high: the largest value that a bounded entry can take.
        columns: of a table, what is known of each column, the fields of `parts.columns.Facts`;
            then `likelihood` and `high` are not used, and `rows` has shape (rows, columns).
        network: what both networks are: "mlp"; or, of images, "conv" or "resnet".
        hidden: widths of the encoder's hidden layers; the decoder's are the same, reversed. Of
            convolutions they are channels, each layer of which halves the image. "auto" is what
            the network usually has for rows of this shape.
        activation: between the layers.
        prior: a name, with a number of components behind it where it has some ("mixture:50"), or
            any distribution over z.
        posterior: a name of the posterior families.
        encoder: a network of your own, event shape -> (size of the posterior family,). Of a
            conditional model it sees rows with their conditions (`parts.conditions.joined_shape`).
        decoder: a network of your own, (latent_dim,) -> (likelihood.parameters, *event); of a
            conditional model (latent_dim + condition,) ->.
        missing: of a table, why cells are missing: "ignored"; "random", at a rate of each
            column; or "self", at one that depends on the cell's own value, "self:high" and
            "self:low" where it is known that the higher or the lower numbers are missing sooner.
        condition: how many numbers the model is given with each row, `Datum.condition`, by which
            it is one of p(x | condition); 0 for a model of p(x).

    Raises:
        OptionError: a name that is unknown, a number that makes no model, or a condition for
            rows that are neither vectors nor images.
    """
    if not (isinstance(latent_dim, int) and latent_dim >= 1):
        raise OptionError(f"latent_dim={latent_dim!r}: must be a whole number of at least 1.")
    data = as_datum(rows)
    x = _without_holes(data)
    _require_conditionable(condition, x.shape[1:], columns is not None)
    if columns is None:
        ends = _of_numbers(_build_likelihood(likelihood, x, high), x)
    else:
        ends = _of_table([Facts(**each) for each in columns], x, data.mask, missing)
    architecture = choose(Architecture, "network", network)
    if isinstance(hidden, str):
        if hidden != "auto":
            raise OptionError(f"hidden={hidden!r}: give a tuple of widths, or 'auto'.")
        hidden = architecture.usual_hidden(ends.in_shape)
    family_kind = choose(PosteriorFamily, "posterior", posterior)
    for_encoder, for_decoder, for_prior, for_family = split(key, 4)
    family = family_kind.build(for_family, latent_dim)
    in_shape, plane = ends.in_shape, None
    if condition:
        plane = beside_image(in_shape, condition, fold(for_encoder, 0))
        in_shape = joined_shape(in_shape, condition)
    if encoder is None:
        encoder = architecture.encoder(
            in_shape, family.size, hidden=hidden, activation=activation, key=for_encoder
        )
    if decoder is None:
        decoder = architecture.decoder(
            latent_dim + condition,
            ends.likelihood.initial(x).reshape(ends.h_shape),
            hidden=hidden,
            activation=activation,
            key=for_decoder,
        )
    if isinstance(prior, str):
        prior = _build_prior(prior, for_prior, latent_dim, x, condition)
    else:
        _require_distribution(prior, latent_dim)
    _require_size(encoder, family.size, posterior, in_shape)
    _require_shape(decoder, latent_dim + condition, ends.likelihood, ends.h_shape)
    model = Model(
        prior=prior,
        decoder=ConditionalDecoder(decoder) if condition else decoder,
        likelihood=ends.likelihood,
        encoder=ends.encoder(encoder, family, plane),
        missingness=ends.missingness,
    )
    # Its types are those that training and files leave it with, and so are its programs.
    return strong(model)


@dataclass(frozen=True)
class _Ends:
    """The parts of a model that meet the data, and the shapes between them and its networks."""

    likelihood: Any
    in_shape: tuple[int, ...]
    h_shape: tuple[int, ...]
    encoder: Callable[[Any, PosteriorFamily, Linear | None], Any]
    missingness: Missingness | None


def _of_numbers(likelihood: Any, x: np.ndarray) -> _Ends:
    # A likelihood of the user's own need not say whether it is discrete.
    discrete = getattr(likelihood, "discrete", False)
    shift, scale = standardisation(x, floor=_SPREAD_FLOOR if discrete else 0.0)
    event_shape = x.shape[1:]

    def encoder(network: Any, family: PosteriorFamily, plane: Linear | None) -> Encoder:
        return Encoder(network, family, Constant(shift), Constant(scale), plane=plane)

    return _Ends(likelihood, event_shape, (likelihood.parameters, *event_shape), encoder, None)


def _of_table(facts: Sequence[Facts], x: np.ndarray, mask: Any, missing: str) -> _Ends:
    likelihood, features = Columns.of(facts, x), ColumnFeatures.of(facts, x)

    def encoder(network: Any, family: PosteriorFamily, plane: Linear | None) -> ColumnsEncoder:
        return ColumnsEncoder(network, family, features)

    missingness = _missingness(missing, facts, x, mask)
    return _Ends(likelihood, (features.size,), likelihood.h_shape, encoder, missingness)


def _missingness(
    missing: str, facts: Sequence[Facts], x: np.ndarray, mask: Any
) -> Missingness | None:
    require_missing(missing)
    if missing == "ignored":
        return None
    seen = np.ones(x.shape, bool) if mask is None else np.asarray(mask)
    return Missingness.of(facts, x, seen, missing)


def _without_holes(rows: Datum) -> np.ndarray:
    """Values with other values of the same column, in turn, where one is missing.

    Of these columns are spread as of those observed, which is all that is measured on them.
    """
    if rows.mask is None:
        return np.asarray(rows.x)
    x = np.array(rows.x)
    columns, masks = x.reshape(len(x), -1).T, np.asarray(rows.mask).reshape(len(x), -1).T
    for values, seen in zip(columns, masks, strict=True):
        if not seen.all():
            values[~seen] = np.resize(values[seen], int((~seen).sum())) if seen.any() else 1.0
    return x


def _require_conditionable(condition: Any, event_shape: tuple[int, ...], of_table: bool) -> None:
    if not (isinstance(condition, int) and condition >= 0):
        raise OptionError(f"condition={condition!r}: must be a whole number, how many there are.")
    if condition and of_table:
        raise OptionError(
            "condition: a table's model is of all its columns together; give the condition as a"
            " column of it, and draw the others given that (sample_given)."
        )
    if condition and len(event_shape) not in (1, 2, 3):
        raise OptionError(f"condition: is of vectors and images, and rows have {event_shape}.")


def _require_distribution(prior: Any, latent_dim: int) -> None:
    """A prior over another space would be stretched to the encoder's z without a word."""
    if isinstance(prior, Prior):
        return
    if not (
        callable(getattr(prior, "log_prob", None)) and callable(getattr(prior, "sample", None))
    ):
        raise OptionError(
            f"prior={prior!r}: give normal, mixture or vamp, or a distribution over z, which"
            " answers log_prob(z) and sample(key)."
        )

    def draw(key: PRNGKey) -> tuple[Any, Any]:
        z = prior.sample(key)
        return z, prior.log_prob(z)

    with lenient():
        z, log_prob = eqx.filter_eval_shape(draw, jax.random.key(0))
    expected = (latent_dim,)
    if z.shape != expected:
        raise OptionError(
            f"prior: draws a z of shape {z.shape}, but latent_dim={latent_dim} asks for {expected}."
        )
    if log_prob.shape != ():
        raise OptionError(
            f"prior: log_prob of one z has shape {log_prob.shape}, but must be one number; for"
            " independent entries of NumPyro's distributions, add .to_event(1)."
        )
    support = getattr(prior, "support", None)
    if isinstance(support, Constraint):
        with lenient():
            far = [support(np.full(expected, end, np.float32)) for end in (-_FAR, _FAR)]
        if not np.all(far):
            raise OptionError(
                f"prior: holds z in {support} alone, but an encoder's z may lie anywhere. Take a"
                " prior on all real numbers, and bend its z in the decoder."
            )


def _require_size(encoder: Any, size: int, posterior: str, event_shape: tuple[int, ...]) -> None:
    """An encoder's output of the wrong shape would be cut or stretched without a word."""
    found = eqx.filter_eval_shape(encoder, jax.ShapeDtypeStruct(event_shape, np.float32))
    expected, shape = (size,), getattr(found, "shape", type(found).__name__)
    if shape != expected:
        raise OptionError(
            f"encoder: makes an output of shape {shape} from {event_shape}, but"
            f" posterior={posterior!r} takes {expected}: (numbers of the posterior,)."
        )


def _require_shape(
    decoder: Any, latent_dim: int, likelihood: Any, expected: tuple[int, ...]
) -> None:
    """A decoder's output of the wrong shape would be stretched to the data's without a word."""
    if not isinstance(likelihood, (Likelihood, Columns)):
        return
    found = eqx.filter_eval_shape(decoder, jax.ShapeDtypeStruct((latent_dim,), np.float32)).shape
    if found != expected:
        raise OptionError(
            f"decoder: makes an output of shape {found} from ({latent_dim},), but this likelihood"
            f" takes {expected}: (numbers an entry, *shape of a row)."
        )


def vae(rows: np.ndarray, *, key: PRNGKey, **parts: Any) -> tuple[Model, Objective]:
    """The variational autoencoder (Kingma & Welling 2014): the ELBO, all parts as they come.

    Example:
        >>> import jax, numpy as np
        >>> rows = np.zeros((5, 3), np.float32)
        >>> model, objective = vae(rows, key=jax.random.key(0), latent_dim=2)
        >>> objective.name, objective.draws
        ('elbo', 1)
    """
    return build_model(rows, key=key, **parts), ELBO()


def beta_vae(
    rows: np.ndarray, *, key: PRNGKey, beta: float = 4.0, **parts: Any
) -> tuple[Model, Objective]:
    """The β-VAE (Higgins et al. 2017): a KL term that counts `beta` times."""
    return build_model(rows, key=key, **parts), BetaELBO(beta)


def iwae(
    rows: np.ndarray, *, key: PRNGKey, draws: int = 50, **parts: Any
) -> tuple[Model, Objective]:
    """The importance-weighted autoencoder (Burda et al. 2016), doubly reparameterised."""
    return build_model(rows, key=key, **parts), IWAE(draws)


def vamp_vae(rows: np.ndarray, *, key: PRNGKey, **parts: Any) -> tuple[Model, Objective]:
    """A VAE whose prior is the encoder's posterior at pseudo-inputs (Tomczak & Welling 2018)."""
    return build_model(rows, key=key, prior="vamp", **parts), ELBO()


def ppca(rows: np.ndarray, *, key: PRNGKey, **parts: Any) -> tuple[Model, Objective]:
    """Probabilistic PCA (Tipping & Bishop 1999), trained as a VAE; its evidence is exact."""
    linear = {"hidden": (), "posterior": "full", "likelihood": "normal-shared"}
    return build_model(rows, key=key, **(linear | parts)), ELBO()
