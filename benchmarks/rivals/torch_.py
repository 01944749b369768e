"""PyTorch, eager: a plain loop over slices of shuffled rows, closed-form KL, fused Adam.

The loss is added up where it is computed, so that no step waits for a number. `how` is "one
thread", or "channels last", the layout of images in memory that some convolutions are quicker in.
"""

import torch
from _common import Job, read_job, report, time_windows
from _torch import device, networks, tensor
from torch import Tensor, nn


class VAE(nn.Module):
    def __init__(self, job: Job):
        super().__init__()
        self.encoder, self.decoder = networks(job)

    def forward(self, x: Tensor) -> Tensor:
        """The negative ELBO, mean over rows."""
        mean, log_scale = self.encoder(x).chunk(2, dim=-1)
        scale = log_scale.exp()
        logits = self.decoder(mean + scale * torch.randn_like(scale))
        kl = 0.5 * (mean**2 + scale**2 - 1).sum() - log_scale.sum()
        cross_entropy = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (cross_entropy + kl) / len(x)


def main() -> None:
    job = read_job()
    torch.manual_seed(job.seed)
    if job.how == "one thread":
        torch.set_num_threads(1)
    where = "cuda" if torch.cuda.is_available() else "cpu"
    X, vae = tensor(job).to(where), VAE(job).to(where)
    if job.how == "channels last":
        X = X.to(memory_format=torch.channels_last)
        vae = vae.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(vae.parameters(), lr=job.learning_rate, fused=True)

    def train_epochs(epochs: int) -> float:
        total = torch.zeros((), device=where)
        for _ in range(epochs):
            total.zero_()
            order = torch.randperm(len(X), device=where)
            for rows in order.split(job.batch):
                loss = vae(X[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.detach() * len(rows)
        return -float(total) / len(X)

    seconds, elbo = time_windows(train_epochs, job, job.steps_per_epoch(len(X)))
    version = f"{torch.__version__}, {torch.get_num_threads()} threads"
    report("torch", version, seconds, elbo, device())


if __name__ == "__main__":
    main()
