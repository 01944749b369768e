"""Networks: the functions that encoders and decoders are made of."""

from jensen.parts.networks.architectures import Architecture
from jensen.parts.networks.conv import Conv, ConvTransposed
from jensen.parts.networks.images import ConvDecoder, ConvEncoder
from jensen.parts.networks.mlp import MLP, Linear, require_activation
from jensen.parts.networks.precision import PRECISIONS, require_precision, with_precision

__all__ = [
    "MLP",
    "PRECISIONS",
    "Architecture",
    "Conv",
    "ConvDecoder",
    "ConvEncoder",
    "ConvTransposed",
    "Linear",
    "require_activation",
    "require_precision",
    "with_precision",
]
