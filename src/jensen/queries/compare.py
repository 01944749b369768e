"""Two models held against each other: the difference of their log evidence, row by row."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np

from jensen import evidence
from jensen._sampling import split
from jensen._types import Data, PRNGKey
from jensen._words import counted
from jensen.data import AnySchema, Column, Schema, TableSchema
from jensen.errors import OptionError
from jensen.evidence import Estimate
from jensen.model import Model
from jensen.parts.encoders import Encoder

__all__ = ["Comparison", "compare", "require_same_units"]

METHODS = ("importance", "annealed", "exact")

# Of more rows than this share, an unreliable estimate is worth a word.
_MANY = 0.05
# Standard errors that a difference must have to be called one.
_TELLS = 2.0
# Ranges of real columns that differ by more than this factor hint at other units.
_OTHER_RANGE = 3.0
# What training rows may differ by, in the median over columns: the factor of their spreads, and
# the distance of their means in the smaller spread. Of two samples of twenty normal rows each,
# spreads differ by a quarter and means by a third of a spread; of larger ones by less.
_MOST_FACTOR = 2.0
_MOST_AWAY = 1.0
# A column of zero spread is given scale one. So is, to single precision, a standardised one,
# whose mean then is a rounding error of at most this.
_ROUNDING = 1e-6


@dataclass(frozen=True, repr=False)
class Comparison:
    """log p_A(x) − log p_B(x) of the same rows.

    Attributes:
        a: the log evidence of A.
        b: that of B.
        identical: whether they are the same model, whose errors then cancel.
        cautions: what else should be known, a sentence each.

    Example:
        >>> import numpy as np
        >>> of = lambda *values: Estimate(np.array(values), np.full(3, 0.1), "estimate", "mine")
        >>> found = Comparison(of(-1.0, -2.0, -3.0), of(-2.0, -2.5, -2.7))
        >>> round(found.difference, 2), round(found.stderr, 3), round(found.favours_a, 2)
        (0.4, 0.379, 0.67)
    """

    a: Estimate
    b: Estimate
    identical: bool = False
    cautions: tuple[str, ...] = ()

    @property
    def differences(self) -> np.ndarray:
        """log p_A(x) − log p_B(x), shape (rows,), in nats; NaN where both are −∞."""
        with np.errstate(invalid="ignore"):
            return self.a.values - self.b.values

    @property
    def difference(self) -> float:
        """Their mean, in nats a row; above zero where A is better."""
        return float(np.mean(self.differences))

    @property
    def stderr(self) -> float:
        """Standard error of `difference`, paired, as that of a population of such rows.

        sd(differences) / √rows: rows that are hard for both models cancel. The Monte Carlo
        errors of the rows are in it, as they add to the differences' spread.
        """
        if len(self.a) < 2:
            return float("nan")
        with np.errstate(invalid="ignore"):
            return float(np.std(self.differences, ddof=1) / np.sqrt(len(self.a)))

    @property
    def monte_carlo_stderr(self) -> float:
        """The part of it that more draws would take away: the error for these rows alone."""
        return 0.0 if self.identical else float(np.hypot(self.a.stderr, self.b.stderr))

    @property
    def favours_a(self) -> float:
        """The share of the rows that A gives the higher evidence."""
        return float(np.mean(self.a.values > self.b.values))

    @property
    def favours_b(self) -> float:
        """The share of the rows that B gives the higher evidence."""
        return float(np.mean(self.b.values > self.a.values))

    @property
    def words(self) -> str:
        """The result as a sentence, and cautions after it."""
        return " ".join([self._sentence(), *self._unreliable(), *self.cautions])

    def _sentence(self) -> str:
        rows = counted(len(self.a), "row")
        if self.identical:
            return f"A and B are the same model: no difference on {rows}."
        gain, error = self.difference, self.stderr
        if not np.isfinite(gain):
            missing = int((~np.isfinite(self.differences)).sum())
            return (
                f"The difference has no mean: {missing} of {rows} so far out that single precision"
                " holds no density."
            )
        told = f"{abs(gain):.2f} nats a row" + ("" if np.isnan(error) else f" ± {error:.2f}")
        shares = f"A is ahead on {self.favours_a:.0%} of {rows}, B on {self.favours_b:.0%}"
        if np.isnan(error):
            return f"{'A' if gain > 0 else 'B'} is ahead by {told}; one row has no standard error."
        if abs(gain) <= _TELLS * error or gain == 0:
            return f"No difference can be told: {gain:+.2f} ± {error:.2f} nats a row; {shares}."
        part = f"Monte Carlo part {self.monte_carlo_stderr:.2f}"
        return f"{'A' if gain > 0 else 'B'} is better by {told} ({part}); {shares}."

    def _unreliable(self) -> list[str]:
        found = []
        for name, estimate in (("A", self.a), ("B", self.b)):
            warning = estimate.warning()
            if warning and np.mean(estimate.unreliable) > _MANY:
                found.append(f"Caution, {name}: {warning[0].lower()}{warning[1:]}")
        if found:
            found.append("The difference may be due to that.")
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain values; those that are not finite are `None`."""
        numbers = {
            name: getattr(self, name)
            for name in ("difference", "stderr", "monte_carlo_stderr", "favours_a", "favours_b")
        }
        return {
            **{name: value if np.isfinite(value) else None for name, value in numbers.items()},
            "rows": len(self.a),
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "words": self.words,
        }

    def __len__(self) -> int:
        return len(self.a)

    def __repr__(self) -> str:
        return self.words


