"""jensen: deep latent-variable models fitted to your data, with evidence that can be checked.

The names are imported when they are first used, so that `jensen --help` loads no JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jensen import data, evidence, inference, objectives, parts, queries, recipes, training
    from jensen._types import Datum
    from jensen.data.images import images
    from jensen.estimator import VAE, Imputer, load
    from jensen.evidence import Estimate
    from jensen.linear_gaussian import LinearGaussian
    from jensen.model import Model

__version__ = "0.1.0"

__all__ = [
    "VAE",
    "Datum",
    "Estimate",
    "Imputer",
    "LinearGaussian",
    "Model",
    "__version__",
    "data",
    "evidence",
    "images",
    "inference",
    "load",
    "objectives",
    "parts",
    "queries",
    "recipes",
    "training",
]

_HOME = {
    "VAE": "jensen.estimator",
    "Datum": "jensen._types",
    "Estimate": "jensen.evidence",
    "Imputer": "jensen.estimator",
    "LinearGaussian": "jensen.linear_gaussian",
    "Model": "jensen.model",
    "images": "jensen.data.images",
    "load": "jensen.estimator",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in __all__:
        return import_module(f"jensen.{name}")
    raise AttributeError(f"module 'jensen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
