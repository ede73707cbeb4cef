"""Robust scaling of columns of numbers, with a smooth clip of what lies far out."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csc_array, csr_array, issparse
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._names import Parametrized
from .._params import POSITIVE, check_params
from .._sklearn import TransformerMixin
from .._types import Array, ArrayLike, Data, Float, Rows
from ..estimators.sample_weights import usable_weights

# Above it, differences of two numbers might overflow.
_LARGE = np.finfo(np.float64).max / 4

_QUARTILES = np.array([0.25, 0.5, 0.75])

# Sums of weights are rounded: a smaller share of their sum is none.
_ROUNDING = 1e-12

# As good as infinite for the clip, while its square is finite.
_FAR = 1e100


class RobustSmoothClipper(OneToOneFeatureMixin, TransformerMixin, Parametrized):
    """Centre columns at their median, divide by the interquartile range, clip smoothly.

    A number x becomes ``z / sqrt(1 + (z / limit)**2)`` with ``z = (x - median) / (q75 -
    q25)``. The clip hardly changes z near 0, and keeps outliers within ``limit``, in
    order. Where the quartiles are equal, half of the distance from the least to the
    greatest number takes the place of theirs. A column of two different numbers is
    centred midway between them and divided by half of their distance, so that both are
    equally far from 0. Missing numbers (NaN) are disregarded in `fit` and stay missing.
    Columns of sparse matrices are not centred, so that zeros stay zeros.

    Parameters
    ----------
    limit : float, default=3.0
        Bound on the absolute values of the result.

    Attributes
    ----------
    factor_ : float64 array of shape (n_features,)
        1, but 1/4 for columns with numbers so large that differences might overflow.
    center_ : float64 array of shape (n_features,)
        The median of ``factor_ * x`` in each column; the middle, if it has two
        different numbers.
    scale_ : float64 array of shape (n_features,)
        The divisor of each column, in the unit of ``factor_ * x``; 1 for constant
        columns.
    is_constant_ : bool array of shape (n_features,)
        Which columns have no two different numbers.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : array of str
        Names of the columns; only if X had names, all strings.

    See Also
    --------
    sklearn.preprocessing.RobustScaler : Median and quartiles, without a clip.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> from skoptnet.tabular.smooth_clip import RobustSmoothClipper
    >>> X = [[0.0], [1.0], [2.0], [3.0], [1000.0]]
    >>> RobustSmoothClipper().fit_transform(X).ravel().round(2).tolist()
    [-0.95, -0.49, 0.0, 0.49, 3.0]
    """

    _parameter_constraints: ClassVar[dict] = {"limit": POSITIVE}

    def __init__(self, *, limit: Float = 3.0):
        self.limit = limit

    def fit(
        self, X: Data, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn median and quartiles of every column.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Numbers; NaN stands for missing ones.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: a row of weight 2 counts as two rows.

        Returns
        -------
        self : RobustSmoothClipper
            The fitted transformer.

        Raises
        ------
        ValueError
            If ``limit`` or a weight is out of range, or X has infinite numbers.
        """
        check_params(self)
        X = self._checked(X, reset=True)
        w = usable_weights(sample_weight, X)
        w = np.ones(X.shape[0]) if w is None else w
        if issparse(X):
            rows = np.array(list(_sparse_columns(X, w)))
        else:
            rows = np.array([_described(x, w) for x in X.T])
        self.factor_, self.center_, self.scale_, constant = rows.T.copy()
        self.is_constant_ = constant == 1
        return self

    def transform(self, X: Data) -> Rows:
        """Scale and clip every column.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Numbers; NaN stands for missing ones.

        Returns
        -------
        Z : float64 array or CSR container of shape (n_samples, n_features)
            Numbers in [-limit, limit]; missing ones stay missing.
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        if not issparse(X):
            return self._clipped(X, slice(None), self.center_)
        Z = X.tocsr(copy=True)
        Z.sum_duplicates()
        Z.data = self._clipped(Z.data, Z.indices, 0.0)
        return Z

    def zero_point(self) -> Array:
        """Return the centre of every column as `transform` gives it without centring.

        It takes the place of missing numbers of sparse matrices.
        """
        return self._clipped(self.center_ / self.factor_, slice(None), 0.0)

    def _clipped(self, x: Array, columns: Any, center: Any) -> Array:
        """Scale and clip numbers of the given columns."""
        with np.errstate(over="ignore"):  # infinity is as good as far away
            z = x * self.factor_[columns]
            z -= center
            z /= self.scale_[columns]
        np.clip(z, -_FAR, _FAR, out=z)
        with np.errstate(under="ignore"):
            z /= np.sqrt(1 + (z / self.limit) ** 2)
        return z

    def _checked(self, X: Data, reset: bool) -> Rows:
        return validate_data(
            self,
            X,
            accept_sparse=("csr", "csc"),
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            reset=reset,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def _described(
    x: Array, w: Array, weight_of_zeros: float = 0.0
) -> tuple[float, float, float, bool]:
    """Return factor, centre, scale of a column, and whether it is constant.

    Parameters
    ----------
    x : float64 array
        The numbers of the column; missing ones are disregarded.
    w : float64 array
        Their weights; numbers of weight 0 are disregarded, too.
    weight_of_zeros : float, default=0.0
        The weight of the zeros that the column has besides.
    """
    counts = ~np.isnan(x) & (w > 0)
    x, w = x[counts], w[counts]
    if weight_of_zeros:
        x, w = np.append(x, 0.0), np.append(w, weight_of_zeros)
    if not len(x):
        return 1.0, 0.0, 1.0, True
    low, high = x.min(), x.max()
    factor = 0.25 if max(-low, high) > _LARGE else 1.0
    if low == high:
        return factor, factor * low, 1.0, True
    # The halves of denormal numbers might be 0.
    half = factor * high / 2 - factor * low / 2 or factor * high - factor * low
    if np.all((x == low) | (x == high)):
        return factor, factor * low + half, half, False
    lower, center, upper = quantiles(factor * x, w, _QUARTILES)
    return factor, center, upper - lower or half, False


def quantiles(x: Array, w: Array, shares: Array, *, averaged: bool = True) -> Array:
    """Return the quantiles of weighted numbers for some shares in [0, 1].

    They are NumPy's of the method "averaged_inverted_cdf", for any weights: those of
    integer weights are those of repeated numbers. With ``averaged=False``, the method
    is "inverted_cdf": a quantile is then one of the numbers, not the average of two.
    """
    order = np.argsort(x)
    x, below = x[order], np.cumsum(w[order])
    at = below[-1] * shares
    last = len(x) - 1
    left = np.minimum(np.searchsorted(below, at, side="left"), last)
    if not averaged:
        return x[left]
    right = np.minimum(np.searchsorted(below, at, side="right"), last)
    return x[left] + (x[right] - x[left]) / 2


def _sparse_columns(X: csr_array | csc_array, w: Array) -> Any:
    """Yield what `_described` returns of every column of a sparse matrix."""
    X = X.tocsc(copy=True)
    X.sum_duplicates()
    total = w.sum()
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        x, of_x = X.data[start:stop], w[X.indices[start:stop]]
        of_zeros = total - of_x.sum()
        yield _described(x, of_x, of_zeros if of_zeros > _ROUNDING * total else 0.0)