def compare(
    a: Model,
    b: Model,
    X: Data,
    key: PRNGKey,
    method: str = "importance",
    *,
    draws: int | None = None,
    temperatures: int | None = None,
    schemas: tuple[AnySchema, AnySchema] | None = None,
    X_of_b: Data | None = None,
) -> Comparison:
    """The difference of two models' log evidence on the same rows.

    A row's difference is taken before rows are averaged, and the standard error is that of
    paired differences. The two estimates have independent random numbers; of the same model
    they are the same estimate, and the difference is exactly zero.

    Args:
        a: the first model; a difference above zero speaks for it.
        b: the second.
        X: rows that neither was trained on, shape (rows, *event), or a `Datum` of such.
        key: a typed JAX key.
        method: "importance", with `draws` of each encoder; "annealed", with `temperatures`; or
            "exact", of linear-Gaussian models.
        draws: samples of z a row, of "importance"; 1,000 if not given.
        temperatures: of the chains, of "annealed"; 100 if not given.
        schemas: those of A and B, by which more can be refused.
        X_of_b: the same rows as B is given them, where that is not as A is: with another
            condition, or without one.

    Raises:
        OptionError: models whose evidence is not in the same units (`require_same_units`), or
            an impossible option.
    """
    cautions = require_same_units(a, b, schemas)
    if method not in METHODS:
        raise OptionError(f"method={method!r} is unknown: choose one of {', '.join(METHODS)}.")
    estimator = lambda model, rows, key: evidence.by_method(
        model, rows, key, method, draws=draws, temperatures=temperatures
    )
    for_a, for_b = split(key)
    of_a = estimator(a, X, for_a)
    if X_of_b is None and bool(eqx.tree_equal(a, b)):
        return Comparison(of_a, of_a, True, cautions)
    of_b = estimator(b, X if X_of_b is None else X_of_b, for_b)
    return Comparison(of_a, of_b, cautions=cautions)


def require_same_units(
    a: Model, b: Model, schemas: tuple[AnySchema, AnySchema] | None = None
) -> tuple[str, ...]:
    """Refuse two models whose evidence is not of the same thing; cautions where it may not be.

    A probability cannot be held against a density, nor can densities of other columns, or of
    numbers that were scaled otherwise: of two `Encoder`s, the means and standard deviations that
    they hold of the training rows tell. Raises `OptionError`, which says what differs.
    """
    kinds = [_score(model) for model in (a, b)]
    if None not in kinds and kinds[0] != kinds[1]:
        raise _refusal(
            f"A gives {kinds[0]} and B {kinds[1]}",
            "fit both with likelihoods of whole numbers, or both with real ones",
        )
    of_densities = kinds == ["densities", "densities"]
    if schemas is None:
        if of_densities:
            _require_same_scale(a, b)
        return ()
    first, second = schemas
    if first.shape != second.shape:
        raise _refusal(
            f"A is of rows of shape {first.shape} and B of {second.shape}",
            "fit both to the same columns",
        )
    if first.names is not None and second.names is not None and first.names != second.names:
        column = next(
            i
            for i, pair in enumerate(zip(first.names, second.names, strict=True))
            if len({*pair}) > 1
        )
        raise _refusal(
            f"column {column} is {first.names[column]!r} in A and {second.names[column]!r} in B",
            "fit both to the same columns in the same order",
        )
    if isinstance(first, TableSchema) and isinstance(second, TableSchema):
        _require_same_columns(a, b, first, second)
        return ()
    if isinstance(first, TableSchema) or isinstance(second, TableSchema):
        raise _refusal(
            "one is of a table and the other of numbers of one kind",
            "fit both to the same rows, with the same kind",
        )
    supports = [_support(each) for each in (first, second)]
    if supports[0] != supports[1]:
        raise _refusal(
            f"A is of {supports[0]} and B of {supports[1]}",
            "fit both to the same rows, unscaled, with the same kind and high",
        )
    ways = [_binarisation(each) for each in (first, second)]
    if None not in ways and ways[0] != ways[1]:
        raise _refusal(
            f"A is of rows binarised by {ways[0]} and B of rows binarised by {ways[1]}",
            "fit both with the same binarise",
        )
    if of_densities:
        _require_same_scale(a, b, first.names or second.names)
    return _ranges(first, second)


