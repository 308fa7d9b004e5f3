"""Preprocessing: edges, descriptors, and label vectors made from features without labels."""

from mtlkit.preprocessing.descriptors import (
    chromaticity,
    colour,
    describe,
    edge_density,
    hog,
    lbp,
    middle,
    stain,
    standardise,
)
from mtlkit.preprocessing.edges import canny, grey, laplacian, sobel

__all__ = [
    "canny",
    "chromaticity",
    "colour",
    "describe",
    "edge_density",
    "grey",
    "hog",
    "laplacian",
    "lbp",
    "middle",
    "sobel",
    "stain",
    "standardise",
]
