"""Edges: where an image changes. Three classic detectors for a batch of images."""

import numpy as np
from numpy import ndarray
from scipy.ndimage import correlate1d, laplace
from skimage.feature import canny as canny_of_picture

from mtlkit.errors import InputError


def grey(images: ndarray) -> ndarray:
    """Return the brightness of images N x C x H x W as N x H x W (Rec. 709 luma for colour).

    >>> grey(np.ones((2, 3, 8, 8))).shape
    (2, 8, 8)
    """
    if images.shape[1] == 1:
        return images[:, 0]
    luma = np.array([0.2125, 0.7154, 0.0721], images.dtype)
    return np.einsum("nchw,c->nhw", images, luma)


def sobel(images: ndarray) -> ndarray:
    r"""Return the length of the gradient, N x 1 x H x W: $\sqrt{g_x^2 + g_y^2}$ by Sobel's filters.

    The filters are scaled so that a ramp of one grey level a pixel has length one.
    Source: Sobel, Feldman 1968.

    >>> ramp = np.tile(np.arange(8.0), (1, 1, 8, 1))
    >>> float(sobel(ramp)[0, 0, 4, 4])
    1.0
    """
    pictures = grey(images)
    slope, blur = [-0.5, 0, 0.5], [0.25, 0.5, 0.25]
    # An axis at a time: ndimage.sobel would blur over the neighbouring image, too.
    across = correlate1d(pictures, slope, axis=2)
    across = correlate1d(across, blur, axis=1)
    down = correlate1d(pictures, slope, axis=1)
    down = correlate1d(down, blur, axis=2)
    return np.hypot(across, down)[:, None]


def laplacian(images: ndarray) -> ndarray:
    """Return the size of the second derivative, N x 1 x H x W.

    It is bright on both sides of an edge and zero on a ramp.

    >>> float(laplacian(np.tile(np.arange(8.0), (1, 1, 8, 1)))[0, 0, 4, 4])
    0.0
    """
    second = laplace(grey(images), axes=(1, 2))
    return np.abs(second)[:, None]


def canny(images: ndarray, sigma: float = 1.0, low: float = 0.1, high: float = 0.2) -> ndarray:
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
            "canny needs sigma > 0 and 0 <= low <= high, not "
            f"sigma={sigma}, low={low}, high={high}."
        )
    edges = [
        canny_of_picture(picture, sigma, low, high, mode="nearest") for picture in grey(images)
    ]
    maps = np.stack(edges)[:, None]
    return maps.astype(np.float32)
