"""Pyro: `SVI.step` over shuffled batches as in its VAE tutorial, with the closed-form KL.

Batches are slices of a shuffled tensor, which is no slower than a `DataLoader`; validation is
off; Bernoulli logits take the place of the tutorial's probabilities. `JitTraceMeanField_ELBO`
was tried and took six times as long on small shapes, more than twice on large ones.

`tuned` follows Pyro's example of a plain PyTorch loop (`svi_torch.py`) in place of `SVI`, so
that one optimiser holds all parameters, not one each, and makes that Adam PyTorch's fused one.
"""

from collections.abc import Callable

import pyro
import pyro.distributions as dist
import torch
from _common import Job, read_job, report, time_windows
from _torch import mlp
from pyro.infer import SVI, TraceMeanField_ELBO
from torch import nn


class VAE(nn.Module):
    def __init__(self, job: Job):
        super().__init__()
        self.latent = job.latent
        self.encoder = mlp(job.encoder_widths)
        self.decoder = mlp(job.decoder_widths)

    def model(self, x):
        pyro.module("decoder", self.decoder)
        with pyro.plate("rows", x.shape[0]):
            zeros = x.new_zeros(x.shape[0], self.latent)
            z = pyro.sample("z", dist.Normal(zeros, torch.ones_like(zeros)).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.decoder(z)).to_event(1), obs=x)

    def guide(self, x):
        pyro.module("encoder", self.encoder)
        with pyro.plate("rows", x.shape[0]):
            mean, log_scale = self.encoder(x).chunk(2, dim=-1)
            pyro.sample("z", dist.Normal(mean, log_scale.exp()).to_event(1))


def tutorial_step(vae: VAE, job: Job) -> Callable[[torch.Tensor], float]:
    """A step that returns the batch's loss, summed over its rows."""
    optimiser = pyro.optim.Adam({"lr": job.learning_rate})
    return SVI(vae.model, vae.guide, optimiser, loss=TraceMeanField_ELBO()).step


def torch_step(vae: VAE, job: Job) -> Callable[[torch.Tensor], float]:
    """The same step in a plain PyTorch loop."""
    negative_elbo = TraceMeanField_ELBO().differentiable_loss
    optimiser = torch.optim.Adam(vae.parameters(), lr=job.learning_rate, fused=True)

    def step(x: torch.Tensor) -> float:
        optimiser.zero_grad()
        loss = negative_elbo(vae.model, vae.guide, x)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def main() -> None:
    job = read_job()
    pyro.enable_validation(False)
    pyro.set_rng_seed(job.seed)
    X = torch.from_numpy(job.load())
    step = (torch_step if job.how == "tuned" else tutorial_step)(VAE(job), job)

    def train_epochs(epochs: int) -> float:
        for _ in range(epochs):
            shuffled = X[torch.randperm(len(X))]
            loss = sum(step(x) for x in shuffled.split(job.batch))
        return -loss / len(X)

    seconds, elbo = time_windows(train_epochs, job, job.steps_per_epoch(len(X)))
    report("pyro", f"{pyro.__version__} on torch {torch.__version__}", seconds, elbo)


if __name__ == "__main__":
    main()
