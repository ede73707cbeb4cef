"""Warning if validation data seem to be in another unit than the training data.

It compares the quantiles of each feature and each target. The rule finds data of which
only one side was scaled; it stays silent for small validation sets, heavy tails, random
walks, growth and held-out groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_regressor

from .._types import Array, Rows
from ..training import TrainingSet, Watcher
from .convergence_warnings import warn

#: Minimum numbers of rows to compare.
_ROWS, _HELD_OUT_ROWS = 50, 10

#: Larger numbers of rows and columns are sampled down to about this number.
_SAMPLE = 1000

#: Suspicious ratio of validation loss to training loss in the first epoch.
_MANY_TIMES = 100.0

_SCALE_X = (
    "Scale X_val like X: put the scaler and this model in a"
    " Pipeline(..., transform_input=['X_val']), or pass"
    " X_val=scaler.transform(X_val)."
)
_SCALE_Y = (
    "Pass y and y_val in the same unit. Targets need no scaling: normalize_y=True"
    " replaces TransformedTargetRegressor, which does not transform y_val."
)


class UnitCheck(Watcher):
    """Warns once, when training begins or after the first epoch.

    Parameters
    ----------
    model : estimator
        The estimator, for its kind.
    training, held_out : TrainingSet
        The data, with targets in the unit of y.
    """

    def __init__(self, model: Any, training: TrainingSet, held_out: TrainingSet):
        self.pairs: list[tuple[str, str, _Compared | None]] = []
        self.is_done = False
        if is_regressor(model):
            self.pairs += [("y", _SCALE_Y, _compared(training.Y, held_out.Y))]
        self.pairs += [("X", _SCALE_X, _compared(training.X, held_out.X))]

    def before_epoch(self) -> None:
        if not self.is_done:
            self._warn(math.nan)

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        if not self.is_done:
            self._warn(metrics["validation_loss"] / (metrics["loss"] or math.nan))
        self.is_done = True

    def _warn(self, ratio: float) -> None:
        """Warn of the first pair that differs, given the ratio of the losses."""
        for name, advice, compared in self.pairs:
            if compared is None or not compared.differ(ratio):
                continue
            losses = ""
            if ratio > _MANY_TIMES:
                losses = (
                    f" The validation loss of the first epoch is {ratio:.3g} times the"
                    " training loss."
                )
            warn(
                f"{name}_val seems to be in another unit than {name}:"
                f" {compared.example(name)}.{losses} {advice}",
                UserWarning,
            )
            self.is_done = True
            return


@dataclass(eq=False)
class _Compared:
    """Quantiles of columns of the training data and of the validation data.

    Attributes
    ----------
    columns : intp array
        The numbers of the columns that vary in the training data.
    a, b : arrays of shape (3, n_columns)
        The 0.01, 0.5 and 0.99 quantiles of training and validation data.
    outside : array of shape (n_columns,)
        The fraction of the validation data outside the outer quantiles of the training
        data: 2 % where both are of one kind, whatever their distribution.
    far : float
        The fraction of the training data that is farther from the outer quantiles of
        the validation data than these are from each other.
    """

    columns: Array
    a: Array
    b: Array
    outside: Array
    far: float

    @np.errstate(all="ignore")
    def differ(self, ratio: float) -> bool:
        """Tell whether the units seem to differ, given the ratio of the losses.

        Either some columns do not overlap, and the network predicts them far worse. Or
        only one side looks scaled, and most values do not overlap; one or two columns
        may look so without a scaler.
        """
        if ratio > _MANY_TIMES and (self.outside > 0.5).mean() >= 0.25:
            return True
        if len(self.columns) <= 2:
            return False
        scaled_a, scaled_b = _look_scaled(self.a).mean(), _look_scaled(self.b).mean()
        if scaled_a >= 0.9 and _look_raw(self.b).mean() >= 0.25:
            return bool(self.outside.mean() > 0.5 or self._spread_ratio() > 10)
        if scaled_b >= 0.9 and scaled_a <= 0.5:
            return bool(self.outside.mean() > 0.5 or self.far > 0.5)
        return False

    def _spread_ratio(self) -> float:
        """Return the mean ratio, larger to smaller, of the widths of a column."""
        widths, widths_b = _widths(self.a), _widths(self.b)
        vary = widths_b > 0
        logs = np.abs(np.log(widths[vary] / widths_b[vary]))
        return float(np.exp(logs.mean())) if vary.any() else 1.0

    @np.errstate(all="ignore")
    def example(self, name: str) -> str:
        """Describe the column that differs most."""
        gaps = np.abs(self.a - self.b).max(axis=0)
        worst = int(
            np.argmax(gaps / np.minimum(_widths(self.a), _widths(self.b) + gaps))
        )
        low, high = self.a[[0, -1], worst]
        low_b, high_b = self.b[[0, -1], worst]
        of = f" of column {self.columns[worst]}" if len(self.columns) > 1 else ""
        return (
            f"98 % of the values{of} are between {low:.3g} and {high:.3g} in {name},"
            f" and between {low_b:.3g} and {high_b:.3g} in {name}_val"
        )


@np.errstate(all="ignore")  # of values near the largest numbers
def _compared(training: Rows, held_out: Rows) -> _Compared | None:
    """Compare the columns of two tables; None if there is too little to compare."""
    pool = issparse(training) or issparse(held_out)
    A, B = _sample(training, pool), _sample(held_out, pool)
    if len(A) < _ROWS or len(B) < _HELD_OUT_ROWS:
        return None
    quantiles = [0.01, 0.5, 0.99]
    a, b = np.quantile(A, quantiles, axis=0), np.quantile(B, quantiles, axis=0)
    vary = np.flatnonzero(_widths(a) > 0)
    if not len(vary):
        return None
    a, b, A, B = a[:, vary], b[:, vary], A[:, vary], B[:, vary]
    outside = ((a[0] > B) | (a[-1] < B)).mean(axis=0)
    far = np.maximum(b[0] - A, A - b[-1]) > _widths(b)
    columns = vary * _step(training.shape[1])
    return _Compared(columns, a, b, outside, float(far.mean()))


def _sample(table: Rows, pool: bool) -> Array:
    """Return some rows and columns, or some values that are not 0 as one column."""
    if pool:
        values = table.data if issparse(table) else table[:: _step(len(table))].ravel()
        table = values[values != 0][:, None]
    rows, columns = (slice(None, None, _step(n)) for n in table.shape)
    return table[rows, columns].astype(np.float64)


def _step(n: int) -> int:
    """Return the distance between the samples of ``n`` rows or columns."""
    return max(1, n // _SAMPLE)


def _widths(quantiles: Array) -> Array:
    return quantiles[-1] - quantiles[0]


def _look_scaled(quantiles: Array) -> Array:
    """Tell which columns may come from a scaler to mean 0, median 0 or [0, 1]."""
    width = _widths(quantiles)
    return (np.abs(quantiles[1]) <= 1) & (width >= 0.3) & (width <= 10)


def _look_raw(quantiles: Array) -> Array:
    """Tell which columns have values that no scaler returns."""
    return (np.abs(quantiles[1]) > 10) | (_widths(quantiles) > 15)
