"""The training loop: epochs, validation, stopping, going back after a failure, resuming."""

import contextlib
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jensen._batching import count, spread_positions, taken
from jensen._runtime import quick_random
from jensen._sampling import SCHEME, fold, split
from jensen._types import PRNGKey
from jensen._words import counted
from jensen.errors import OptionError, TrainingError
from jensen.inference import active_units, means_beyond_prior, prior_variance
from jensen.model import Model
from jensen.objectives import Objective, elbo_terms_of_rows, terms_of_rows
from jensen.parts.networks import require_precision
from jensen.training.blocks import Block, Blocks, Readable, blocks_of
from jensen.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from jensen.training.options import Options
from jensen.training.pace import Pace, Stopwatch
from jensen.training.step import (
    State,
    StepInfo,
    initial_state,
    run_steps,
    split_trainable,
    together,
)

__all__ = ["Trained", "train"]

_MOST_FAILURES = 3
# Validation draws one z a row, and two where there are few rows; since the draws are the same in
# each epoch, their noise hardly touches which epoch is the best. (On digits five are worth nothing
# more, and took a fifth of the time that training took.)
_FEW_ROWS, _DRAWS_OF_FEW = 500, 2
# Training rows by which active units are counted after each epoch.
_ROWS_FOR_ACTIVE_UNITS = 256
# With many draws for each of them so many tell epochs apart, since all have the same noise. Of
# 3,000 judging took a third of the time.
_MOST_JUDGED = 1000


@dataclass(frozen=True)
class Trained:
    """A trained model, and how it came about.

    Attributes:
        model: the model with the best weights seen.
        history: one record an epoch: ELBO, reconstruction, KL, active units, gradient norm, how
            often training went back until then, seconds, rows a second while it trained, and the
            share of that time spent waiting for rows.
        best_epoch: after which epoch the weights were taken.
        stopped: why training ended, in words.
        seconds: how long it took.
    """

    model: Model
    history: list[dict[str, Any]]
    best_epoch: int
    stopped: str
    seconds: float


def train(
    model: Model,
    objective: Objective,
    rows: Any,
    held_out: Any | None = None,
    *,
    options: Options | None = None,
    seed: int = 0,
    folder: Path | None = None,
    resume: bool = False,
    on_start: Callable[[], None] | None = None,
    on_epoch: Callable[[dict[str, Any], int], None] | None = None,
    on_failure: Callable[[str], None] | None = None,
) -> Trained:
    """Fit `model` to `rows` by maximising `objective`.

    Args:
        model: what to train; all its inexact arrays but those of `Constant`.
        objective: what to maximise.
        rows: the training data: an array with a leading axis, or a `Datum` of such; or rows that
            are read when they are due, `Readable`, as images that are not in memory.
        held_out: the validation data, alike; without it the last weights are the result.
        options: see `Options`.
        seed: of all randomness here.
        folder: where checkpoints and `history.jsonl` go, if anywhere.
        resume: go on from the checkpoint in `folder`, if there is one.
        on_start: called before the first step, when its program is ready to be compiled.
        on_epoch: called after each epoch with its record and the number of epochs planned.
        on_failure: called with a sentence when training goes back to an earlier state; without
            it the sentence is a warning.

    Raises:
        OptionError: fewer epochs than the objective takes to settle.
        TrainingError: the objective or its gradient was not finite three times over. Its
            attribute `trained` holds what the best weights were until then: before the end of
            the first epoch, those it began with.
    """
    return _Run(
        model,
        objective,
        rows,
        held_out,
        options or Options(),
        seed,
        folder,
        on_start or (lambda: None),
        on_epoch or (lambda record, planned: None),
        on_failure or _warn,
    ).go(resume)


