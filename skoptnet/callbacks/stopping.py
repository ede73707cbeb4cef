"""Callbacks that end training: a time budget, a plateau of a metric."""

from __future__ import annotations

import math
import time
from numbers import Real
from typing import Any

from .._params import COUNT, NOT_NEGATIVE, POSITIVE, Options
from .._types import Float
from ..training import Stopping
from .base import PerFit, checked, score

_INFINITE = Options(Real, {math.inf})


class TimeBudget(PerFit):
    """Ends training after the epoch in which the time runs out.

    Parameters
    ----------
    max_time : float > 0
        Seconds since ``fit`` began.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import TimeBudget
    >>> model = MLPClassifierX(max_iter=10**9, n_iter_no_change=10**9)
    >>> model = model.set_callbacks(TimeBudget(0.5))
    >>> model.fit(*load_iris(return_X_y=True)).stop_reason_
    'callback'
    """

    def __init__(self, max_time: Float):
        super().__init__()
        self.max_time = checked(self, "max_time", max_time, [*POSITIVE, _INFINITE])

    def begin(self) -> float:
        return time.monotonic()

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        return time.monotonic() - self._memory[id(estimator)] >= self.max_time


class StopOnPlateau(PerFit):
    """Ends training when a metric of ``history_`` has not improved for some epochs.

    Parameters
    ----------
    monitor : str, default="loss"
        The monitored metric. "loss", "train_loss" and "validation_loss" are better the
        lower they are; others, such as "validation_score" or "validation_roc_auc", the
        higher.
    patience : int > 0 or inf, default=10
        Number of epochs without an improvement after which training ends.
    tol : float >= 0, default=0
        A smaller improvement does not count.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import StopOnPlateau
    >>> model = MLPClassifierX(max_iter=1000, n_iter_no_change=1000, random_state=0)
    >>> model.set_callbacks(StopOnPlateau(patience=3, tol=0.01))
    MLPClassifierX(max_iter=1000, n_iter_no_change=1000, random_state=0)
    >>> model.fit(*load_iris(return_X_y=True)).stop_reason_
    'callback'
    """

    def __init__(self, monitor: str = "loss", *, patience: Float = 10, tol: Float = 0):
        super().__init__()
        self.monitor = monitor
        self.patience = checked(self, "patience", patience, [*COUNT, _INFINITE])
        self.tol = checked(self, "tol", tol, NOT_NEGATIVE)

    def begin(self) -> Stopping:
        return Stopping(self.tol, self.patience, strict=True)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool | None:
        if context.task_name != "epoch":
            return None
        stopping = self._memory[id(estimator)]
        stopping.see(score(fitted_estimator, self.monitor))
        return stopping.at_plateau
