"""`VAE`, the scikit-learn face: arrays and frames in, arrays and frames out; no mathematics."""

import copy
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from sklearn.utils.validation import check_is_fitted

from jensen import evidence, store
from jensen._batching import count, taken
from jensen._runtime import keep_compiled_programs
from jensen._types import Data, Datum
from jensen.data import (
    AnySchema,
    ConditionSchema,
    Schema,
    TableSchema,
    require_training_rows,
    split,
    unpaired,
)
from jensen.errors import TrainingError
from jensen.estimator.arguments import (
    assembly_of,
    condition_schema_of,
    describe_likelihood,
    objective_of,
    options_of,
    require_parameters,
    schema_of,
)
from jensen.estimator.density import Density
from jensen.estimator.files import parameters_of, restore, to_saved
from jensen.estimator.fitted import drawn_seed
from jensen.estimator.generator import Generator
from jensen.estimator.imputing import Imputing
from jensen.estimator.stored import (
    checked,
    describe_storage,
    few_of,
    held_in_memory,
    learned,
    require_in_memory,
    share,
)
from jensen.estimator.transformer import Transformer
from jensen.model import Model
from jensen.objectives import FreshDraws
from jensen.recipes import build_model
from jensen.training import Trained, train

__all__ = ["VAE", "load"]

# Rows of those that training is stopped by that are kept: enough for a share of a hundredth.
_HELD_OUT = 500
# Rows on which the threshold of `predict` is measured, enough for its percentile. Their ELBO
# says which of them may lie near it: those of the lowest scores are all but always among three
# times as many of the lowest ELBO, and the others need no score.
_ROWS_FOR_OFFSET = 500
_DRAWS_OF_ELBO = 2
_SHARE_NEAR = 3.0
_LEAST_NEAR = 20


