"""What an objective is: a per-datum value from model, x and key."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx

from jensen._types import Data, PRNGKey, Scalar

__all__ = ["Objective", "Terms"]


class Terms(eqx.Module):
    """What an objective says of one datum, all in nats.

    `value` is the objective and `surrogate` the scalar whose gradient estimates the gradient
    of E[value]; they are kept apart because only the first may be reported.
    """

    value: Scalar
    surrogate: Scalar
    reconstruction: Scalar
    kl: Scalar


class Objective(eqx.Module):
    """What training maximises.

    Class attributes:
        name: what the option `objective=` calls it.
        takes_value: what a number behind the name means ("iwae:50"), or `None`.
    """

    name: ClassVar[str]
    takes_value: ClassVar[str | None] = None

    @property
    def settles(self) -> float:
        """Epochs until the objective is what was asked for, as after a warm-up.

        Before, training neither takes weights for the best nor stops early.
        """
        return 0.0

    @property
    def judge(self) -> "Objective | None":
        """The objective whose value on held-out rows says which weights are the best.

        `None` stands for the ELBO.
        """
        return None

    @abstractmethod
    def __call__(self, model: Any, x: Data, key: PRNGKey, epoch: Scalar) -> Terms:
        """The terms for one datum; `epoch` counts, in fractions, the epochs done so far."""
