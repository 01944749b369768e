"""Training: one compiled step, the loop around it, its state, stopping, checkpoints, logging."""

from jensen.training.loop import Trained, train
from jensen.training.options import Options

__all__ = ["Options", "Trained", "train"]