class VAE(Density, Transformer, Generator, Imputing):
    """A variational autoencoder as a scikit-learn estimator.

    It is a density (`score_samples` is log p(x) in nats, comparable with that of
    `GaussianMixture`), a transformer (`transform` gives the posterior means), an outlier detector
    (`predict` gives +1 or −1 as `IsolationForest` does) and a generator (`sample`).

    Args:
        latent_dim: dimensions of z; those that are not needed switch themselves off. "auto" is 10,
            and 20 of rows of 400 numbers or more.
        likelihood: "auto", which goes by the schema; or one of bernoulli, beta-binomial,
            binomial, categorical, discretised-logistic, logistic-mixture:COMPONENTS (10 without
            their number), negative-binomial, normal, normal-fixed:SIGMA, normal-predicted,
            normal-shared, poisson, student-t; or a likelihood of your own.
        network: mlp (a multi-layer perceptron); of images, rows of shape (height, width) or
            (height, width, channels), also conv (convolutions of stride 2) or resnet (with
            residual blocks between them). "auto" is mlp.
        hidden: widths of the encoder's hidden layers, the decoder's reversed; () is linear. Of
            conv and resnet they are channels, each layer of which halves the image's sides.
            "auto" is (200, 200), and of images 32, 64 and so on until their sides are 7 or less.
        activation: elu, gelu, relu, silu, softplus or tanh.
        prior: normal, mixture:COMPONENTS, vamp:COMPONENTS, of rows fitted with a condition also
            conditional (a normal for each condition), or a distribution of your own over z;
            without their number mixtures have 10 and vamp 50. "auto" is normal; of tables a
            mixture of one component for 250 rows, 10 to 100 of them; with a condition
            conditional. With normal, z is what the condition does not say of a row.
        posterior: diagonal, full (covariance) or flow.
        objective: elbo, elbo:DRAWS, iwae:DRAWS, beta:BETA, with further options behind commas
            ("beta:1,free_bits=0.1,warmup=20"), or an objective; "auto" is elbo, and
            iwae:5,hides=0.5 of tables.
        encoder: a network of your own, event shape -> (numbers of the posterior,).
        decoder: a network of your own, (latent_dim,) -> (numbers of the likelihood, *event).
        kind: override of what the schema infers, as the next four: binary, bounded, count or real,
            one kind for all columns; or table, a kind for each.
        high: the largest value that bounded data can take.
        shape: event shape where rows are given flat: (8, 8) for images of 64 columns. Flat bytes
            that are pixels of square images are read as such by themselves, and (784,) says no.
        dtype: NumPy's name of the number type in which samples come back: "uint8".
        binarise: how grey values become 0 and 1: "none" leaves them; "threshold" cuts at half of
            the largest; "fixed" draws each pixel once, with its value over the largest for
            probability; "fresh" draws it anew in each epoch. Later rows are treated alike.
        schema: of a table, {column: {field: value}} in place of what is inferred (fields of
            `data.Column`: kind, likelihood, step, ...), or a whole `data.TableSchema`.
        missing: why cells of a table are missing: "ignored", which is right where it depends on
            observed cells alone; "random", at a rate of each column; or "self", at a rate that
            depends on the cell's own value; "self:high" or "self:low" where it is known that the
            higher or the lower numbers are missing sooner, which data need not tell. With all but
            the first, evidence is of cells and mask.
        max_epochs: passes over the rows, or "auto" (see `training.Options`, as for the next).
        batch_size: rows in a step.
        learning_rate: the highest.
        warmup: share of the steps over which the learning rate rises to it.
        decay: what share of it a half cosine leaves by the end.
        weight_decay: shrinkage of the networks' matrices, apart from the gradient; "auto" is 1,
            of more rows than 1,800 as much less as there are more, and 0.2 of tables.
        clip: the longest gradient that a step follows.
        average: the largest share of a running average of the weights that survives a step, less
            of its beginning, or `None` for no average; "auto" is none, and 0.999 of tables.
        early_stopping: stop when the validation ELBO rises no more; of `iwae` its bound.
        patience: epochs to wait for it; "auto" is 50, and of tables as many as make 1,000 steps,
            if these are more.
        precision: "bfloat16" makes the steps of training faster on an accelerator, see
            `training.Options`; "float32" is exact.
        max_time: seconds after which no epoch is begun, or `None`.
        validation_fraction: share of the rows that is held out to stop by.
        draws: samples of z a row in `score_samples` and what is built on it.
        contamination: share of the training rows that `predict` calls outliers.
        keep_rows: how many training rows are kept for `sample(source="posterior")` and
            `check`, and as many up to 500 of those held out for `tail_probability`; they are saved
            with the model. 0 keeps none.
        random_state: seed; with a whole number the same numbers come every time. Without one,
            `sample` and `vary` draw afresh at each call, and all else is as it was at first.
        verbose: 1 prints the schema, the likelihood and the progress of training to stderr.

    Attributes:
        model_: the `Model`, for `jensen.evidence` and the other functions on models.
        history_: one record an epoch: ELBO, its two terms, active units, gradient norm, how
            often training went back, seconds, rows a second while it trained, and the share of
            that time spent waiting for rows (`training.pace_of`).
        schema_: what was assumed of the data.
        condition_: what was assumed of the conditions; `None` where there are none.
        likelihood_: the likelihood's name.
        latent_dim_: dimensions of z.
        n_features_in_: numbers in a row; of a table its columns, those left out counted in.
        n_iter_: epochs trained; `best_epoch_` is the one whose weights were kept.
        stopped_: why training ended.
        rows_: the training rows kept.
        held_out_: the rows kept of those held out to stop by.
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
        latent_dim: int | str = "auto",
        *,
        likelihood: Any = "auto",
        network: str = "auto",
        hidden: Sequence[int] | str = "auto",
        activation: str = "relu",
        prior: Any = "auto",
        posterior: str = "diagonal",
        objective: Any = "auto",
        encoder: Any = None,
        decoder: Any = None,
        kind: str | None = None,
        high: int | None = None,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        binarise: str = "none",
        schema: Any = None,
        missing: str = "ignored",
        max_epochs: int | str = "auto",
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        warmup: float = 0.02,
        decay: float = 0.02,
        weight_decay: float | str = "auto",
        clip: float = 100.0,
        average: float | str | None = "auto",
        early_stopping: bool = True,
        patience: int | str = "auto",
        max_time: float | None = None,
        precision: str = "float32",
        validation_fraction: float = 0.1,
        draws: int = 1000,
        contamination: float = 0.05,
        keep_rows: int = 2000,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.network = network
        self.hidden = hidden
        self.activation = activation
        self.prior = prior
        self.posterior = posterior
        self.objective = objective
        self.encoder = encoder
        self.decoder = decoder
        self.kind = kind
        self.high = high
        self.shape = shape
        self.dtype = dtype
        self.binarise = binarise
        self.schema = schema
        self.missing = missing
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
        self.precision = precision
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
        condition: Any = None,
        folder: str | Path | None = None,
        resume: bool = False,
        on_start: Callable[[Self], None] | None = None,
        on_epoch: Callable[[dict[str, Any], int], None] | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> Self:
        """Infer the schema, assemble the model and train it.

        Args:
            X: rows: an array (rows, *event), or a frame. A frame whose columns are of several
                kinds, or has missing cells, is a table. Or images of a folder or file, which
                need not fit into memory: `jensen.images`.
            y: ignored.
            condition: what the model is to be given with each row, of arrays: one label a row, or
                numbers, (rows,) or (rows, numbers). Then it is a model of p(x | condition): its
                encoder, decoder and, unless it is normal or a mixture, prior see the condition,
                and its methods ask for it.
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
        require_parameters(self)
        X, condition = unpaired(X, condition)
        if condition is not None:
            require_in_memory(X, "condition")
        source, X = X, held_in_memory(X)
        schema = schema_of(self, X)
        objective = objective_of(self, schema)
        rows = checked(schema, X)
        options = options_of(self, schema, count(rows))
        given = condition_schema_of(schema, condition, count(rows))
        conditions = None if given is None else given.check(condition, count(rows))
        if conditions is not None:
            rows = Datum(rows, None, conditions)
        seed = drawn_seed(self.random_state)
        parts = split(count(rows), validation=share(X, self.validation_fraction), seed=seed)
        require_training_rows(parts, "validation_fraction", self.validation_fraction)
        training = taken(rows, few_of(X, parts.train))
        if isinstance(schema, Schema) and schema.binarised == "fresh":
            objective = FreshDraws(objective)
        size = 0 if given is None else given.size
        assembly = assembly_of(self, schema, len(parts.train), size)
        model = build_model(training, key=jax.random.key(seed), **assembly)
        rng = np.random.default_rng([seed, 1])
        most = int(self.keep_rows)
        kept = taken(rows, rng.permutation(parts.train)[:most])
        held_out = taken(rows, rng.permutation(parts.validation)[: min(most, _HELD_OUT)])
        counts = (len(parts.train), len(parts.validation))
        self._keep(schema, given, assembly, seed, counts, kept, held_out)
        values = rows if conditions is None else rows.x
        studied = learned(schema, X, values, parts.train)
        if conditions is not None:
            studied = Datum(studied, None, conditions[parts.train])
        if self.verbose and on_epoch is None:
            from jensen.training.progress import Printer

            printer = Printer()
            chosen = describe_likelihood(self.likelihood, schema, model.likelihood)
            storage = describe_storage(source, options.batch_size)
            of_condition = [] if given is None else [given.describe()]
            printer.lines([*storage, *schema.describe(), *of_condition, chosen])
            on_epoch, on_failure = printer.epoch, on_failure or printer.line
        try:
            trained = train(
                model,
                objective,
                studied,
                taken(rows, parts.validation) if len(parts.validation) else None,
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
        schema: AnySchema,
        condition: ConditionSchema | None,
        assembly: dict[str, Any],
        seed: int,
        counts: tuple[int, int],
        kept: Data,
        held_out: Data,
    ) -> None:
        self.schema_ = schema
        self.condition_ = condition
        columns = schema.columns if isinstance(schema, TableSchema) else None
        self.n_features_in_ = schema.width if columns is None else len(columns)
        # A table made of an array has names of its own making, which no later array bears.
        made = columns is not None and schema.container == "numpy"
        if schema.names is not None and not made:
            self.feature_names_in_ = np.array(schema.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.training_rows_, self.validation_rows_ = counts
        self.rows_, self.held_out_ = kept, held_out
        self.latent_dim_ = assembly["latent_dim"]
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

    def _set_offset(self, rows: Data) -> None:
        rng = np.random.default_rng([self._seed, 2])
        chosen = taken(rows, rng.permutation(count(rows))[:_ROWS_FOR_OFFSET])
        bounds = evidence.elbo(self.model_, chosen, self._key(3), _DRAWS_OF_ELBO).values
        # Never so few that the noise of the ELBO hides one of the two rows of a percentile.
        near = _LEAST_NEAR + ceil(_SHARE_NEAR * self.contamination * len(bounds))
        lowest = np.argsort(bounds)[:near]
        scores = np.full(len(bounds), np.inf)
        scores[lowest] = self._importance(taken(chosen, lowest), self.draws).values
        self.offset_ = float(np.percentile(scores, 100 * self.contamination))

    # Files

    def save(self, path: str | Path) -> Path:
        """Write the model to a folder, or to one file where `path` ends in `.jensen`.

        Raises `FileError` where it cannot be written.
        """
        check_is_fitted(self)
        return store.save(path, to_saved(self))


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
