"""What the scripts that train with Pythae share: networks as it wants them, rows, the trainer."""

import importlib.metadata
import logging
from functools import partialmethod

import torch
from pythae.data.datasets import DatasetOutput
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn
from torch.utils.data import Dataset
from tqdm import tqdm

tqdm.__init__ = partialmethod(tqdm.__init__, disable=True)  # the trainer's bar has no switch
logging.disable(logging.WARNING)
VERSION = f"{importlib.metadata.version('pythae')} on torch {torch.__version__}"


class Encoder(BaseEncoder):
    """A network whose output is the mean and the logarithm of the variance of q(z | x)."""

    def __init__(self, layers: nn.Module):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        mean, log_variance = self.layers(x).chunk(2, dim=-1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """A network whose output is logits; Pythae asks for probabilities."""

    def __init__(self, layers: nn.Module):
        super().__init__()
        self.layers = layers

    def forward(self, z):
        return ModelOutput(reconstruction=torch.sigmoid(self.layers(z)))


class Rows(Dataset):
    """Rows without labels; Pythae asks of a data set only that its items have `data`."""

    def __init__(self, X: torch.Tensor):
        self.X = X

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> DatasetOutput:
        return DatasetOutput(data=self.X[index])
