"""Likelihoods h -> p(x | z): they own the constants, the units and the data's type."""

from jensen.parts.likelihoods._base import Likelihood
from jensen.parts.likelihoods.beta_binomial import BetaBinomial, BetaBinomialDistribution
from jensen.parts.likelihoods.binary import Bernoulli
from jensen.parts.likelihoods.bounded import (
    Binomial,
    BinomialDistribution,
    Categorical,
)
from jensen.parts.likelihoods.colour_mixture import ColourMixtureDistribution
from jensen.parts.likelihoods.counts import (
    NegativeBinomial,
    NegativeBinomialDistribution,
    Poisson,
    PoissonDistribution,
)
from jensen.parts.likelihoods.logistic_mixture import (
    LogisticMixture,
    LogisticMixtureDistribution,
    require_whole_pixels,
)
from jensen.parts.likelihoods.pixels import (
    MOST_LEVELS,
    DiscretisedLogistic,
    DiscretisedLogisticDistribution,
)
from jensen.parts.likelihoods.real import (
    Normal,
    NormalFixed,
    NormalPerFeature,
    NormalPredicted,
    NormalShared,
    StudentT,
    StudentTDistribution,
)

__all__ = [
    "MOST_LEVELS",
    "Bernoulli",
    "BetaBinomial",
    "BetaBinomialDistribution",
    "Binomial",
    "BinomialDistribution",
    "Categorical",
    "ColourMixtureDistribution",
    "DiscretisedLogistic",
    "DiscretisedLogisticDistribution",
    "Likelihood",
    "LogisticMixture",
    "LogisticMixtureDistribution",
    "NegativeBinomial",
    "NegativeBinomialDistribution",
    "Normal",
    "NormalFixed",
    "NormalPerFeature",
    "NormalPredicted",
    "NormalShared",
    "Poisson",
    "PoissonDistribution",
    "StudentT",
    "StudentTDistribution",
    "require_whole_pixels",
]
