"""What the scripts on PyTorch share: networks of layers with an activation between, the device."""

import itertools

import torch
from _common import Job
from torch import nn

# As jensen's convolutions: each halves the sides, or doubles them.
CONVOLUTION = {"kernel_size": 4, "stride": 2, "padding": 1}


def mlp(widths: list[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for wide_in, wide_out in itertools.pairwise(widths):
        layers += [nn.Linear(wide_in, wide_out), activation()]
    return nn.Sequential(*layers[:-1])


class WithBias(nn.Module):
    """A decoder's last layer, whose bias has a number for each pixel."""

    def __init__(self, side: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, side, side))

    def forward(self, x):
        return x + self.bias


def conv_encoder(job: Job) -> nn.Sequential:
    """(1, side, side) to the mean and the log-scale of q(z | x)."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise((1, *job.hidden)):
        layers += [nn.Conv2d(before, after, **CONVOLUTION), nn.ReLU()]
    smallest = job.hidden[-1] * job.sides[-1] ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(smallest, 2 * job.latent))


def conv_decoder(job: Job) -> nn.Sequential:
    """Latent to one logit a pixel, (1, side, side): the encoder the other way round."""
    channels, side = job.hidden[::-1], job.sides[-1]
    layers: list[nn.Module] = [
        nn.Linear(job.latent, channels[0] * side**2),
        nn.Unflatten(1, (channels[0], side, side)),
    ]
    for before, after in itertools.pairwise(channels):
        layers += [nn.ReLU(), nn.ConvTranspose2d(before, after, **CONVOLUTION)]
    last = nn.ConvTranspose2d(channels[-1], 1, bias=False, **CONVOLUTION)
    return nn.Sequential(*layers, nn.ReLU(), last, WithBias(job.sides[0]))


def networks(job: Job) -> tuple[nn.Sequential, nn.Sequential]:
    """The encoder and the decoder of a job."""
    if job.network == "conv":
        return conv_encoder(job), conv_decoder(job)
    return mlp(job.encoder_widths), mlp(job.decoder_widths)


def tensor(job: Job) -> torch.Tensor:
    """The rows, in the shape that the networks take."""
    X = torch.from_numpy(job.load())
    return X.reshape(-1, 1, *job.event_shape) if job.network == "conv" else X


def device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
