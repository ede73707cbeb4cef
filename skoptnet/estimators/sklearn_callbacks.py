"""scikit-learn's callbacks, notified of every epoch of a fit.

Releases of scikit-learn before 1.9 have no callbacks; the estimators then have no
``set_callbacks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from .._sklearn import callback_context, select_rows
from .._types import Array
from ..training import Watcher
from .prediction import IN_TRAINING
from .weights import Weights


class Callbacks(Watcher):
    """Notifies the callbacks of an estimator of its fit and of every epoch.

    Parameters
    ----------
    estimator : estimator
        The estimator that is being fitted.
    X, y, sample_weight
        The arguments of ``fit``.
    rows : intp array or None
        The rows that are trained on; None for all.
    fitted : callable
        Returns the attributes of the estimator as if the fit had ended now.
    weights : Weights
        The weights that are being trained: ``coefs_`` and ``intercepts_`` of the
        estimator while the callbacks are called.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: Any,
        rows: Array | None,
        fitted: Callable[[], dict[str, Any]],
        weights: Weights,
    ):
        def part(values: Any) -> Any:
            return values if rows is None else select_rows(values, rows)

        # scikit-learn calls a function only if a callback uses what it returns.
        self.context, self.fitted = callback_context(estimator), fitted
        self.weights = weights
        self.arguments = {
            "estimator": estimator,
            "X": lambda: part(X),
            "y": lambda: part(y),
        }
        if sample_weight is not None:
            self.arguments["metadata"] = lambda: {"sample_weight": part(sample_weight)}

    def before_fit(self) -> None:
        """Notify the callbacks that training begins."""
        with self._in_training():
            self.context.call_on_fit_task_begin(**self.arguments)

    def after_fit(self) -> None:
        """Notify the callbacks that the estimator is fitted."""
        estimator = self.arguments["estimator"]
        self.context.call_on_fit_task_end(
            **self.arguments,
            reconstruction_attributes=lambda: {"_run": deepcopy(estimator._run)},
        )

    def before_epoch(self) -> None:
        self.epoch = self.context.subcontext(task_name="epoch")
        with self._in_training():
            self.epoch.call_on_fit_task_begin(**self.arguments)

    def after_epoch(self, metrics: dict[str, Any]) -> bool:
        with self._in_training():
            return self.epoch.call_on_fit_task_end(
                **self.arguments, reconstruction_attributes=self.fitted
            )

    @contextmanager
    def _in_training(self) -> Iterator[None]:
        """Let the estimator show the weights in training."""
        attributes = vars(self.arguments["estimator"])
        try:
            attributes[IN_TRAINING] = self.weights
            yield
        finally:
            attributes.pop(IN_TRAINING, None)
