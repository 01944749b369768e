"""`VAE`, the scikit-learn face: arrays and frames in, arrays and frames out; no mathematics."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import jax
import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from jensen import evidence, inference, queries, store
from jensen._runtime import keep_compiled_programs
from jensen._sampling import fold
from jensen._types import PRNGKey
from jensen.data import Schema, infer, require_training_rows, split
from jensen.errors import OptionError, TrainingError
from jensen.estimator.arguments import assembly_of, checked_latents, describe_likelihood, options_of
from jensen.estimator.files import parameters_of, restore, to_saved
from jensen.evidence import Estimate
from jensen.inference import PosteriorDraws
from jensen.model import Model
from jensen.queries import Check, Comparison, Denoised, Diagnosis
from jensen.recipes import build_model, build_objective
from jensen.training import Trained, train

__all__ = ["VAE", "load"]

# Rows on which the threshold of `predict` is measured: enough for its percentile, few enough
# to be scored in a second.
_ROWS_FOR_OFFSET = 500
_FIRST_PURPOSE = 2**31

Seed = int | np.integer | np.random.RandomState | None


class VAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, BaseEstimator):
    """A variational autoencoder as a scikit-learn estimator.

    It is a density (`score_samples` is log p(x) in nats, comparable with that of
    `GaussianMixture`), a transformer (`transform` gives the posterior means), an outlier detector
    (`predict` gives +1 or −1 as `IsolationForest` does) and a generator (`sample`).

    Args:
        latent_dim: dimensions of z; those that are not needed switch themselves off.
        likelihood: "auto", which goes by the schema; or one of bernoulli, beta-binomial,
            binomial, categorical, negative-binomial, normal, normal-fixed:SIGMA,
            normal-predicted, normal-shared, poisson, student-t; or a likelihood of your own.
        hidden: widths of the encoder's hidden layers, the decoder's reversed; () is linear.
        activation: elu, gelu, relu, silu, softplus or tanh.
        prior: normal, mixture, vamp, or a distribution of your own over z.
        posterior: diagonal, full (covariance) or flow.
        objective: elbo, elbo:DRAWS, iwae:DRAWS, beta:BETA, with further options behind commas
            ("beta:1,free_bits=0.1,warmup=20"), or an objective.
        encoder: a network of your own, event shape -> (numbers of the posterior,).
        decoder: a network of your own, (latent_dim,) -> (numbers of the likelihood, *event).
        kind: override of what the schema infers: binary, bounded, count or real.
        high: the largest value that bounded data can take.
        max_epochs: passes over the rows, or "auto" (see `training.Options`, as for the next).
        batch_size: rows in a step.
        learning_rate: the highest.
        warmup: share of the steps over which the learning rate rises to it.
        decay: what share of it a half cosine leaves by the end.
        weight_decay: shrinkage of the networks' matrices, apart from the gradient.
        clip: the longest gradient that a step follows.
        average: running average of the weights, or `None`.
        early_stopping: stop when the validation ELBO rises no more.
        patience: epochs to wait for it.
        max_time: seconds after which no epoch is begun, or `None`.
        validation_fraction: share of the rows that is held out to stop by.
        draws: samples of z a row in `score_samples` and what is built on it.
        contamination: share of the training rows that `predict` calls outliers.
        keep_rows: how many training rows are kept for `sample(source="posterior")` and
            `check`, and saved with the model; 0 keeps none.
        random_state: seed; with a whole number the same numbers come every time. Without one,
            `sample` and `vary` draw afresh at each call, and all else is as it was at first.
        verbose: 1 prints the schema, the likelihood and the progress of training to stderr.

    Attributes:
        model_: the `Model`, for `jensen.evidence` and the other functions on models.
        history_: one record an epoch: ELBO, its two terms, active units, gradient norm, how
            often training went back, seconds.
        schema_: what was assumed of the data.
        likelihood_: the likelihood's name.
        n_features_in_: numbers in a row.
        n_iter_: epochs trained; `best_epoch_` is the one whose weights were kept.
        stopped_: why training ended.
        rows_: the training rows kept.
        training_rows_, validation_rows_: how many rows went where.
        offset_: score below which a row is an outlier.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.diag([1.0, 2.0, 3.0])
        >>> vae = VAE(latent_dim=1, hidden=(8,), max_epochs=5, random_state=0).fit(X)
        >>> vae.transform(X).shape, vae.sample(4).shape
        ((200, 1), (4, 3))
        >>> vae.log_evidence(X[:10]).kind
        'lower bound'
    """

    def __init__(
        self,
        latent_dim: int = 10,
        *,
        likelihood: Any = "auto",
        hidden: Sequence[int] = (200, 200),
        activation: str = "relu",
        prior: Any = "normal",
        posterior: str = "diagonal",
        objective: Any = "elbo",
        encoder: Any = None,
        decoder: Any = None,
        kind: str | None = None,
        high: int | None = None,
        max_epochs: int | str = "auto",
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        warmup: float = 0.02,
        decay: float = 0.02,
        weight_decay: float = 1.0,
        clip: float = 100.0,
        average: float | None = None,
        early_stopping: bool = True,
        patience: int = 50,
        max_time: float | None = None,
        validation_fraction: float = 0.1,
        draws: int = 1000,
        contamination: float = 0.05,
        keep_rows: int = 2000,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.hidden = hidden
        self.activation = activation
        self.prior = prior
        self.posterior = posterior
        self.objective = objective
        self.encoder = encoder
        self.decoder = decoder
        self.kind = kind
        self.high = high
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.decay = decay
        self.weight_decay = weight_decay
        self.clip = clip
        self.average = average
        self.early_stopping = early_stopping
        self.patience = patience
        self.max_time = max_time
        self.validation_fraction = validation_fraction
        self.draws = draws
        self.contamination = contamination
        self.keep_rows = keep_rows
        self.random_state = random_state
        self.verbose = verbose

    # Fitting

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        folder: str | Path | None = None,
        resume: bool = False,
        on_start: Callable[[Self], None] | None = None,
        on_epoch: Callable[[dict[str, Any], int], None] | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> Self:
        """Infer the schema, assemble the model and train it.

        Args:
            X: rows: an array (rows, *event), or a frame of numbers.
            y: ignored.
            folder: where checkpoints and `history.jsonl` are written while training.
            resume: go on from the checkpoint in `folder`.
            on_start: called before the first epoch with a copy of this estimator that has its
                first weights, and answers as if it were fitted, but for `predict`.
            on_epoch: called after each epoch with its record and the epochs planned.
            on_failure: called with a sentence when training goes back after a failure; without
                it the sentence is printed, with `verbose`, or a warning.

        Raises:
            DataError: data that cannot be used; row and column are named.
            OptionError: an option with an unknown or impossible value.
            TrainingError: training that failed three times; the best model until then is kept
                in this estimator.
        """
        keep_compiled_programs()
        options = options_of(self)
        objective = build_objective(self.objective)
        schema = infer(X, kind=self.kind, high=self.high)
        rows = schema.check(X)
        seed = _drawn_seed(self.random_state)
        parts = split(len(rows), validation=self.validation_fraction, seed=seed)
        require_training_rows(parts, "validation_fraction", self.validation_fraction)
        training = rows[parts.train]
        assembly = assembly_of(self, schema)
        model = build_model(training, key=jax.random.key(seed), **assembly)
        rng = np.random.default_rng([seed, 1])
        kept = rows[rng.permutation(parts.train)[: int(self.keep_rows)]]
        self._keep(schema, assembly, seed, (len(parts.train), len(parts.validation)), kept)
        if self.verbose and on_epoch is None:
            from jensen.training.progress import Printer

            printer = Printer()
            chosen = describe_likelihood(self.likelihood, schema, model.likelihood)
            printer.lines([*schema.describe(), chosen])
            on_epoch, on_failure = printer.epoch, on_failure or printer.line
        try:
            trained = train(
                model,
                objective,
                training,
                rows[parts.validation] if len(parts.validation) else None,
                options=options,
                seed=seed,
                folder=None if folder is None else Path(folder),
                resume=resume,
                on_start=None if on_start is None else lambda: on_start(self._untrained(model)),
                on_epoch=on_epoch,
                on_failure=on_failure,
            )
        except TrainingError as error:
            self._take(error.trained)
            self._set_offset(rows)
            raise
        self._take(trained)
        self._set_offset(rows)
        return self

    def _keep(
        self,
        schema: Schema,
        assembly: dict[str, Any],
        seed: int,
        counts: tuple[int, int],
        kept: np.ndarray,
    ) -> None:
        self.schema_ = schema
        self.n_features_in_ = schema.width
        if schema.names is not None:
            self.feature_names_in_ = np.array(schema.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.training_rows_, self.validation_rows_ = counts
        self.rows_ = kept
        self._assembled = assembly
        self._seed = seed

    def _untrained(self, model: Model) -> Self:
        result = copy.copy(self)
        result._take(Trained(model, [], 0, "not trained", 0.0))
        return result

    def _take(self, trained: Trained) -> None:
        self.model_ = trained.model
        self.history_ = trained.history
        self.likelihood_ = getattr(trained.model.likelihood, "name", "custom")
        self.n_iter_ = len(trained.history)
        self.best_epoch_ = trained.best_epoch
        self.stopped_ = trained.stopped
        self.seconds_ = trained.seconds

    def _set_offset(self, rows: np.ndarray) -> None:
        rng = np.random.default_rng([self._seed, 2])
        chosen = rng.permutation(len(rows))[:_ROWS_FOR_OFFSET]
        scores = self._importance(rows[chosen], self.draws).values
        self.offset_ = float(np.percentile(scores, 100 * self.contamination))

    # Evidence

    def elbo(self, X: Any, draws: int = 100) -> Estimate:
        """The ELBO of each row with its two terms, averaged over `draws`; in nats."""
        return self.log_evidence(X, "elbo", draws)

    def log_evidence(
        self,
        X: Any,
        method: str = "importance",
        draws: int | None = None,
        *,
        random_state: Seed = None,
        **options: Any,
    ) -> Estimate:
        """log p(x) of each row, as an `Estimate`: value, error, kind, reliability; in nats.

        Args:
            X: rows like those of `fit`.
            method: "importance", sampling from the encoder; "prior", the naive mixture over the
                prior; "elbo"; "exact", the closed form of linear-Gaussian models; "annealed",
                annealed importance sampling; "certified", annealed until rows simulated from
                the model are known to a tolerance.
            draws: samples of z a row, for the first three; 1,000, or 100 for "elbo".
            random_state: another seed than the model's, or a `RandomState`.
            options: of "annealed": `temperatures` and the fields of `evidence.Annealing`
                (`chains`, `start`, `schedule`, `leapfrogs`, `resample`); of "certified":
                `tolerance`, `max_time`, `folder`, `tell` (see `evidence.certify`), and the
                same fields.

        Raises:
            OptionError: an unknown method, an option that it does not have, or "exact" where
                there is no closed form.
            DataError: rows that do not fit the schema.
        """
        rows = self._checked(X)
        key = self._key(3, random_state)
        return evidence.by_method(self.model_, rows, key, method, draws=draws, **options)

    def score_samples(self, X: Any) -> np.ndarray:
        """log p(x) of each row by importance sampling with `draws` draws: (rows,), in nats.

        −∞ where a row lies so far out that single precision holds no density for it.
        """
        return self._importance(self._checked(X), self.draws).values

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`, in nats a row."""
        return float(np.mean(self.score_samples(X)))

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` less `offset_`: below zero is an outlier; shape (rows,)."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """+1 for a row like the training rows, −1 for an outlier; shape (rows,)."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _importance(self, rows: np.ndarray, draws: int) -> Estimate:
        return evidence.importance(self.model_, rows, self._key(3), draws)

    def check(self, X: Any, training: Any = None) -> Check:
        """Evidence beside plain baselines, predictive checks with p-values, and a verdict.

        Args:
            X: rows that the model was not trained on.
            training: the rows that it was, to which the baselines are fitted; those kept,
                `keep_rows` of them, if they are not given.
        """
        rows = self._checked(X)
        known = self._kept_rows("check") if training is None else self._checked(training)
        return queries.check(self.model_, rows, known, self.schema_, self._key(8))

    def diagnose(self, X: Any, training: Any = None, *, random_state: Seed = None) -> Diagnosis:
        """Where evidence is lost, what the latents carry, and what would mend it.

        Args:
            X: rows that the model was not trained on.
            training: rows that it was; those kept, if they are not given and any were.
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            DataError: rows that do not fit the schema.
        """
        rows = self._checked(X)
        known = self.rows_ if training is None else self._checked(training)
        key = self._key(11, random_state)
        return queries.diagnose(self.model_, rows, key, known if len(known) else None)

    def compare(
        self,
        other: "VAE",
        X: Any,
        method: str = "importance",
        draws: int | None = None,
        *,
        temperatures: int | None = None,
        random_state: Seed = None,
    ) -> Comparison:
        """The difference of log evidence, this model's less the other's, with a paired error.

        Args:
            other: a fitted `VAE` of the same columns.
            X: rows that neither was trained on.
            method: importance sampling from each encoder; annealed chains; or the closed form
                of linear-Gaussian models.
            draws: samples of z a row, of "importance"; 1,000 if not given.
            temperatures: steps of the chains, of "annealed"; 100 if not given.
            random_state: another seed than this model's, or a `RandomState`.

        Raises:
            OptionError: models whose evidence is not in the same units, or an impossible option.
            DataError: rows that do not fit both schemas.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        schemas = (self.schema_, other.schema_)
        queries.require_same_units(self.model_, other.model_, schemas)
        rows = self._checked(X)
        other._checked(X)
        return queries.compare(
            self.model_,
            other.model_,
            rows,
            self._key(12, random_state),
            method,
            draws=draws,
            temperatures=temperatures,
            schemas=schemas,
        )

    # Latents

    def transform(self, X: Any) -> np.ndarray:
        """E_q[z | x] of each row, shape (rows, latent_dim)."""
        rows = self._checked(X)
        return inference.posterior_means(self.model_, rows)

    def inverse_transform(self, X: Any) -> Any:
        """E[x | z] of each row of latents, shape (rows, latent_dim), as rows of data."""
        check_is_fitted(self)
        Z = checked_latents(X, self.latent_dim)
        return self._restored(queries.decode(self.model_, Z), exact=False)

    def posterior_draws(
        self,
        X: Any,
        method: inference.Method = "encoder",
        draws: int = 1000,
        *,
        random_state: Seed = None,
    ) -> PosteriorDraws:
        """Draws of z given each row, as `PosteriorDraws`, with how far they can be relied on.

        Args:
            X: rows like those of `fit`.
            method: "encoder", draws of q(z | x); "resampled", those weighed and resampled;
                "refined", from the best normal for each row, weighed and resampled; "hmc", four
                chains of Hamiltonian Monte Carlo; or "exact", for linear-Gaussian models.
            draws: for each row; a multiple of 4 for "hmc".
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: an impossible option, or "exact" where there is no closed form.
            DataError: rows that do not fit the schema.
        """
        rows = self._checked(X)
        key = self._key(9, random_state)
        return inference.posterior(self.model_, rows, key, method, draws)

    def reconstruct(self, X: Any, method: str = "mean") -> Any:
        """E[x | z] at each row's posterior mean: what is left after encoding and decoding.

        With another `method` than "mean", E[x | z] is averaged over 200 draws of the row's
        posterior, as `posterior_draws` has them: "encoder", "resampled", "refined", "hmc", "exact".
        How good such draws are, `posterior_draws(X, method).warning()` tells.
        """
        checked = self._checked(X)
        rows = queries.reconstruct(self.model_, checked, self._key(10), method)
        return self._restored(rows, exact=False)

    def denoise(self, X: Any, noise: Any = None, method: str = "refined") -> Denoised:
        """What rows were before a noise of known kind was added.

        Args:
            X: noisy rows; with Gaussian noise they need not lie in the schema's support.
            noise: "gaussian:SIGMA" or a number, which is σ in the data's units; "flip:RATE" of
                bits; "salt-and-pepper:RATE" of entries at the ends of the data's range. Without
                it, Gaussian noise of the σ by which these rows vary more than those kept.
            method: where draws of z given a noisy row come from: "refined", the best normal for
                the row, weighted; "encoder", which takes the row for clean; "resampled", those
                weighted; "hmc"; or "exact", for linear-Gaussian models under Gaussian noise.

        Returns:
            A `Denoised`: posterior mean, standard deviation, and effective draws.

        Raises:
            OptionError: an unknown noise or method, or one that these data or this model
                cannot have.
            DataError: rows that do not fit the schema, or not finite.
        """
        check_is_fitted(self)
        schema = self.schema_
        if noise is None:
            real = replace(schema, kind="real", dtype="float64")
            noise = queries.gaussian_noise_of(real.check(X), self._kept_rows("denoise"))
        kind = queries.parse_noise(noise, schema.low, schema.high, schema.discrete)
        if schema.kind not in kind.kinds:
            raise OptionError(
                f"noise={noise!r} is for {' or '.join(kind.kinds)} data, and these are"
                f" {schema.kind}: give gaussian:SIGMA or salt-and-pepper:RATE."
            )
        # Noise takes whole numbers off their grid and out of their bounds.
        seen = replace(schema, kind="real", dtype="float64") if kind.name == "gaussian" else schema
        clean = queries.denoise(self.model_, seen.check(X), kind, self._key(7), method)
        return replace(
            clean,
            mean=self._restored(clean.mean, exact=False),
            std=self._restored(clean.std, exact=False),
        )

    # Generation

    def sample(
        self,
        n_samples: int = 1,
        source: Literal["prior", "posterior"] = "prior",
        *,
        mean: bool = False,
        random_state: Seed = None,
    ) -> Any:
        """New rows that obey the schema; others at each call unless a seed was given.

        Args:
            n_samples: how many.
            source: z from the prior; or the posterior becomes the new prior: z ~ q(z | x_i) for
                training rows x_i drawn at random from those kept.
            mean: E[x | z] in place of a draw from p(x | z).
            random_state: another seed than the model's, or a `RandomState`.

        Raises:
            OptionError: an unknown source, or no rows kept for "posterior".
        """
        check_is_fitted(self)
        if source not in ("prior", "posterior"):
            raise OptionError(f"source={source!r} is unknown: choose prior or posterior.")
        latents = None
        if source == "posterior":
            latents = inference.aggregate_posterior(self.model_, self._kept_rows("sample"))
        key = self._key(5, random_state, afresh=True)
        rows = queries.sample(self.model_, key, n_samples, latents=latents, mean=mean)
        return self._restored(rows, exact=not mean)

    def vary(
        self, X: Any, n: int = 8, *, mean: bool = False, random_state: Seed = None
    ) -> np.ndarray:
        """`n` variations of each row: z ~ q(z | x), then x' ~ p(x' | z); (rows, n, *event).

        Others at each call unless a seed was given, here or as the model's `random_state`.
        """
        checked = self._checked(X)
        key = self._key(6, random_state, afresh=True)
        rows = queries.vary(self.model_, checked, key, n, mean=mean)
        flat = rows.reshape(-1, *self.schema_.shape)
        restored = self.schema_.restore(flat, exact=not mean, container="numpy")
        return np.asarray(restored).reshape(len(checked), n, *self.schema_.shape)

    # Files

    def save(self, path: str | Path) -> Path:
        """Write the model to a folder, or to one file where `path` ends in `.jensen`.

        Raises `FileError` where it cannot be written.
        """
        check_is_fitted(self)
        return store.save(path, to_saved(self))

    # Plumbing

    def _checked(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.schema_.check(X)

    def _restored(self, rows: np.ndarray, exact: bool) -> Any:
        return self.schema_.restore(rows, exact=exact)

    def _kept_rows(self, purpose: str) -> np.ndarray:
        if not len(self.rows_):
            raise OptionError(f"{purpose} needs training rows, and keep_rows=0 has kept none.")
        return self.rows_

    def _key(self, purpose: int, random_state: Seed = None, *, afresh: bool = False) -> PRNGKey:
        """A key for one purpose; `afresh`, another at each call where no seed was ever given."""
        if random_state is not None:
            seed = _drawn_seed(random_state)
        elif afresh and not _is_seed(self.random_state):
            seed = _drawn_seed(self.random_state)
        else:
            seed = self._seed
        # Training has the keys from 0 on; those asked for here lie far behind them.
        return fold(jax.random.key(seed), _FIRST_PURPOSE + purpose)

    @property
    def _n_features_out(self) -> int:
        return int(self.latent_dim)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Latents are single-precision whatever the data were.
        tags.transformer_tags.preserves_dtype = []
        return tags


def _is_seed(random_state: Any) -> bool:
    return isinstance(random_state, (int, np.integer))


def _drawn_seed(random_state: Any) -> int:
    """A whole number itself, or one drawn as scikit-learn draws: of a `RandomState`, or anew."""
    if _is_seed(random_state):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def load(path: str | Path, **custom: Any) -> VAE:
    """The `VAE` that `save` wrote; nothing in the file is executed.

    Args:
        path: a folder or a `.jensen` file.
        custom: parts of your own that the model was built with, by name.

    Raises:
        FileError: missing, truncated, altered, of a newer format, or in need of `custom` parts.
    """
    keep_compiled_programs()
    saved = store.load(path, **custom)
    vae = VAE(**(parameters_of(saved) | custom))
    restore(vae, saved)
    return vae
