"""Training: one compiled step, the loop around it, its state, stopping, checkpoints, logging."""

from jensen.training.blocks import Readable
from jensen.training.loop import Trained, train
from jensen.training.options import Options
from jensen.training.pace import Pace, pace_of

__all__ = ["Options", "Pace", "Readable", "Trained", "pace_of", "train"]
