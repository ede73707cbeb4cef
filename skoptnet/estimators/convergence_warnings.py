"""What a user is told about the way training ended."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..training import Outcome

# Modules whose lines no warning points at.
_OURS = ("skoptnet.", "sklearn.callback.")


def warn_of_end(model: Any, outcome: Outcome, curve: list[float]) -> None:
    """Say what a user should know about the way training ended.

    Parameters
    ----------
    model : MLPClassifierX or MLPRegressorX
        The fitted estimator.
    outcome : Outcome
        How training ended.
    curve : list of float
        The losses of the call.
    """
    message = _of_reason(model, outcome)
    if outcome.reason == "interrupted":
        warn(message, UserWarning)
    elif message:
        warn(message)
    if not model.early_stopping and _gave_back_most(curve, model.loss_, model.tol):
        warn(
            f"Training ended at a loss of {model.loss_:g}, far above the best,"
            f" {min(curve):g}, with solver={model.solver!r} at learning rate"
            f" {outcome.rate:g}. Lower learning_rate_init, let it decay with"
            " lr_schedule, or keep the best epoch with early_stopping=True."
        )


def _of_reason(model: Any, outcome: Outcome) -> str:
    """Return what is to be said of the reason, nothing for one that is as wished."""
    has_rates = model.learning_rate_ is not None
    match outcome.reason:
        case "diverged" if has_rates:
            return (
                f"Training diverged in epoch {len(model.loss_curve_) + 1}: loss or"
                f" weights were no longer finite, with solver={model.solver!r} at"
                f" learning rate {outcome.rate:g}."
                f" The weights of epoch {outcome.kept_epoch} are kept. Try a smaller"
                f" learning_rate_init (it was {model.learning_rate_:g}), a decaying"
                " lr_schedule, or standardised features."
            )
        case "diverged":
            return (
                f"Training diverged in iteration {len(model.loss_curve_) + 1}: loss or"
                " gradient were no longer finite. The weights of iteration"
                f" {outcome.kept_epoch} are kept. Try standardised features."
            )
        case "interrupted":
            return (
                f"Training interrupted by user. The model is that of epoch"
                f" {outcome.kept_epoch}."
            )
        case "max_iter" if has_rates:
            return (
                f"Maximum number of epochs (max_iter={model.max_iter}) reached and the"
                " optimization has not converged yet. Increase max_iter, or raise"
                " learning_rate_init if the loss falls slowly."
            )
        case "max_iter":
            return (
                f"Maximum number of iterations (max_iter={model.max_iter}) reached and"
                " the optimization has not converged yet. Increase max_iter, or"
                " standardise the features."
            )
        case "max_fun":
            return (
                f"Maximum number of function calls (max_fun={model.max_fun}) reached"
                " and the optimization has not converged yet. Increase max_fun, or"
                " standardise the features."
            )
        case "line_search":
            return (
                "The line search of lbfgs found no lower point after iteration"
                f" {outcome.kept_epoch}, which is mostly the limit of the precision."
                " The model is that of this iteration. Where its gradient should be"
                f" smaller, below tol={model.tol:g}, standardise the features or pass"
                " them as float64; else raise tol."
            )
    return ""


def _gave_back_most(curve: list[float], end: float, tol: float) -> bool:
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
