"""The first room: images in, as one array, with the labels kept apart.

`load` takes a name of the catalogue, a folder of images or an `.npz`, and always returns the same
thing, an `ImageSet`.
"""

from mtlkit.data.catalogue import catalogue_names, load
from mtlkit.data.images import ImageSet, Skipped
from mtlkit.data.reading import read_image

__all__ = ["ImageSet", "Skipped", "catalogue_names", "load", "read_image"]
