"""Stages of a fit: train up to an epoch, pause, and resume later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .._sklearn import begin_callbacks, with_callbacks
from ..training import Watcher
from .fitting import Fit
from .validation import OwnData

#: The arguments of ``fit`` that `OwnData` holds.
_OWN_DATA = ("X_val", "y_val", "sample_weight_val", "groups")


class Stage(NamedTuple):
    """A part of a fit: its epochs up to one before ``max_iter``.

    Schedules follow the plan of the whole fit, whose length is ``max_iter``.

    Attributes
    ----------
    epoch : int
        The last epoch of the stage, counted from the start of the fit.
    reason : str
        The ``stop_reason_`` if training ends there: "paused", and a later stage can
        resume it as if there had been no pause, or "best_epoch", and it ends for good.
    """

    epoch: int
    reason: str = "paused"


@with_callbacks
def fit_stage(
    estimator: Any,
    X: Any,
    y: Any,
    stage: Stage,
    *,
    watch: Callable[[Fit], Watcher] | None = None,
    **metadata: Any,
) -> Any:
    """Run a stage of ``fit``.

    L-BFGS cannot be resumed: each stage starts again. With an int or a fresh copy of a
    `RandomState` as ``random_state``, it repeats the iterations of the stage before.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The estimator: not fitted, or paused by an earlier stage with the same data and
        parameters. Afterwards it is fitted as if ``fit`` had ended with the stage.
    X, y, **metadata
        As for ``fit``.
    stage : Stage
        The stage.
    watch : callable, optional
        As for `fit_watched`.

    Returns
    -------
    estimator
        The same estimator.
    """
    has_callbacks = begin_callbacks(estimator, estimator.max_iter)
    sample_weight = metadata.pop("sample_weight", None)
    own = OwnData(*(metadata.pop(name, None) for name in _OWN_DATA))
    if metadata:
        raise TypeError(f"fit got unexpected arguments: {', '.join(metadata)}.")
    fit = Fit(estimator, has_callbacks=has_callbacks, watch=watch, stage=stage)
    fit.run_on(X, y, sample_weight, own)
    return estimator


def can_resume(estimator: Any) -> bool:
    """Return whether an estimator has paused, so that a stage can resume it."""
    return estimator.__sklearn_is_fitted__() and estimator._run.paused is not None
