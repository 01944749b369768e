"""The grid that numbers were recorded on: tenths, quarters, whole numbers, multiples of 25."""

from typing import NamedTuple

import numpy as np

DIVISORS = range(1, 11)
CLOSE = 1e-3
# Beyond it what floats add is no longer small beside a thousandth of a step.
_FINEST = 1e11


class Grid(NamedTuple):
    """Values are origin + k step, with whole numbers k."""

    step: float
    origin: float


def find_grid(distinct: np.ndarray, single: bool = False) -> Grid | None:
    """The widest grid that holds all of these values, float64, sorted and distinct.

    Tried are the least difference of two neighbours divided by 1 to 10, from 0 and then from the
    least value on, and then 1, 0.1, 0.01, ... down to a thousandth of that difference; each value
    must lie within a thousandth of a step. What floats add to decimals
    (0.1 + 0.2) makes no difference; `single` says that the values were float32.

    >>> find_grid(np.array([0.1, 0.1 + 0.2, 0.3, 1.2]))
    Grid(step=0.1, origin=0.0)
    >>> find_grid(np.array([0.5, 1.5, 4.5]))
    Grid(step=1.0, origin=0.5)
    >>> find_grid(np.sqrt(np.arange(2.0, 9.0)))
    """
    precision = 3e-7 if single else 1e-12
    reach = float(np.abs(distinct).max())
    apart = np.diff(distinct)
    apart = apart[apart > reach * precision]
    if not len(apart) or not np.isfinite(reach):
        return None
    least = float(apart.min())
    for divisor in DIVISORS:
        exact = least / divisor
        for step in dict.fromkeys((float(f"{exact:.{3 if single else 7}g}"), exact)):
            if reach / step > _FINEST:
                return None
            for origin in (0.0, _first(distinct[0], step)):
                steps = (distinct - origin) / step
                if np.abs(steps - np.rint(steps)).max() <= CLOSE:
                    return Grid(_refined(distinct - origin, step, single=single), origin)
    return _decimals(distinct, least, reach)


def _decimals(distinct: np.ndarray, least: float, reach: float) -> Grid | None:
    """The widest power of ten of which all values are multiples."""
    for places in range(13):
        step = float(f"1e-{places}")
        if step < least / 1000 or reach / step > _FINEST:
            return None
        steps = distinct / step
        if np.abs(steps - np.rint(steps)).max() <= CLOSE:
            return Grid(step, 0.0)
    return None


def _refined(distances: np.ndarray, step: float, *, single: bool) -> float:
    """The step that fits all values best, unless that is `step` but for what floats add to it.

    Thirds, of which a decimal is only near, are to come back as they were.
    """
    steps = np.rint(distances / step)
    best = float((steps * distances).sum() / (steps * steps).sum())
    return step if abs(best - step) <= (3e-7 if single else 1e-11) * step else best


def _first(value: float, step: float) -> float:
    """The value less as many whole steps as it has, free of what floats add to it."""
    return float(f"{value - np.floor(value / step) * step:.9g}")


def skewness(values: np.ndarray) -> float:
    """E[(x − E x)³] / Var[x]^{3/2}; 0 where nothing varies."""
    centred = values - values.mean()
    spread = float(np.sqrt((centred**2).mean()))
    return float(((centred / spread) ** 3).mean()) if spread > 0 else 0.0
