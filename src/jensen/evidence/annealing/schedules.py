"""Schedules: the temperatures 0 = β₀ < β₁ < ... < β_T = 1 of an annealed path."""

import numpy as np

__all__ = ["SCHEDULES", "equal_loss", "path_length", "sigmoid"]

SCHEDULES = ("adaptive", "sigmoid")

# How far out on the logistic function a sigmoid schedule begins and ends (Wu et al. 2017,
# section 4.1, and Grosse et al. 2015).
_REACH = 4.0
# No stretch of the path gets steps longer than ten times the average, whatever a pilot of few
# chains has seen there.
_LEAST_SHARE = 0.1
_SMOOTHING = 5


def sigmoid(temperatures: int) -> np.ndarray:
    """β₀, ..., β_T of a logistic curve, short steps at both ends; shape (temperatures + 1,)."""
    raw = 1 / (1 + np.exp(-np.linspace(-_REACH, _REACH, temperatures + 1)))
    return (raw - raw[0]) / (raw[-1] - raw[0])


def equal_loss(beta: np.ndarray, deviation: np.ndarray, temperatures: int) -> np.ndarray:
    """For each row, temperatures between which equally much is lost.

    A step from β to β + δ loses δ² Var_β[log p(x, z) − log q₀(z)] / 2 nats (Grosse et al. 2013,
    section 3), so that steps of equal loss are of equal length in the integral of the standard
    deviation.

    Args:
        beta: at which a pilot measured, shape (measured,).
        deviation: the standard deviations it found, shape (rows, measured).
        temperatures: T.

    Returns:
        β₀, ..., β_T of each row, shape (rows, T + 1).
    """
    return np.stack([_of_row(beta, row, temperatures) for row in deviation])


def _of_row(beta: np.ndarray, deviation: np.ndarray, temperatures: int) -> np.ndarray:
    length = path_length(beta, deviation)
    if not length[-1] > 0:
        return sigmoid(temperatures)
    wanted = np.linspace(0, length[-1], temperatures + 1)
    result = np.interp(wanted, length, np.concatenate([[0.0], beta]))
    result[0], result[-1] = 0.0, 1.0
    return result


def path_length(beta: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """The integral of one row's standard deviation from 0 to each β, all zero if it is unknown.

    Args:
        beta: at which a pilot measured, shape (measured,).
        deviation: the standard deviations it found, shape (measured,).

    Returns:
        Shape (measured + 1,), beginning with 0.
    """
    # What is not finite was so because its chains were nowhere yet.
    known = np.isfinite(deviation)
    if not known.any():
        return np.zeros(len(beta) + 1)
    speed = np.interp(beta, beta[known], deviation[known])
    half = _SMOOTHING // 2
    speed = np.convolve(np.pad(speed, half, mode="edge"), np.full(_SMOOTHING, 1 / _SMOOTHING))
    speed = speed[2 * half : len(speed) - 2 * half]
    nodes = np.concatenate([[0.0], beta])
    speed = np.concatenate([speed[:1], speed])
    pieces = 0.5 * (speed[1:] + speed[:-1]) * np.diff(nodes)
    pieces = np.maximum(pieces, _LEAST_SHARE * pieces.sum() * np.diff(nodes))
    return np.concatenate([[0.0], np.cumsum(pieces)])
