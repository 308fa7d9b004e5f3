"""Edges: where an image changes. Three classic detectors for a batch of images."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from skimage.feature import canny as canny_of_one

from mtlkit.errors import InputError, look_up


def grey(images: np.ndarray) -> np.ndarray:
    """Return the brightness of images N x C x H x W as N x H x W (Rec. 709 luma for colour).

    >>> grey(np.ones((2, 3, 8, 8))).shape
    (2, 8, 8)
    """
    if images.shape[1] == 1:
        return images[:, 0]
    return np.einsum("nchw,c->nhw", images, np.array([0.2125, 0.7154, 0.0721], images.dtype))


def sobel(images: np.ndarray) -> np.ndarray:
    r"""Return the length of the gradient, N x 1 x H x W: $\sqrt{g_x^2 + g_y^2}$ by Sobel's filters.

    The filters are scaled so that a ramp of one grey level a pixel has length one.
    Source: Sobel, Feldman 1968.

    >>> ramp = np.tile(np.arange(8.0), (1, 1, 8, 1))
    >>> float(sobel(ramp)[0, 0, 4, 4])
    1.0
    """
    pictures = grey(images)
    across, down = (
        ndimage.correlate1d(
            ndimage.correlate1d(pictures, [-0.5, 0, 0.5], axis), [0.25, 0.5, 0.25], other
        )
        for axis, other in (
            (2, 1),
            (1, 2),
        )  # ndimage.sobel would blur over the neighbouring image, too
    )
    return np.hypot(across, down)[:, None]


def laplacian(images: np.ndarray) -> np.ndarray:
    """Return the size of the second derivative, N x 1 x H x W: bright on both sides of an edge,
    zero on a ramp.

    >>> float(laplacian(np.tile(np.arange(8.0), (1, 1, 8, 1)))[0, 0, 4, 4])
    0.0
    """
    return np.abs(ndimage.laplace(grey(images), axes=(1, 2)))[:, None]


def canny(
    images: np.ndarray, sigma: float = 1.0, low: float = 0.1, high: float = 0.2
) -> np.ndarray:
    """Return thin edges, N x 1 x H x W of 0 and 1.

    Args:
        images: N x C x H x W in [0, 1].
        sigma: blur before the gradient is taken, in pixels.
        low, high: thresholds on the gradient; a pixel between them counts if it touches one above
            `high`.

    Raises:
        InputError: sigma is not above zero, or the thresholds are not 0 <= low <= high.

    Source: Canny 1986, "A computational approach to edge detection".

    >>> step = np.zeros((1, 1, 16, 16)); step[..., 8] = 0.5; step[..., 9:] = 1
    >>> int(canny(step)[0, 0, 8].sum())                              # one pixel wide
    1
    """
    if not (sigma > 0 and 0 <= low <= high):
        raise InputError(
            f"canny needs sigma > 0 and 0 <= low <= high, not sigma={sigma}, "
            f"low={low}, high={high}."
        )
    pictures = grey(images)
    edges = [canny_of_one(picture, sigma, low, high, mode="nearest") for picture in pictures]
    return np.stack(edges).astype(np.float32)[:, None]


EDGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sobel": sobel,
    "laplacian": laplacian,
    "canny": canny,
}


def edge_maps(images: np.ndarray, kind: str = "sobel") -> np.ndarray:
    """Return the edges of images N x C x H x W by a detector's name: N x 1 x H x W.

    Raises:
        InputError: the name is none of `sobel`, `laplacian`, `canny`.

    >>> edge_maps(np.zeros((2, 1, 8, 8)), "laplacian").shape
    (2, 1, 8, 8)
    """
    return look_up("edges", kind, EDGES)(images)
