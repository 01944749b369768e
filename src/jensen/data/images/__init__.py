"""Images as rows: folders of pictures, MNIST's idx files, and grey made black and white."""

from jensen.data.images.binarising import BINARISATIONS, binarise
from jensen.data.images.folders import Images, read_folder
from jensen.data.images.idx import is_idx, read_idx
from jensen.data.images.stored import MEMORY, StoredImages, images

__all__ = [
    "BINARISATIONS",
    "MEMORY",
    "Images",
    "StoredImages",
    "binarise",
    "images",
    "is_idx",
    "read_folder",
    "read_idx",
]
