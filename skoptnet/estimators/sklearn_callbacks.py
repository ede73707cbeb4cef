"""scikit-learn's callbacks, told of a fit epoch by epoch.

They came with scikit-learn 1.9. Without them the estimators are the same, but have no
``set_callbacks``.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from .._sklearn import (
    CALLBACKS,
    DURING_FIT,
    FIT_CONTEXT,
    PARENT_CONTEXT,
    CallbackSupportMixin,
    select_rows,
    with_callbacks,
)
from .._types import Array, Int
from ..training import Watcher

__all__ = [
    "CallbackSupportMixin",
    "Callbacks",
    "begin_callbacks",
    "with_callbacks",
    "without_callbacks",
]


class Callbacks(Watcher):
    """Tells the callbacks that were set on an estimator of its fit, epoch by epoch.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    X, y, sample_weight
        What ``fit`` got.
    rows : intp array or None
        The rows of them that are trained on; None for all.
    fitted : callable
        Returns the attributes of the estimator as if the fit had ended now.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: Any,
        rows: Array | None,
        fitted: Callable[[], dict[str, Any]],
    ):
        def part(values: Any) -> Any:
            return values if rows is None else select_rows(values, rows)

        # Functions are called only if a callback asks for what they return.
        self.context, self.fitted = vars(estimator)[FIT_CONTEXT], fitted
        self.told = {"estimator": estimator, "X": lambda: part(X), "y": lambda: part(y)}
        if sample_weight is not None:
            self.told["metadata"] = lambda: {"sample_weight": part(sample_weight)}

    def before_fit(self) -> None:
        """Say that training begins."""
        self.context.call_on_fit_task_begin(**self.told)

    def after_fit(self) -> None:
        """Say that the model is there: that which the user gets."""
        estimator = self.told["estimator"]
        self.context.call_on_fit_task_end(
            **self.told,
            reconstruction_attributes=lambda: {"_run": deepcopy(estimator._run)},
        )

    def before_epoch(self) -> None:
        self.epoch = self.context.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.told)

    def after_epoch(self, metrics: dict[str, Any]) -> bool:
        return self.epoch.call_on_fit_task_end(
            **self.told, reconstruction_attributes=self.fitted
        )


def begin_callbacks(estimator: Any, n_epochs: Int) -> bool:
    """Set up the callbacks of a fit; return whether there are any."""
    state = vars(estimator)
    if CALLBACKS not in state and PARENT_CONTEXT not in state:
        return False
    estimator._init_callback_context(max_subtasks=n_epochs)
    return True


def without_callbacks(estimator: Any) -> Any:
    """Take from an estimator all that belongs to its callbacks, and return it."""
    for name in (CALLBACKS, *DURING_FIT):
        vars(estimator).pop(name, None)
    return estimator
