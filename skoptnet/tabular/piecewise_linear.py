"""Piecewise-linear encoding of numbers (Gorishniy et al., 2022)."""

from __future__ import annotations

from typing import Self

import numpy as np

from .._types import Array
from .smooth_clip import quantiles


class PiecewiseLinearEncoding:
    r"""Columns of numbers as positions in bins between their quantiles.

    A number x becomes one number per bin, for edges :math:`e_0 < e_1 < \dots`:

    .. math::
        \min(\max(\frac{x - e_{t-1}}{e_t - e_{t-1}}, 0), 1)

    It is 1 for bins below x, 0 for bins above, and in the bin that contains x the
    fraction of the bin below x. A linear function of these numbers is a
    piecewise-linear function of x (`Gorishniy, Rubachev and Babenko, 2022
    <https://arxiv.org/abs/2203.05556>`__).

    Parameters
    ----------
    n_bins : int
        Number of bins of a column. It has fewer where quantiles are equal, and none if
        only two different edges are left, as in a column of two values.

    Attributes
    ----------
    edges : list of arrays
        The edges of the bins of each column: quantiles that are values of the column.
    """

    def __init__(self, n_bins: int):
        self.n_bins = n_bins

    def fit(self, X: Array, w: Array) -> Self:
        """Learn the bins of columns, with weights of rows; NaN is disregarded."""
        self.edges = [self._edges(x, w) for x in X.T]
        return self

    def _edges(self, x: Array, w: Array) -> Array:
        counts = (w > 0) & ~np.isnan(x)
        shares = np.linspace(0, 1, self.n_bins + 1)
        edges = np.unique(quantiles(x[counts], w[counts], shares, averaged=False))
        return edges if len(edges) > 2 else edges[:1]

    def transform(self, X: Array) -> Array:
        """Return columns without missing numbers, encoded in float32."""
        ends = np.cumsum([0, *self.widths])
        Z = np.empty((len(X), ends[-1]), dtype=np.float32)
        for x, e, start, end in zip(X.T, self.edges, ends, ends[1:], strict=False):
            shares = (x[:, None] - e[:-1]) / np.diff(e)
            np.clip(shares, 0, 1, out=Z[:, start:end], casting="same_kind")
        return Z

    @property
    def widths(self) -> list[int]:
        """Number of bins of each column."""
        return [len(e) - 1 for e in self.edges]

    def names(self, names: Array) -> list[str]:
        """Return the names of the columns that `transform` returns."""
        return [
            f"{name}_bin{t}"
            for name, width in zip(names, self.widths, strict=True)
            for t in range(width)
        ]
