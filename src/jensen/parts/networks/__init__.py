"""Networks: the functions that encoders and decoders are made of."""

from jensen.parts.networks.architectures import Architecture
from jensen.parts.networks.conv import Conv, ConvTransposed, with_precision
from jensen.parts.networks.images import ConvDecoder, ConvEncoder
from jensen.parts.networks.mlp import MLP, Linear

__all__ = [
    "MLP",
    "Architecture",
    "Conv",
    "ConvDecoder",
    "ConvEncoder",
    "ConvTransposed",
    "Linear",
    "with_precision",
]
