"""Certificates: evidence whose distance from the truth was measured where the truth is known."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from jensen._runtime import rehearse
from jensen._sampling import fold, split
from jensen._types import Data, PRNGKey
from jensen._words import counted
from jensen.errors import OptionError
from jensen.evidence.annealing.annealed import DEFAULT, Annealed, Annealing, estimate_of, khat_of
from jensen.evidence.annealing.bidirectional import Bracket, bracket_of, simulate
from jensen.evidence.annealing.kept import Keeper
from jensen.evidence.annealing.runs import PILOT, ROWS, Work, lowered, pilot, run
from jensen.evidence.arguments import checked_draws
from jensen.evidence.estimate import RELIABLE_KHAT
from jensen.model import Model

__all__ = ["Certified", "certify"]

MOST_SIMULATED = 100
# Temperatures of the schedule that is tried first: so many times the loss that the pilot saw over
# the tolerance, within these ends; and of the longest. On a model of digits the gap is 1.1 times
# the loss over the temperatures, and its error, which counts, a third of the tolerance. Chains are
# as many as k̂ can be judged by, and no more: there 8, 16, 32 and 64 of 160, 80, 40 and 20
# temperatures leave gaps of 0.04, 0.08, 0.20 and 0.28 nats, so that the same work does more in a
# longer schedule.
_FIRST_BY_LOSS, _FIRST, _LONGEST = 1.6, (32, 1000), 20_000
# The gap falls at least in proportion to the temperatures; a little more leaves less to chance.
_MARGIN, _WORTH = 1.3, 1.5
# Seconds between words of progress.
_SAY_EVERY = 2.0
# How unlike the simulated rows the real ones may be: their log weights' variance as a multiple,
# their acceptance and their share of unreliable rows as a difference.
_MOST_RATIO, _MOST_DIFFERENCE = 1.5, 0.1


@dataclass(frozen=True, repr=False)
class Certified(Annealed):
    """Annealed evidence with the bracket of simulated rows that says how good it is.

    Attributes:
        bracket: both sides of log p(x) of rows simulated from the model.
        tolerance: how far apart they were asked to be at most, in nats.
        seconds: that it took.
        misfits: what sets the real rows apart from the simulated ones, in words; none where
            the certificate carries over.
    """

    bracket: Bracket = field(kw_only=True)
    tolerance: float = field(kw_only=True)
    seconds: float = field(kw_only=True)
    misfits: tuple[str, ...] = field(kw_only=True)

    @property
    def closed(self) -> bool:
        """Whether the sides came as close as they were asked to, a standard error counted in."""
        return _width(self.bracket) <= self.tolerance

    @property
    def carries_over(self) -> bool:
        """Whether the real rows resemble the simulated ones, so that the bracket tells of them."""
        return not self.misfits

    def to_json(self, per_row: bool = False) -> dict[str, Any]:
        """Plain values, as of any annealed estimate, with the bracket."""
        return super().to_json(per_row) | {
            "bracket": self.bracket.to_json(),
            "tolerance": self.tolerance,
            "closed": self.closed,
            "carries_over": self.carries_over,
            "misfits": list(self.misfits),
            "beside": {
                name: {"real": real, "simulated": simulated}
                for name, (real, simulated) in self.beside().items()
            },
        }

    def beside(self) -> dict[str, tuple[float, float]]:
        """How real and simulated rows behaved, in this order."""
        simulated = self.bracket.lower
        return {
            "variance of log weights": (
                float(self.log_weight_variance.mean()),
                float(simulated.log_weight_variance.mean()),
            ),
            "acceptance": (float(self.acceptance.mean()), float(simulated.acceptance.mean())),
            f"share of k̂ above {RELIABLE_KHAT}": (
                float(self.unreliable.mean()),
                float(simulated.unreliable.mean()),
            ),
        }

    def words(self) -> list[str]:
        """What the certificate says, in sentences."""
        found = self.bracket
        held = (
            f"On {len(found.gaps)} rows simulated from the model, where the truth lies between"
            f" both, the lower and the upper side are {found.gap:.3f} ± {found.gap_stderr:.3f}"
            f" nats apart"
        )
        asked = f"as asked ({self.tolerance:g})" if self.closed else (
            f"more than the {self.tolerance:g} asked: give more time (max_time), or begin at the"
            " prior (start='prior'), which knows of modes that the encoder misses"
        )  # fmt: skip
        if self.carries_over:
            over = "The real rows behave like them, so that this carries over to their evidence."
        else:
            over = (
                f"The certificate does not carry over to the real rows: {'; '.join(self.misfits)}."
            )
        return [f"{held}, {asked}.", over]

    def __repr__(self) -> str:
        rows = [f"{'':24}{'real':>12}{'simulated':>12}"]
        rows += [f"{name:24}{a:>12.3f}{b:>12.3f}" for name, (a, b) in self.beside().items()]
        return "\n".join([super().__repr__(), *rows, *self.words()])


def certify(
    model: Model,
    X: Data,
    key: PRNGKey,
    tolerance: float = 0.1,
    *,
    max_time: float | None = None,
    how: Annealing = DEFAULT,
    folder: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> Certified:
    """log p(x) of rows, certified on rows simulated from the model.

    Simulated rows come with an exact posterior draw, and their evidence is held from both
    sides (see `bidirectional`). The schedule is lengthened until these lie `tolerance` apart
    in the mean, and the real rows are then annealed with the very same settings. That tells of
    the real rows as far as they behave as the simulated ones do, which is compared and said.

    Args:
        model: a `Model`.
        X: rows, shape (rows, *event), or a `Datum` of such arrays.
        key: a typed JAX key.
        tolerance: nats between the sides, in the mean over rows.
        max_time: seconds; the bracket is then as close as it came in them. At least the
            shortest schedule is run.
        how: see `Annealing`, without resampling.
        folder: keeps what is done there, so that the same call, having been stopped, goes on
            where it was.
        tell: is told the cost beforehand, and what is being done.

    Raises:
        OptionError: an impossible option, or a folder that keeps another call's work.

    Example:
        >>> import jax, numpy as np
        >>> from jensen import LinearGaussian
        >>> lg = LinearGaussian.random(jax.random.key(0), features=3, latent=1)
        >>> X = lg.sample(np.random.default_rng(0), 20).astype("float32")
        >>> certify(lg.model(), X, jax.random.key(1)).closed
        True
    """
    chains, count = checked_draws(X, how.chains, "chains"), len(jax.tree.leaves(X)[0])
    if not (isinstance(tolerance, (int, float, np.number)) and tolerance > 0):
        raise OptionError(f"tolerance={tolerance!r}: must be above 0, in nats.")
    if max_time is not None and not max_time > 0:
        raise OptionError(f"max_time={max_time!r}: must be above 0 seconds, or None.")
    if chains < 2:
        raise OptionError(f"chains={chains}: a certificate compares chains; give 2 or more.")
    if how.resample:
        raise OptionError("resample: a certificate needs chains without resampling; use 0.")
    began = time.monotonic()
    tell = tell or (lambda text: None)
    work = Keeper(folder, eqx.filter(model, eqx.is_array), X, key, vars(how))
    for_rows, for_pilot, for_bracket, for_real = split(key, 4)
    rows = max(2 * ROWS, min(count, MOST_SIMULATED))
    program = how.program(model)
    # What simulates compiles while Python lowers what takes longest, which then compiles while
    # all else is made ready. What goes wrong here does so again where it counts.
    rehearse(simulate, model, for_rows, rows, X)
    with contextlib.suppress(Exception):
        rehearse(_compile, lowered(program, X, chains), chains, rows)
    simulated = simulate(model, for_rows, rows, X)
    pilots = split(for_pilot)
    accept = how.acceptance
    tell(
        f"a pilot of {PILOT} temperatures on {rows} rows simulated from the model, which shows what"
        " the rest will cost"
    )
    watched = _Watched(work, tell)
    here = pilot(program, simulated.X, pilots[0], chains, accept, watched, "pilot-simulated")

    def left() -> float:
        return np.inf if max_time is None else max_time - (time.monotonic() - began)

    def seconds(temperatures: int, bracket: bool) -> float:
        steps = -(-count // ROWS) * (temperatures + PILOT)
        if bracket:
            steps += 2 * -(-rows // ROWS) * temperatures
        return work.seconds_per_temperature * steps

    temperatures = int(np.clip(round(_FIRST_BY_LOSS * here.loss() / tolerance), *_FIRST))
    # The pilot has told the pace.
    while temperatures > _FIRST[0] and seconds(temperatures, True) > left():
        temperatures = max(_FIRST[0], temperatures // 2)
    while True:
        tell(
            f"{rows} simulated rows from both sides and {count} real ones, {chains} chains of"
            f" {temperatures} temperatures: about {seconds(temperatures, True):.0f} s"
        )
        own_key = fold(for_bracket, temperatures)
        name = f"bracket-{temperatures}"
        bracket = bracket_of(model, simulated, own_key, temperatures, how, here, watched, name)
        tell(f"{bracket!r}")
        wide = _width(bracket)
        if wide <= tolerance:
            break
        wanted = np.clip(_MARGIN * wide / tolerance, 2, 8) * temperatures
        fits = left() / seconds(temperatures, True) * temperatures
        longer = int(min(wanted, fits, _LONGEST))
        # A schedule that is hardly longer hardly closes more.
        if longer < _WORTH * temperatures:
            break
        temperatures = longer
    tell(f"{count} real rows: about {seconds(temperatures, False):.0f} s")
    there = pilot(program, X, pilots[1], chains, accept, watched, "pilot")
    schedule = there.schedule(how.schedule, temperatures)
    ends = run(
        program, X, for_real, there, schedule, chains,
        work=watched, name=f"real-{temperatures}",
    )  # fmt: skip
    found = estimate_of(ends, "certified", temperatures)
    return Certified(
        **vars(found),
        bracket=bracket,
        tolerance=float(tolerance),
        seconds=time.monotonic() - began,
        misfits=_misfits(found, bracket.lower),
    )


class _Watched:
    """A `Work` that says every few seconds which rows are done."""

    def __init__(self, work: Work, tell: Callable[[str], None]) -> None:
        self._work, self._tell = work, tell
        self._told = time.monotonic()

    def __call__(
        self, name: str, temperatures: int, compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        result = self._work(name, temperatures, compute)
        if time.monotonic() - self._told > _SAY_EVERY:
            self._told = time.monotonic()
            stage, _, batch = name.rpartition("-")
            rows = len(next(iter(result.values())))
            self._tell(f"  {stage.replace('-', ' ')}: {int(batch) * ROWS + rows} rows done")
        return result


def _compile(advance: Callable[[], Any], chains: int, rows: int) -> None:
    advance()
    khat_of(np.zeros((rows, chains)))


def _width(bracket: Bracket) -> float:
    """How far apart the sides may be; chance alone may bring them together, so with its error."""
    width = bracket.gap + bracket.gap_stderr
    return width if np.isfinite(width) else np.inf


def _misfits(real: Annealed, simulated: Annealed) -> tuple[str, ...]:
    result = []
    ours, theirs = real.log_weight_variance.mean(), simulated.log_weight_variance.mean()
    # Where the variance is next to nothing, so is what it can hide.
    if not (ours <= max(_MOST_RATIO * theirs, 0.05)):
        result.append(
            f"the variance of their log weights is {ours:.2g}, against {theirs:.2g} simulated"
        )
    ours, theirs = real.acceptance.mean(), simulated.acceptance.mean()
    if not abs(ours - theirs) <= _MOST_DIFFERENCE:
        result.append(f"their chains accept {ours:.0%} of steps, against {theirs:.0%}")
    if real.khat is not None and np.isnan(real.khat[np.isfinite(real.values)]).any():
        result.append(f"k̂ cannot be known of {counted(real.chains, 'chain')}; it takes 25")
    ours, theirs = real.unreliable.mean(), simulated.unreliable.mean()
    if ours > theirs + _MOST_DIFFERENCE:
        result.append(f"k̂ is above {RELIABLE_KHAT} for {ours:.0%} of them, against {theirs:.0%}")
    return tuple(result)
