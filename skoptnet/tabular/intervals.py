"""Prediction intervals from the residuals of held-out rows, as in split conformal."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .._types import Array


def conformal_half_widths(residuals: Array, w: Array | None, coverage: float) -> Array:
    r"""Return half of the widths of prediction intervals, one per output.

    It is the k-th smallest of n absolute residuals, with
    :math:`k = \lceil (n + 1) c \rceil` for a coverage c (`Lei et al., 2018
    <https://doi.org/10.1080/01621459.2017.1307116>`__). With weights, it is the
    smallest residual up to which the residuals have the share :math:`k / n` of the
    weight; rows of weight zero are not among the n.

    Parameters
    ----------
    residuals : array of shape (n, n_outputs)
        Differences of targets and predictions for rows that were held out.
    w : array of shape (n,) or None
        Weights of the rows.
    coverage : float in (0, 1)
        The share of new rows that intervals are to contain.

    Raises
    ------
    ValueError
        If there are too few residuals for the coverage.
    """
    if w is not None:
        residuals, w = residuals[w > 0], w[w > 0]
    n = len(residuals)
    share = Fraction(str(coverage))  # 0.9 in decimals, not the float next to it
    k = math.ceil((n + 1) * share)
    if k > n:
        needed = math.ceil(share / (1 - share))
        raise ValueError(
            f"coverage={coverage} needs at least {needed} training rows that were held"
            f" out. Got {n}. Lower the coverage."
        )
    size = np.abs(residuals)
    if w is None:
        return np.sort(size, axis=0)[k - 1]
    w = w / w.max()
    found = []
    for column in size.T:
        order = np.argsort(column)
        weight = np.cumsum(w[order])
        # Less the rounding of the sums.
        place = int(np.searchsorted(weight, k / n * weight[-1] * (1 - 1e-12)))
        found.append(column[order[place]])
    return np.array(found)
