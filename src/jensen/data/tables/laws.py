"""Names of the laws of columns, and what their names tell of the columns they are for."""

from typing import NamedTuple

from jensen.errors import OptionError

KINDS = (
    "real", "positive", "count", "binary", "categorical", "ordinal", "datetime", "constant",
    "identifier",
)  # fmt: skip
LEFT_OUT = ("constant", "identifier")
OF_LEVELS = ("binary", "categorical", "ordinal")
NUMBERS = ("real", "positive", "count")

_DENSITIES = ("normal", "student-t", "log-normal", "gamma")
_STEPPED = ("rounded", "rounded-log-normal", "negative-binomial")
_LEVELS = ("categorical", "ordered-logistic")
_OVER = ("hurdle", "inflated")
_KIND = {
    "normal": "real", "student-t": "real", "rounded": "real", "log-normal": "positive",
    "gamma": "positive", "rounded-log-normal": "positive", "negative-binomial": "count",
    "categorical": "categorical", "ordered-logistic": "ordinal",
}  # fmt: skip


class Likelihood(NamedTuple):
    """A law's name taken apart: "hurdle:log-normal" is ("hurdle", "log-normal")."""

    over: str
    base: str

    @property
    def stepped(self) -> bool:
        """Whether the base is a law of whole numbers, which count steps."""
        return self.base in _STEPPED

    @property
    def density(self) -> bool:
        """Whether the base has a density, and not probabilities."""
        return self.base in _DENSITIES

    @property
    def of_levels(self) -> bool:
        """Whether it is a law of categories."""
        return self.base in _LEVELS

    @property
    def logarithmic(self) -> bool:
        """Whether it is a law of numbers that are not negative."""
        return _KIND[self.base] in ("positive", "count")

    @property
    def kind(self) -> str:
        """The kind of column that it is for."""
        return _KIND[self.base]


def likelihood_of(name: str) -> Likelihood:
    """Take a law's name apart.

    Raises:
        OptionError: an unknown name, or an atom over a law that has no place for one.

    >>> likelihood_of("hurdle:log-normal")
    Likelihood(over='hurdle', base='log-normal')
    """
    over, _, base = str(name).rpartition(":")
    allowed = {"": _KIND, "hurdle": _DENSITIES + _STEPPED, "inflated": _STEPPED}
    if over in allowed and base in allowed[over] and isinstance(name, str) and name[:1] != ":":
        return Likelihood(over, base)
    raise OptionError(
        f"likelihood={name!r}; legal are {', '.join(_KIND)}, hurdle:LAW with a law of numbers, "
        f"and inflated:LAW with {', '.join(_STEPPED)}"
    )
