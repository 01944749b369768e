"""Networks: the functions that encoders and decoders are made of."""

from jensen.parts.networks.mlp import MLP, Linear

__all__ = ["MLP", "Linear"]
