"""Columns of numbers: scaled and clipped, with marks of missing ones, and in bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._types import Array, Rows
from .piecewise_linear import PiecewiseLinearEncoding
from .smooth_clip import RobustSmoothClipper


class Numbers:
    """The columns of numbers.

    Parameters
    ----------
    n_bins : int
        Number of bins per column, 0 for no encoding by bins.

    Attributes
    ----------
    clipper : RobustSmoothClipper
        Scales all columns.
    bins : PiecewiseLinearEncoding or None
        Encodes the scaled columns, too.
    kept, empty, with_missing : bool arrays, one item per column
        Which columns have different numbers, none at all, some missing and some not.
    """

    def __init__(self, n_bins: int):
        self.n_bins = n_bins

    def fit_transform(self, X: Rows, w: Array) -> list[Rows]:
        """Learn from a float64 matrix in which NaN is missing, and weights of rows."""
        self.bins = None
        self._fit_clipper(X, w)
        blocks = self.transform(X)
        if self.n_bins and self.kept.any() and not issparse(X):
            numbers = np.where(np.isnan(X[:, self.kept]), np.nan, blocks[0])
            self.bins = PiecewiseLinearEncoding(self.n_bins).fit(numbers, w)
            blocks.append(self.bins.transform(blocks[0]))
        return blocks

    def _fit_clipper(self, X: Rows, w: Array) -> None:
        self.clipper = RobustSmoothClipper()
        n_missing = _sums(X[w > 0], np.isnan)
        self.empty = n_missing == (w > 0).sum()
        self.with_missing = (n_missing > 0) & ~self.empty
        self.kept = np.zeros(X.shape[1], dtype=bool)
        if X.shape[1]:
            self.kept = ~self.clipper.fit(X, None, w).is_constant_

    def transform(self, X: Rows) -> list[Rows]:
        """Return scaled columns, indicators of missing numbers, and bins, if any."""
        if not X.shape[1]:
            return [np.empty(X.shape)]
        Z = self.clipper.transform(X)
        if issparse(Z):
            missing = np.isnan(Z.data)
            M = Z.copy()  # its indices are changed in place
            M.data = missing.astype(np.float64)
            M.eliminate_zeros()
            Z.data[missing] = self.clipper.zero_point()[Z.indices[missing]]
        else:
            M = np.isnan(Z)
            Z[M] = 0
        blocks = [Z[:, self.kept], M[:, self.with_missing]]
        if self.bins:
            blocks.append(self.bins.transform(blocks[0]))
        return blocks

    def names(self, names: Array) -> list[str]:
        """Return the names of the columns that `transform` returns."""
        missing = [f"missingindicator_{name}" for name in names[self.with_missing]]
        bins = self.bins.names(names[self.kept]) if self.bins else []
        return [*names[self.kept], *missing, *bins]


def _sums(X: Rows, test: Any) -> Array:
    """Return how many numbers of each column pass a test that zeros do not."""
    if not issparse(X):
        return test(X).sum(axis=0)
    return np.bincount(X.indices[test(X.data)], minlength=X.shape[1])
