"""Pythae: `VAE.get_nll`, which returns the mean of log p(x), despite its name.

Its `reconstruction_loss="bce"` is a Bernoulli likelihood, constants included, so the numbers
are in jensen's units for binary rows. It is called row by row, as it works inside, to have each
row's number. Asked for K draws with a batch of B it takes B where K ≤ B and ⌊K/B⌋·B otherwise;
the batch is chosen here so that it takes K.
"""

import sys

import numpy as np
import torch
from _carried import SMALLEST_SCALE, UNIT_SOFTPLUS, Carried, measure, read_job
from _pythae import VERSION, Decoder
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseEncoder
from torch import nn

LARGEST_BATCH = 1000


def network(layers) -> nn.Sequential:
    parts: list[nn.Module] = []
    for weight, bias in layers:
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data = torch.from_numpy(weight.copy())
        layer.bias.data = torch.from_numpy(bias.copy())
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Encoder(BaseEncoder):
    def __init__(self, carried: Carried):
        super().__init__()
        self.layers = network(carried.encoder)
        self.shift = torch.from_numpy(carried.shift.copy())
        self.scale = torch.from_numpy(carried.scale.copy())

    def forward(self, x):
        mean, raw = self.layers((x - self.shift) / self.scale).chunk(2, dim=-1)
        scale = nn.functional.softplus(raw + UNIT_SOFTPLUS) + SMALLEST_SCALE
        return ModelOutput(embedding=mean, log_covariance=2 * torch.log(scale))


def main() -> None:
    job = read_job()
    carried = Carried.load(job["weights"])
    if carried.likelihood != "bernoulli":
        sys.exit(f"Pythae has no likelihood {carried.likelihood!r}")
    rows = torch.from_numpy(np.load(job["rows"]).astype(np.float32))
    config = VAEConfig(
        input_dim=(rows.shape[1],), latent_dim=carried.latent, reconstruction_loss="bce"
    )
    vae = VAE(config, encoder=Encoder(carried), decoder=Decoder(network(carried.decoder))).eval()

    def make(draws: int):
        batch = min(draws, LARGEST_BATCH)

        def estimate(seed: int) -> np.ndarray:
            torch.manual_seed(seed)
            with torch.no_grad():
                return np.array([vae.get_nll(row[None], draws, batch) for row in rows])

        return estimate

    measure(job, VERSION, make)


if __name__ == "__main__":
    main()
