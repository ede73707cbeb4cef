"""What a user is told: a line per epoch, and warnings about the end of training."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..training import Outcome


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
        warnings.warn(
            f"Training interrupted by user. The model is that of epoch"
            f" {outcome.kept_epoch}.",
            stacklevel=4,
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


def warn(message: str) -> None:
    """Warn at the line that called `fit`."""
    # This function, its caller, _fit and fit are ours.
    warnings.warn(message, ConvergenceWarning, stacklevel=5)


def print_epoch(figures: dict[str, Any]) -> None:
    """Print the figures of an epoch in one line."""
    line = f"Iteration {figures['epoch']}, loss = {figures['loss']:.8f}"
    if "validation_score" in figures:
        line += f", validation score = {figures['validation_score']:.6f}"
    print(f"{line}, learning rate = {figures['learning_rate']:.4g}", flush=True)
