"""Images as rows: folders of pictures, and MNIST's idx files."""

from jensen.data.images.folders import Images, read_folder
from jensen.data.images.idx import is_idx, read_idx

__all__ = ["Images", "is_idx", "read_folder", "read_idx"]
