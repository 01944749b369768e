"""jensen: its own training loop on the job's networks. To be filled once `jensen.training` exists.

Until then it fails, and `training.py` reports jensen as missing. What is to be written in
`main`: build the VAE of the job (standard-normal prior, diagonal-normal posterior, Bernoulli
likelihood, one ReLU MLP each way with `job.encoder_widths` and `job.decoder_widths`, Adam at
`job.learning_rate`, batches of `job.batch` without replacement), then

    def train_epochs(epochs: int) -> float:
        ...  # train, wait until the device is done, return the last epoch's mean ELBO per row

    seconds, elbo = time_windows(train_epochs, job, job.steps_per_epoch(len(X)))
    report("jensen", f"{jensen.__version__} on jax {jax.__version__}", seconds, elbo)
"""

import sys

from _common import read_job


def main() -> None:
    read_job()
    sys.exit("jensen's side of this benchmark is not written yet")


if __name__ == "__main__":
    main()