@dataclass
class _Run:
    model: Model
    objective: Objective
    rows: Any
    held_out: Any | None
    options: Options
    seed: int
    folder: Path | None
    on_start: Callable[[], None]
    on_epoch: Callable[[dict[str, Any], int], None]
    on_failure: Callable[[str], None]

    def go(self, resume: bool) -> Trained:
        require_precision(self.options.precision, (self.model.encoder, self.model.decoder))
        state = initial_state(self.model, self.options.average is not None)
        best = _result(state)
        progress = Progress()
        if resume and self.folder is not None:
            found = load_checkpoint(self.folder, state, best, self.identity)
            if found is not None:
                state, best, progress = found
        planned = self.options.epochs(self.count)
        self._require_settled(planned)
        blocks = blocks_of(self.rows, self.options.batch_size, self.seed, planned)
        with contextlib.closing(blocks):
            return self._from(state, best, progress, blocks, planned)

    def _from(
        self, state: State, best: Any, progress: Progress, blocks: Blocks, planned: int
    ) -> Trained:
        before, began = progress.seconds, time.monotonic()
        saved = began
        # A run killed after its last epoch resumes with nothing left to do.
        reason = self._reason_to_stop(progress, False)
        with _interruptible() as interrupted:
            if reason is None and progress.epoch < planned:
                blocks.begin(progress.epoch, progress.failures)
                self._steps(state, blocks.example(), progress, run_steps.lower)
                self.on_start()
            while reason is None and progress.epoch < planned:
                watch = Stopwatch(blocks, time.monotonic())
                attempt, info = self._epoch(state, blocks, progress)
                now = time.monotonic()
                progress.seconds = before + now - began
                if bool(info.failed):
                    self._fail(progress, best)
                    continue
                record = self._record(attempt, info, progress, watch.pace(self.count, now))
                if not np.isfinite(_judged_by(record) or 0.0):
                    self._fail(progress, best)
                    continue
                state = attempt
                progress.epoch += 1
                progress.history.append(record)
                if self._better(record, progress):
                    best = _result(state)
                self.on_epoch(record, planned)
                reason = self._reason_to_stop(progress, interrupted.is_set())
                is_last = reason is not None or progress.epoch == planned
                is_due = time.monotonic() - saved >= self.options.checkpoint_seconds
                if self.folder is not None and is_due and not is_last:
                    save_checkpoint(self.folder, state, best, progress, self.identity)
                    saved = time.monotonic()
        if self.folder is not None:
            save_checkpoint(self.folder, state, best, progress, self.identity)
        return self._trained(best, progress, reason or "all epochs done")

    @property
    def count(self) -> int:
        return len(jax.tree.leaves(self.rows)[0])

    @property
    def identity(self) -> dict[str, Any]:
        """What a run must share with a checkpoint to go on from it."""
        options = self.options.to_json()
        # These may differ: how long to go on, and how often to save.
        for free in ("max_time", "checkpoint_seconds"):
            del options[free]
        options["max_epochs"] = self.options.epochs(self.count)
        digest = sha256()
        for leaf in jax.tree.leaves((self.rows, self.held_out)):
            read = isinstance(leaf, Readable)
            digest.update(leaf.identity.encode() if read else np.ascontiguousarray(leaf).tobytes())
        trainable, rest = split_trainable(self.model)
        constants = sha256()
        for leaf in jax.tree.leaves(eqx.filter(rest, eqx.is_array)):
            constants.update(np.asarray(leaf).tobytes())
        # Where a function stands in memory is not part of what it is.
        structure = re.sub(r" at 0x[0-9a-f]+", "", repr((trainable, jax.tree.structure(rest))))
        return {
            "numbers": SCHEME,
            "seed": self.seed,
            "model": sha256(structure.encode()).hexdigest() + constants.hexdigest(),
            "options": options,
            "objective": repr(self.objective),
            "data": digest.hexdigest(),
        }

    def _epoch(self, state: State, blocks: Blocks, progress: Progress) -> tuple[State, StepInfo]:
        infos = []
        for block in blocks.epoch(progress.epoch, progress.failures):
            state, info = self._steps(state, block, progress)
            # The next block is put on the device meanwhile, by another thread. What is waited for
            # once this one is done is what the device waits for.
            infos.append(jax.block_until_ready(info))
        return state, together(infos)

    def _steps(
        self, state: State, block: Block, progress: Progress, by: Callable[..., Any] = run_steps
    ) -> Any:
        # Everything random follows from seed, epoch and failures, so that a resumed run meets
        # the same numbers, and one that goes back after a failure meets others.
        epoch, options = progress.epoch, self.options
        steps = options.steps(self.count)
        # Steps beyond the last one fill up a block, and are not taken.
        known = np.minimum(block.number, steps - 1)
        survival = options.survival(self.count, epoch)
        with quick_random():
            return by(
                state,
                self.rest,
                self.objective,
                block.rows,
                block.index,
                block.weight,
                block.number.astype(np.int32),
                options.rates(self.count, epoch)[known] * np.float32(progress.rate_scale),
                self._key(2 * (_MOST_FAILURES * epoch + progress.failures)),
                (epoch + block.number / steps).astype(np.float32),
                jnp.float32(options.weight_decay),
                jnp.float32(options.clip),
                None if survival is None else survival[known],
                block.due,
                self.options.precision,
            )

    @cached_property
    def rest(self) -> Any:
        """What of the model is not trained."""
        return split_trainable(self.model)[1]

    @cached_property
    def _validation_keys(self) -> Any:
        # The same each time, so that epochs differ by their weights and not by luck.
        return split(self._key(1), len(jax.tree.leaves(self.held_out)[0]))

    @cached_property
    def _judged(self) -> tuple[Any, Any]:
        """The rows on which an objective judges by many draws, and their keys."""
        chosen = spread_positions(count(self.held_out), _MOST_JUDGED)
        return taken(self.held_out, chosen), self._validation_keys[chosen]

    def _key(self, number: int) -> PRNGKey:
        return fold(jax.random.key(self.seed), number)

    def _record(
        self, state: State, info: StepInfo, progress: Progress, pace: Pace
    ) -> dict[str, Any]:
        model = eqx.combine(_result(state), self.rest)
        variance = prior_variance(model, self._some_rows)
        record = {
            "epoch": progress.epoch + 1,
            "train_objective": float(info.value),
            "train_elbo": float(info.reconstruction - info.kl),
            "train_reconstruction": float(info.reconstruction),
            "train_kl": float(info.kl),
            "train_active_units": active_units(
                means_beyond_prior(model, self._some_rows), variance
            ),
            "grad_norm": float(info.grad_norm),
            "failures": progress.failures,
        }
        if self.held_out is not None:
            keys, judge = self._validation_keys, self.objective.judge
            if judge is None:
                draws = _DRAWS_OF_FEW if len(keys) <= _FEW_ROWS else 1
                reconstruction, kl = elbo_terms_of_rows(model, self.held_out, keys, draws)
            else:
                value, reconstruction, kl = terms_of_rows(judge, model, *self._judged)
                record["validation_objective"] = float(np.mean(value))
            record |= {
                "validation_elbo": float(np.mean(reconstruction - kl)),
                "validation_reconstruction": float(np.mean(reconstruction)),
                "validation_kl": float(np.mean(kl)),
                "validation_active_units": active_units(
                    means_beyond_prior(model, self.held_out), variance
                ),
            }
        return record | {"seconds": round(progress.seconds, 3)} | pace.to_json()

    @cached_property
    def _some_rows(self) -> Any:
        return jax.tree.map(lambda leaf: leaf[:_ROWS_FOR_ACTIVE_UNITS], self.rows)

    def _require_settled(self, planned: int) -> None:
        settles = self.objective.settles
        if settles > planned:
            raise OptionError(
                f"max_epochs={self.options.max_epochs!r}: training ends after {planned} epochs, and"
                f" the objective is what it is meant to be from epoch {settles:g} on"
                " (BetaELBO's warmup, say). Give more epochs, or a shorter warm-up."
            )

    def _better(self, record: dict[str, Any], progress: Progress) -> bool:
        if progress.epoch < self.objective.settles:
            # Until the objective is the one asked for the last weights stand in for the best:
            # they are what an interruption leaves, and any that come after replace them.
            progress.best_epoch = progress.epoch
            return True
        found = _judged_by(record)
        if found is not None and not found > progress.best:
            return False
        progress.best = record["train_elbo"] if found is None else found
        progress.best_epoch = progress.epoch
        return True

    def _reason_to_stop(self, progress: Progress, interrupted: bool) -> str | None:
        if interrupted:
            return "interrupted"
        if self.options.max_time is not None and progress.seconds >= self.options.max_time:
            return f"max_time of {self.options.max_time:g} s reached"
        waited = progress.epoch - progress.best_epoch
        if self.options.early_stopping and waited >= self.options.waits(self.count):
            what = "ELBO" if self.objective.judge is None else "bound"
            return f"no better validation {what} in {counted(waited, 'epoch')}"
        return None

    def _fail(self, progress: Progress, best: Any) -> None:
        progress.failures += 1
        progress.rate_scale /= 2
        sentence = (
            f"epoch {progress.epoch + 1}: objective, gradient or validation ELBO was not finite;"
            f" went back to the state before it with {progress.rate_scale:g} of the learning rate"
        )
        if progress.failures < _MOST_FAILURES:
            self.on_failure(sentence)
            return
        kept = "The best model until then is kept." if progress.epoch else "No epoch was finished."
        error = TrainingError(
            f"training failed {progress.failures} times with values that are not finite, last in"
            f" epoch {progress.epoch + 1}. {kept} Try a smaller"
            f" learning_rate than {self.options.learning_rate:g}, a smaller clip, or look for"
            " extreme values in the data."
        )
        error.trained = self._trained(best, progress, "values that are not finite")
        raise error

    def _trained(self, best: Any, progress: Progress, stopped: str) -> Trained:
        model = eqx.combine(best, self.rest)
        return Trained(model, progress.history, progress.best_epoch, stopped, progress.seconds)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=2)


def _judged_by(record: dict[str, Any]) -> float | None:
    """The figure by which an epoch's weights are the best or not; `None` without held-out rows."""
    return record.get("validation_objective", record.get("validation_elbo"))


def _result(state: State) -> Any:
    """The weights that are judged and kept: the running average where there is one."""
    return state.trainable if state.average is None else state.average


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Make the first Ctrl-C set an event; the second one acts as ever."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    previous = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)
