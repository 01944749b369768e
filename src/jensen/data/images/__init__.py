"""Images as rows: folders of pictures, MNIST's idx files, and grey made black and white."""

from jensen.data.images.binarising import BINARISATIONS, binarise
from jensen.data.images.folders import Images, read_folder
from jensen.data.images.idx import is_idx, read_idx

__all__ = ["BINARISATIONS", "Images", "binarise", "is_idx", "read_folder", "read_idx"]
