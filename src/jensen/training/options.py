"""How training goes: every number with its reason."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from jensen.errors import OptionError
from jensen.parts.networks import require_precision

__all__ = ["Options", "is_number", "is_whole"]


# On digits the next 500 are worth 0.2 nats a row, and the 400 before were worth 0.4.
_STEPS = 2500
_PATIENCE = 50


@dataclass(frozen=True)
class Options:
    """How training goes.

    Attributes:
        max_epochs: passes over the training rows, or "auto": as many as make `auto_steps`, but
            50 at least and 500 for each 2,500 steps at most. Small sets need the passes, large
            ones the steps.
        batch_size: rows in a step. 128 keeps the matrix products near the speed of large
            ones and leaves some ten steps an epoch on a thousand rows.
        learning_rate: the highest one, after the warm-up. Adam is insensitive between 1e-3
            and 3e-3 here, and the larger ones need fewer epochs.
        warmup: share of all steps over which the learning rate rises from zero.
        decay: what a half cosine lowers the learning rate to by the end, as a share of it.
        weight_decay: decoupled from the gradient (Loshchilov & Hutter 2019), on the matrices of
            encoder and decoder. 1.0 is a hundred times what classifiers take; on digits
            it is what keeps held-out rows within 5 nats of training rows.
        clip: longest gradient that a step follows, in nats per unit of parameter.
        average: the largest share of the running average of the weights that survives a step, or
            `None`; less survives of the beginning, see `survival`. Validation, early stopping and
            the result use the average where there is one.
        early_stopping: stop when the validation ELBO, or what else judges an objective, has not
            risen for `patience` epochs.
        patience: see there; "auto" is 50, or as many as make `patient_steps`.
        max_time: seconds after which no new epoch is begun, or `None`.
        checkpoint_seconds: seconds between checkpoints, where there is a folder for them.
        precision: "float32", or "bfloat16", in which an accelerator multiplies faster: of the
            networks' numbers eight bits count then, in the steps alone. What is judged, kept and
            scored is in single precision.
        auto_steps: how many steps `max_epochs="auto"` makes.
        patient_steps: how many steps `patience="auto"` waits, at least.
    """

    max_epochs: int | str = "auto"
    batch_size: int = 128
    learning_rate: float = 2e-3
    warmup: float = 0.02
    decay: float = 0.02
    weight_decay: float = 1.0
    clip: float = 100.0
    average: float | None = None
    early_stopping: bool = True
    patience: int | str = "auto"
    max_time: float | None = None
    checkpoint_seconds: float = 5.0
    precision: str = "float32"
    auto_steps: int = _STEPS
    patient_steps: int = 0

    def __post_init__(self):
        """Raise `OptionError`, naming the option and its legal values."""
        self._require(
            "max_epochs",
            self.max_epochs == "auto" or is_whole(self.max_epochs, 1),
            '"auto" or a whole number of at least 1',
        )
        self._require(
            "patience",
            self.patience == "auto" or is_whole(self.patience, 1),
            '"auto" or a whole number of at least 1',
        )
        for name, least in (("batch_size", 1), ("auto_steps", 1), ("patient_steps", 0)):
            legal = f"a whole number of at least {least}"
            self._require(name, is_whole(getattr(self, name), least), legal)
        # NaN is in no interval; infinity is no limit where it is the end of one.
        for name, legal, holds in (
            ("learning_rate", "a number above 0, and at most 1", lambda x: 0 < x <= 1),
            ("clip", "a number above 0", lambda x: x > 0),
            ("weight_decay", "a finite number of at least 0", lambda x: 0 <= x < np.inf),
            ("checkpoint_seconds", "a number of at least 0", lambda x: x >= 0),
            ("warmup", "a number between 0 and 1", lambda x: 0 <= x <= 1),
            ("decay", "a number between 0 and 1", lambda x: 0 <= x <= 1),
            ("average", "None, or a number from 0 to below 1", lambda x: 0 <= x < 1),
            ("max_time", "a number of seconds above 0, or None", lambda x: x > 0),
        ):
            value = getattr(self, name)
            unset = value is None and name in ("average", "max_time")
            self._require(name, unset or (is_number(value) and holds(value)), legal)
        require_precision(self.precision)

    def _require(self, name: str, holds: bool, legal: str) -> None:
        if not holds:
            raise OptionError(f"{name}={getattr(self, name)!r}: must be {legal}.")

    def epochs(self, rows: int) -> int:
        """How many epochs `max_epochs` stands for with that many training rows."""
        if self.max_epochs != "auto":
            return int(self.max_epochs)
        most = 500 * self.auto_steps / _STEPS
        return int(np.clip(-(-self.auto_steps // self.steps(rows)), 50, max(50, most)))

    def waits(self, rows: int) -> int:
        """How many epochs `patience` stands for with that many training rows."""
        if self.patience != "auto":
            return int(self.patience)
        return max(_PATIENCE, -(-self.patient_steps // self.steps(rows)))

    def steps(self, rows: int) -> int:
        """Steps in an epoch: the last batch holds what remains."""
        return -(-rows // self.batch_size)

    def rates(self, rows: int, epoch: int) -> np.ndarray:
        """The learning rate of each step of an epoch, shape (steps,)."""
        steps = self.steps(rows)
        total = self.epochs(rows) * steps
        warm = self.warmup * total
        at = epoch * steps + np.arange(steps)
        rising = (at + 1) / max(warm, 1.0)
        done = np.clip((at - warm) / max(total - warm, 1.0), 0.0, 1.0)
        falling = self.decay + (1 - self.decay) * 0.5 * (1 + np.cos(np.pi * done))
        return (self.learning_rate * np.minimum(rising, falling)).astype(np.float32)

    def survival(self, rows: int, epoch: int) -> np.ndarray | None:
        """How much of the running average survives each step of an epoch, shape (steps,).

        After t steps no more than (1 + t)/(10 + t), so that the average is of the last tenth of
        a short training and not of the weights that it began with.
        """
        if self.average is None:
            return None
        steps = self.steps(rows)
        done = epoch * steps + np.arange(steps)
        return np.minimum(self.average, (1 + done) / (10 + done)).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain values, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def is_number(value: Any) -> bool:
    """Whether `value` is a number, and no truth value."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def is_whole(value: Any, least: int) -> bool:
    """Whether `value` is a whole number of at least `least`."""
    return is_number(value) and np.isfinite(value) and value == int(value) and value >= least