def _require_same_columns(a: Model, b: Model, first: TableSchema, second: TableSchema) -> None:
    """Refuse models of tables of which a column is measured otherwise."""
    remedy = "fit both with the same schema"
    of_mask = [model.missingness is not None for model in (a, b)]
    if of_mask[0] != of_mask[1]:
        raise _refusal(
            f"that of {'A' if of_mask[0] else 'B'} is of cells and of which are missing, that of"
            " the other of cells alone",
            "fit both with the same missing",
        )
    for one, other in zip(first.modelled, second.modelled, strict=True):
        if _measure(one) != _measure(other):
            raise _refusal(
                f"column {one.name!r} is {_measure(one)} in A and {_measure(other)} in B", remedy
            )


def _measure(column: Column) -> str:
    """Of what a column's terms are probabilities or densities."""
    if column.law.of_levels:
        return f"one of {column.level_count} categories ({', '.join(map(str, column.levels))})"
    if column.step is not None:
        return f"probabilities of steps of {column.step:g} through {column.origin}"
    return "a density" + ("" if column.atom is None else f" beside the value {column.atom:g}")


def _refusal(why: str, remedy: str) -> OptionError:
    return OptionError(f"these models' evidence is not in the same units: {why}; {remedy}.")


def _score(model: Model) -> str | None:
    """What the model's evidence is; `None` where a likelihood of the user's own does not say."""
    told = getattr(model.likelihood, "discrete", None)
    return None if told is None else "probabilities" if told else "densities"


def _support(schema: Schema) -> str:
    return {
        "binary": "zeros and ones",
        "bounded": f"whole numbers 0..{schema.high:g}",
        "count": "counts",
        "real": "real numbers",
    }[schema.kind]


def _binarisation(schema: Schema) -> str | None:
    """How grey rows are made 0 and 1 where they are scored; `None` where only 0 and 1 come."""
    if schema.binarised is None:
        return None
    way = "threshold" if schema.binarised == "threshold" else "a draw of each pixel"
    return f"{way} of 0..{schema.binarised_from:g}"


def _require_same_scale(a: Model, b: Model, names: tuple[str, ...] | None = None) -> None:
    """Refuse models whose training rows lay and spread otherwise, in the median over columns."""
    if not (isinstance(a.encoder, Encoder) and isinstance(b.encoder, Encoder)):
        return
    shape = a.encoder.shift.value.shape
    if b.encoder.shift.value.shape != shape:
        return
    (mean_a, spread_a), (mean_b, spread_b) = (_lie(model.encoder) for model in (a, b))
    varies = ~(_never_changes(mean_a, spread_a) | _never_changes(mean_b, spread_b))
    if not varies.any():
        return
    factor = np.abs(np.log(spread_a / spread_b)) / np.log(_MOST_FACTOR)
    away = np.abs(mean_a - mean_b) / np.minimum(spread_a, spread_b) / _MOST_AWAY
    if np.median(factor[varies]) <= 1 and np.median(away[varies]) <= 1:
        return
    worst = int(np.argmax(np.where(varies, np.maximum(factor, away), -1.0)))
    told = lambda mean, spread: (
        f"mean {mean if abs(mean) > _ROUNDING * spread else 0:.3g} and standard deviation"
        f" {spread:.3g}"
    )
    raise _refusal(
        f"the rows that A was fitted to were scaled or shifted otherwise than B's, most of all"
        f" {_column(worst, shape, names)}, of {told(mean_a[worst], spread_a[worst])} in A and"
        f" {told(mean_b[worst], spread_b[worst])} in B",
        "fit both to the same rows, unscaled: an encoder scales for itself",
    )


def _lie(encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of the training rows, shape (columns,)."""
    values = (encoder.shift.value, encoder.scale.value)
    mean, spread = (np.asarray(value, np.float64).ravel() for value in values)
    return mean, spread


def _never_changes(mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return (spread == 1) & ((mean == 0) | (np.abs(mean) > _ROUNDING))


def _column(number: int, shape: tuple[int, ...], names: tuple[str, ...] | None) -> str:
    if names is not None:
        return f"column {number}, {names[number]!r}"
    if len(shape) == 1:
        return f"column {number}"
    return f"entry {tuple(int(i) for i in np.unravel_index(number, shape))}"


def _ranges(first: Schema, second: Schema) -> tuple[str, ...]:
    """A word where real rows that were fitted to look as if scaled otherwise."""
    if first.kind != "real":
        return ()
    wide, narrow = sorted([first.high - first.low, second.high - second.low], reverse=True)
    apart = max(first.low, second.low) > min(first.high, second.high)
    if not apart and wide <= _OTHER_RANGE * narrow:
        return ()
    return (
        f"Caution: A was fitted to numbers {first.low:g}..{first.high:g} and B to"
        f" {second.low:g}..{second.high:g}; if one was scaled, their densities cannot be compared.",
    )
