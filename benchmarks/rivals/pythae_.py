"""Pythae: its `VAE` under its `BaseTrainer`, with an encoder and a decoder of the job's widths.

Timed from the start of each epoch's loop over batches to the end of its last step, so that
set-up, the per-epoch copy of the best model, logging and saving do not count. No evaluation
set, no checkpoints, data loaded in the process, progress bars and logging off.

`tuned` adds what its settings allow but its documentation does not propose: PyTorch's fused
Adam, and a data set of rows without labels, which spares collating them.
"""

import tempfile
import time

import torch
from _common import Job, read_job, report
from _pythae import VERSION, Decoder, Encoder, Rows
from _torch import device, networks, tensor
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback


class EpochClock(TrainingCallback):
    """Keeps each epoch's seconds, first batch to last step, and its mean loss."""

    def __init__(self):
        self.seconds: list[float] = []
        self.loss = float("nan")

    def on_train_step_begin(self, training_config, **kwargs):  # once an epoch, despite its name
        self.start = time.perf_counter()

    def on_train_step_end(self, training_config, **kwargs):  # once a step
        self.stop = time.perf_counter()

    def on_epoch_end(self, training_config, **kwargs):
        self.seconds.append(self.stop - self.start)

    def on_log(self, training_config, logs, **kwargs):
        self.loss = float(logs["train_epoch_loss"])


def train(job: Job, X: torch.Tensor, folder: str) -> EpochClock:
    clock = EpochClock()
    config = BaseTrainerConfig(
        output_dir=folder,
        num_epochs=job.epochs_per_window * (job.windows + 1),
        per_device_train_batch_size=job.batch,
        train_dataloader_num_workers=0,
        learning_rate=job.learning_rate,
        optimizer_cls="Adam",
        optimizer_params={"fused": True} if job.how == "tuned" else None,
        seed=job.seed,
    )
    model_config = VAEConfig(
        input_dim=tuple(X.shape[1:]), latent_dim=job.latent, reconstruction_loss="bce"
    )
    encoder, decoder = networks(job)
    model = VAE(model_config, encoder=Encoder(encoder), decoder=Decoder(decoder))
    rows = Rows(X) if job.how == "tuned" else BaseDataset(X, torch.zeros(len(X)))
    BaseTrainer(model, rows, training_config=config, callbacks=[clock]).train()
    return clock


def window_seconds(epochs: list[float], size: int, steps: int) -> list[float]:
    """Seconds per step of each window but the first, which warms up."""
    starts = range(size, len(epochs), size)
    return [sum(epochs[i : i + size]) / (size * steps) for i in starts]


def main() -> None:
    job = read_job()
    torch.manual_seed(job.seed)
    X = tensor(job)
    with tempfile.TemporaryDirectory() as folder:
        clock = train(job, X, folder)
    seconds = window_seconds(clock.seconds, job.epochs_per_window, job.steps_per_epoch(len(X)))
    report("pythae", VERSION, seconds, -clock.loss, device())


if __name__ == "__main__":
    main()
