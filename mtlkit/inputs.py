"""How a picture is brought to what a network takes, without torch: the project's only resize."""

import numpy as np
from PIL import Image

SIZES = (8, 512)  # px, of the square that a picture may be brought to


def fit_square(image: Image.Image, side: int) -> np.ndarray:
    """Bring an image (mode L, RGB, or F in [0, 1]) to C x side x side, float32, aspect kept, in the
    middle.

    The rest is filled with the median colour of the image's border. On plain ground that continues
    the ground; black bars would draw edges that features see and sort by. An image that is a square
    of that side is not resampled. The filter is bilinear with antialiasing, which does not
    overshoot.

    >>> fit_square(Image.new("L", (20, 10), 255), 8).shape
    (1, 8, 8)
    """
    width, height = (max(1, round(side * length / max(image.size))) for length in image.size)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    raw = np.atleast_3d(np.asarray(image, np.float32)).transpose(2, 0, 1)  # C x height x width
    pixels: np.ndarray = np.clip(raw, 0, 1) if image.mode == "F" else raw / 255
    if width == height:
        return np.ascontiguousarray(pixels)
    border = np.concatenate(
        [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1
    )
    square = np.empty((len(pixels), side, side), np.float32)
    square[:] = np.median(border, axis=1)[:, None, None]
    top, left = (side - height) // 2, (side - width) // 2
    square[:, top : top + height, left : left + width] = pixels
    return square


def fit_squares(images: np.ndarray, side: int) -> np.ndarray:
    """Bring N x C x H x W in [0, 1] to float32, N x C x side x side, each plane by `fit_square`.

    >>> fit_squares(np.ones((2, 3, 10, 20)), 8).shape
    (2, 3, 8, 8)
    """
    images = np.asarray(images, np.float32)
    if images.shape[2:] == (side, side):
        return images
    squares = np.empty((*images.shape[:2], side, side), np.float32)
    planes = images.reshape(-1, *images.shape[2:])
    for plane, square in zip(planes, squares.reshape(-1, side, side), strict=True):
        square[:] = fit_square(Image.fromarray(plane), side)[0]
    return squares
