"""The estimators by the names that users choose them by, each with the options it has."""

from collections.abc import Callable
from typing import Any

from jensen._types import Data, PRNGKey
from jensen.errors import OptionError
from jensen.evidence.annealing import Annealing, annealed, certify
from jensen.evidence.bound import elbo
from jensen.evidence.closed_form import exact
from jensen.evidence.estimate import Estimate
from jensen.evidence.monte_carlo import importance, prior_monte_carlo
from jensen.model import Model

__all__ = ["METHODS", "by_method"]

_OF_CHAINS = ("chains", "start", "schedule", "leapfrogs", "resample", "acceptance")


def _exact(model: Model, X: Any, key: PRNGKey) -> Estimate:
    return exact(model, X)


def _annealed(
    model: Model, X: Data, key: PRNGKey, temperatures: int = 100, **chains: Any
) -> Estimate:
    return annealed(model, X, key, temperatures, how=Annealing(**chains))


def _certified(model: Model, X: Data, key: PRNGKey, **options: Any) -> Estimate:
    chains = {name: options.pop(name) for name in _OF_CHAINS if name in options}
    return certify(model, X, key, how=Annealing(**chains), **options)


_BY_DRAWS = ("draws",)
METHODS: dict[str, tuple[Callable[..., Estimate], tuple[str, ...]]] = {
    "importance": (importance, _BY_DRAWS),
    "prior": (prior_monte_carlo, _BY_DRAWS),
    "elbo": (elbo, _BY_DRAWS),
    "exact": (_exact, ()),
    "annealed": (_annealed, ("temperatures", *_OF_CHAINS)),
    "certified": (_certified, ("tolerance", "max_time", "folder", "tell", *_OF_CHAINS)),
}
"""For each method its estimator and its options."""


def by_method(model: Model, X: Data, key: PRNGKey, method: str, **options: Any) -> Estimate:
    """log p(x) of each row by the method of that name; an option that is `None` is not given.

    Raises:
        OptionError: an unknown method, or an option that it does not have.

    Example:
        >>> import jax, numpy as np
        >>> from jensen import LinearGaussian
        >>> model = LinearGaussian.random(jax.random.key(0), features=3, latent=1).model()
        >>> by_method(model, np.zeros((1, 3), np.float32), jax.random.key(1), "exact").kind
        'exact'
    """
    if method not in METHODS:
        raise OptionError(f"method={method!r} is unknown: choose one of {', '.join(METHODS)}.")
    estimator, known = METHODS[method]
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            has = f"its options are {', '.join(known)}" if known else "it has no options"
            whose = [other for other, (_, theirs) in METHODS.items() if name in theirs]
            hint = f"; {name} is for {', '.join(whose)}" if whose else ""
            raise OptionError(f"{name}={value!r}: method={method!r} does not have it: {has}{hint}.")
    return estimator(model, X, key, **given)
