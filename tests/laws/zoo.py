"""The members of every family, found in the package, and data that they are made for."""

import inspect
from functools import cache
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import equinox as eqx
import jax
import numpy as np
import numpyro.distributions as dist

from jensen._runtime import on_device
from jensen._sampling import Normals, standard_normal
from jensen.objectives import Objective
from jensen.parts import networks
from jensen.parts._families import members
from jensen.parts.likelihoods import Likelihood
from jensen.parts.posteriors import PosteriorFamily
from jensen.parts.priors import Prior
from jensen.recipes import build_model
from jensen.training.step import split_trainable

EVENT = (2, 3)
HIGH = 7.0
ROWS = 300

LIKELIHOODS = members(Likelihood)
ALL_PRIORS = members(Prior)
# Some are of models that are given a condition, and of no others.
PRIORS = {name: each for name, each in ALL_PRIORS.items() if not each.needs_condition}
CONDITION = {name: 0 if name in PRIORS else 3 for name in ALL_PRIORS}
POSTERIORS = members(PosteriorFamily)
# Of these everything is known in closed form on a linear-Gaussian model.
NORMALS = ("diagonal", "full")
OBJECTIVES = members(Objective)
ARCHITECTURES = members(networks.Architecture)
NETWORKS = {
    name: each
    for name, each in vars(networks).items()
    if inspect.isclass(each) and issubclass(each, eqx.Module)
}
# Input and output of networks that are not for any shape.
_OF_IMAGES: dict[str, list[tuple[Any, Any]]] = {
    "Conv": [((5, 4, 2), (3, 2, 3))],
    "ConvTransposed": [((3, 2, 3), (5, 4, 2))],
    "ConvEncoder": [((5, 6), (3,)), ((9, 4, 2), (2, 2))],
    "ConvDecoder": [((3,), (2, 5, 6)), ((2, 2), (3, 9, 4, 2))],
}
_OF_ANY_SHAPE: list[tuple[Any, Any]] = [((3,), (2,)), ((2, 3), (4,)), ((3,), (2, 2, 3))]
SHAPES = {name: _OF_IMAGES.get(name, _OF_ANY_SHAPE) for name in NETWORKS}

# What is given to those that take a value.
VALUES = {"normal-fixed": 0.7, "logistic-mixture": 3.0}

# A member serves the kinds that it names; the last is the widest.
SERVED = [(name, kind) for name, family in LIKELIHOODS.items() for kind in family.kinds]
DISCRETE = [name for name, family in LIKELIHOODS.items() if family.discrete]
DENSITIES = [name for name, family in LIKELIHOODS.items() if not family.discrete]


def variants(family: Any) -> list[Any]:
    """An instance for each combination of a member's options that have a list of legal values."""
    listed = {
        name: get_args(hint)
        for name, hint in get_type_hints(family).items()
        if get_origin(hint) is Literal
    }
    fixed = {"draws": 4} if "draws" in get_type_hints(family) else {}
    return [
        family(**fixed, **dict(zip(listed, chosen, strict=True)))
        for chosen in product(*listed.values())
    ]


VARIANTS = {repr(each): each for family in OBJECTIVES.values() for each in variants(family)}
VARIANTS["IWAE that hides"] = OBJECTIVES["iwae"](draws=4, hides=0.5)


def rows_of(kind: str, rows: int = ROWS) -> np.ndarray:
    """Rows whose columns differ in where they lie, float32 as the schema gives them."""
    rng = np.random.default_rng(1)
    place = np.linspace(0.15, 0.85, int(np.prod(EVENT))).reshape(EVENT)
    made = {
        "binary": lambda: rng.random((rows, *EVENT)) < place,
        "bounded": lambda: rng.binomial(int(HIGH), rng.beta(4 * place, 4, (rows, *EVENT))),
        "count": lambda: rng.poisson(rng.gamma(2.0, 8 * place, (rows, *EVENT))),
        "real": lambda: rng.normal(20 * place - 5, 0.1 + 4 * place, (rows, *EVENT)),
    }[kind]()
    return made.astype(np.float32)


def widest(name: str) -> np.ndarray:
    """Rows of the widest kind that a likelihood serves."""
    return rows_of(LIKELIHOODS[name].kinds[-1])


def build(
    name: str, rows: np.ndarray, high: float | None = None, value: float | None = None
) -> Any:
    """A likelihood for these rows; `value` is that of one that takes one."""
    return LIKELIHOODS[name].build(rows, high, VALUES.get(name) if value is None else value)


def option(name: str) -> str:
    """What the option `likelihood=` takes."""
    return f"{name}:{VALUES[name]:g}" if name in VALUES else name


def random_h(likelihood: Any, key: Any, spread: float = 1.0) -> jax.Array:
    shape = (likelihood.parameters, *likelihood.event_shape)
    return on_device(spread * standard_normal(key, shape))


def jittered(tree: Any, key: Any, amount: float = 0.3) -> Any:
    """The same module with noise on all that training would change."""
    trainable, rest = split_trainable(tree)
    normal = Normals(key)
    move = lambda leaf: on_device(np.asarray(leaf) + amount * normal(leaf.shape))
    return eqx.combine(jax.tree.map(move, trainable), rest)


def small_model(key: Any, latent: int = 2, **parts: Any) -> Any:
    """A model with little networks, its weights moved away from where training starts."""
    rows = parts.pop("rows", rows_of("real"))
    made = build_model(rows, key=key, latent_dim=latent, **({"hidden": (5,)} | parts))
    return jittered(made, key, 0.15)


@cache
def over_z(name: str, latent: int) -> Any:
    """p(z) of a prior, or of what `as_prior` wraps, or q(z) of a posterior family, by its name."""
    if name in POSTERIORS:
        # Away from the standard normal.
        member = jittered(
            POSTERIORS[name].build(jax.random.key(5), latent), jax.random.key(6), 0.15
        )
        return eqx.filter_jit(member)(0.8 * standard_normal(jax.random.key(4), (member.size,)))
    loc, scale = map(on_device, (np.linspace(-1.0, 1.0, latent), np.full(latent, 0.7)))
    own = dist.Normal(loc, scale).to_event(1)
    prior, size = (name, CONDITION[name]) if name in ALL_PRIORS else (own, 0)
    # Few rows make few pseudo-inputs, each of which then matters.
    rows = rows_of("real", 6)
    model = small_model(jax.random.key(3), latent, prior=prior, rows=rows, condition=size)
    given = np.ones(size, np.float32) if size else None
    return eqx.filter_jit(model.latent_prior)(given)


PRIOR_NAMES = [*ALL_PRIORS, "a NumPyro distribution"]


def network(name: str, in_shape: Any, out_shape: Any, key: Any, **options: Any) -> Any:
    """A network, given those of the options that it has a parameter for."""
    # A layer is drawn at random by a method of its own.
    make = getattr(NETWORKS[name], "draw", NETWORKS[name])
    taken = inspect.signature(make).parameters
    options = {"hidden": (5, 4), "blocks": 1} | options
    return make(in_shape, out_shape, key=key, **{k: v for k, v in options.items() if k in taken})


def assert_same(left: Any, right: Any) -> None:
    """Two pytrees of one structure whose arrays are the same, bit by bit."""
    assert str(jax.tree.structure(left)) == str(jax.tree.structure(right))
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def assert_finite(tree: Any) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        assert np.isfinite(np.asarray(leaf)).all(), jax.tree_util.keystr(path)
