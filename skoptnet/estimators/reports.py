"""What a user is told about the way training ended."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..training import Outcome

# Modules whose lines no warning points at.
_OURS = ("skoptnet.", "sklearn.callback.")


def warn_of(model: Any, outcome: Outcome, curve: list[float]) -> None:
    """Say what a user should know about the way training ended."""
    if outcome.reason == "diverged":
        warn(
            f"Training diverged in epoch {len(model.loss_curve_) + 1}: loss or"
            f" weights were no longer finite, at learning rate {outcome.rate:g}."
            f" The weights of epoch {outcome.kept_epoch} are kept. Try a smaller"
            f" learning_rate_init (it was {model.learning_rate_:g}), a decaying"
            " lr_schedule, or standardised features."
        )
    elif outcome.reason == "interrupted":
        warn(
            f"Training interrupted by user. The model is that of epoch"
            f" {outcome.kept_epoch}.",
            UserWarning,
        )
    elif outcome.reason == "max_iter":
        warn(
            f"Maximum number of epochs (max_iter={model.max_iter}) reached and the"
            " optimization has not converged yet. Increase max_iter, or raise"
            " learning_rate_init if the loss falls slowly."
        )
    if not model.early_stopping and gave_back_most(curve, model.loss_, model.tol):
        warn(
            f"Training ended at a loss of {model.loss_:g}, far above the best,"
            f" {min(curve):g}. Lower learning_rate_init, let it decay with"
            " lr_schedule, or keep the best epoch with early_stopping=True."
        )


def gave_back_most(curve: list[float], end: float, tol: float) -> bool:
    """Tell whether ``end`` lies visibly, and by more than half, back up the curve."""
    if not curve:
        return False
    best = min(curve)
    return end - best > max(0.5 * (curve[0] - best), 0.1 * abs(best) + tol)


def warn(message: str, category: type[Warning] = ConvergenceWarning) -> None:
    """Warn where the user called, beyond our frames and those of the callbacks."""
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals.get("__name__", "").startswith(_OURS):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
