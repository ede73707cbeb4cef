"""Sample weights: their checks, and products and sums of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from .._types import Array, Rows
from ..training import TrainingSet
from .arrays import as_numpy

# A sum outside of this range, as of likelihoods, does not count rows. The strength of
# the penalty, alpha divided by the sum, would be infinite or none.
_SMALLEST_SUM, _LARGEST_SUM = 1e-100, 1e100


def checked_weights(
    sample_weight: Any, X: Rows, name: str = "sample_weight", use: str = "learn"
) -> Array | None:
    """Return sample weights as an array, None for None; refuse weights all zero."""
    w = weights_of_part(sample_weight, X, name)
    if w is not None and not w.any():
        raise ValueError(
            f"{name} must not be zero for all rows: there is nothing to {use}."
        )
    return w


def weights_of_part(
    sample_weight: Any, X: Rows, name: str = "sample_weight"
) -> Array | None:
    """Return sample weights of some of the rows as an array, None for None."""
    if sample_weight is None:
        return None
    w = np.asarray(as_numpy(sample_weight, name))
    if w.ndim != 1:
        raise ValueError(
            f"{name} must have shape ({X.shape[0]},). Got {w.shape} instead."
        )
    try:
        w = check_array(w, ensure_2d=False, dtype=np.float64, input_name=name)
    except OverflowError as error:  # of an int
        raise ValueError(
            f"Input {name} contains a value too large for dtype('float64')."
        ) from error
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(
            f"{name} must not be negative. Got {w.min():g} as the minimum."
        )
    return w


def usable_weights(sample_weight: Any, X: Any) -> Array | None:
    """Return checked weights whose sum is a number to compute with."""
    w = checked_weights(sample_weight, X)
    return None if w is None else product_of_weights([w])


def with_row_weights(
    data: TrainingSet, by_class: Callable[[Array], list[Array]] | None, part: str
) -> TrainingSet:
    """Return the rows with the product of their class and sample weights.

    Its sum is a number that can be computed with, see `product_of_weights`.
    """
    factors = by_class(data.Y) if by_class else []
    factors += [] if data.w is None else [data.w]
    if not factors:
        return data
    w = product_of_weights(factors, data.rows)
    if not data.select(w).any():
        raise ValueError(
            f"class_weight and sample_weight make the weight of every {part} row zero."
        )
    return replace(data, w=w)


def with_unit_mean_weights(data: TrainingSet) -> tuple[TrainingSet, float]:
    """Return the rows with weights scaled to a mean of 1, and their sum before."""
    if data.w is None:
        return data, float(len(data))
    total = float(data.select(data.w).sum())
    w = (data.w * (len(data) / total)).astype(data.X.dtype)
    return replace(data, w=w), total


def product_of_weights(factors: Sequence[Array], rows: Array | None = None) -> Array:
    """Return the product of the weights of each row.

    If their sum is too large or too small to compute with, they are divided by their
    mean over the rows with a weight. So a row of weight zero still does not count.

    Parameters
    ----------
    factors : sequence of arrays of shape (n,)
        Finite weights of at least 0, one or several for each row.
    rows : intp array, optional
        The rows whose weights are summed; all by default. If the sum is too large or
        too small, the products of other rows are meaningless.

    Returns
    -------
    array of shape (n,)
        The products, as precise as those of ordinary numbers even if partial products
        overflow or underflow.
    """
    chosen: Any = slice(None) if rows is None else rows
    with np.errstate(over="ignore", under="ignore"):
        if len(factors) == 1 and _is_usable(factors[0][chosen]):
            return factors[0]
        mantissas, exponents = np.frexp(factors[0])
        for factor in factors[1:]:
            mantissa, exponent = np.frexp(factor)
            mantissas, carried = np.frexp(mantissas * mantissa)
            exponents = exponents + exponent + carried
        w = np.ldexp(mantissas, exponents)
        positive = mantissas[chosen] > 0
        if _is_usable(w[chosen]) or not positive.any():
            return w
        exponents = exponents - exponents[chosen][positive].max()
        w = np.ldexp(mantissas, np.minimum(exponents, 0))
        return w / w[chosen][positive].mean()


def weights_of_score(sample_weight: Any) -> Any:
    """Return the weights that a score averages with; only their ratios count.

    Weights that scikit-learn refuses stay as they are.
    """
    sample_weight = as_numpy(sample_weight, "sample_weight")
    w = None if sample_weight is None else np.asarray(sample_weight)
    if w is None or w.ndim != 1 or w.dtype.kind != "f" or not w.size:
        return sample_weight
    with np.errstate(over="ignore"):
        usable = _is_usable(w) or not (np.isfinite(w) & (w >= 0)).all()
    return sample_weight if usable else product_of_weights([w.astype(np.float64)])


def _is_usable(w: Array) -> bool:
    return is_usable_sum(w.sum())


def is_usable_sum(total: float) -> bool:
    """Tell whether a sum of weights is a number to compute with."""
    return bool(_SMALLEST_SUM <= total <= _LARGEST_SUM)
