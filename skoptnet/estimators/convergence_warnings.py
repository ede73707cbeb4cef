"""Convergence warnings: why training ended, and what to do about it."""

from __future__ import annotations

import inspect
import sys
import warnings
from contextvars import Context, ContextVar, copy_context
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from ..training import Outcome, TrainingSet

# Warnings point at the user's line, not at these modules; the last one wraps the method
# `transform`.
_OURS = ("skoptnet.", "sklearn.callback.", "sklearn.utils._set_output")

# File and line of the user's call, in threads that do not have it on their stack.
_PLACE: ContextVar[tuple[str, int] | None] = ContextVar("place", default=None)

# Largest absolute value of a feature or target that rarely makes training diverge.
_LARGE = 100.0

_NON_FINITE = "Solver produced non-finite parameter weights"

# By the reason why training ended: the message for solvers with a learning rate.
_MESSAGES = {
    "diverged": (
        "Training diverged in epoch {failed_epoch}: loss, weights or the solver's"
        " memory were no longer finite, with solver={model.solver!r} at learning rate"
        " {outcome.rate:g}."
        " The weights of epoch {outcome.kept_epoch} are kept. Try a smaller"
        " learning_rate_init (it was {model.learning_rate_:g}), a decaying"
        " lr_schedule, or standardised features."
    ),
    "interrupted": (
        "Training interrupted by user. The model is that of epoch {outcome.kept_epoch}."
    ),
    "max_iter": (
        "Maximum number of epochs (max_iter={model.max_iter}) reached and the"
        " optimization has not converged yet."
    ),
}
# Advice, unless the reasons for a failure to learn include it.
_ADVICE = {
    "max_iter": (
        " Increase max_iter, or raise learning_rate_init if the loss falls slowly."
    ),
}
# The message for L-BFGS, whose epochs are iterations.
_LBFGS_MESSAGES = {
    "diverged": (
        "Training diverged in iteration {failed_epoch}: loss or gradient were no longer"
        " finite. The weights of iteration {outcome.kept_epoch} are kept. Try"
        " standardised features."
    ),
    "interrupted": _MESSAGES["interrupted"],
    "max_iter": (
        "Maximum number of iterations (max_iter={model.max_iter}) reached and the"
        " optimization has not converged yet."
    ),
    "max_fun": (
        "Maximum number of function calls (max_fun={model.max_fun}) reached and the"
        " optimization has not converged yet."
    ),
    "line_search": (
        "The line search of lbfgs found no lower point after iteration"
        " {outcome.kept_epoch}, usually because of limited floating-point precision."
        " The model is that of this iteration. To reach a gradient below"
        " tol={model.tol:g}, standardise the features or pass them as float64;"
        " otherwise raise tol."
    ),
}
_LBFGS_ADVICE = {
    "max_iter": " Increase max_iter, or standardise the features.",
    "max_fun": " Increase max_fun, or standardise the features.",
}


def warn_of_end(
    model: Any,
    outcome: Outcome,
    curve: list[float],
    failure: str = "",
    *,
    is_planned: bool = False,
) -> None:
    """Warn if training ended too early, without success, or far above its best loss.

    Parameters
    ----------
    model : MLPClassifierX or MLPRegressorX
        The fitted estimator.
    outcome : Outcome
        How training ended.
    curve : list of float
        The training losses of this call.
    failure : str
        The reason why the network is no better than a constant, "" if it has learnt.
    is_planned : bool
        Whether training was meant to last for ``max_iter`` epochs.
    """
    message = _message(model, outcome, is_planned)
    if message and not failure:
        advice = _LBFGS_ADVICE if model.learning_rate_ is None else _ADVICE
        message += advice.get(outcome.reason, "")
    if outcome.reason == "interrupted":
        warn(message, UserWarning)
    elif message or failure:
        warn(f"{message} {failure}".strip())
    if failure or outcome.reason == "diverged":  # the warning above is enough
        return
    if model.early_stopping or model._has_constant_targets:
        return
    if _gave_back_most(curve, model.loss_, model.tol):
        warn(
            f"Training ended at a loss of {model.loss_:g}, far above the best,"
            f" {min(curve):g}, with solver={model.solver!r} at learning rate"
            f" {outcome.rate:g}. Lower learning_rate_init, let it decay with"
            " lr_schedule, or keep the best epoch with early_stopping=True."
        )


def _message(model: Any, outcome: Outcome, is_planned: bool) -> str:
    """Return the message for the reason, "" if training ended as it should."""
    has_rates = model.learning_rate_ is not None
    if has_rates and is_planned and outcome.reason == "max_iter":
        return ""
    message = (_MESSAGES if has_rates else _LBFGS_MESSAGES).get(outcome.reason, "")
    failed_epoch = model._run.epoch + 1
    return message.format(model=model, outcome=outcome, failed_epoch=failed_epoch)


def named(model: Any, rate: float | None) -> str:
    """Return solver and initial rate, which identify a candidate of a search."""
    solver = f"solver={model.solver!r}"
    return solver if rate is None else f"{solver} at learning rate {rate:g}"


def is_divergence(error: Exception) -> bool:
    """Return whether a fit raised this error because training diverged at its start."""
    return isinstance(error, ValueError) and _NON_FINITE in str(error)


def message_of_divergence(data: TrainingSet, model: Any, named: str, epoch: int) -> str:
    """Return the message of the error after a divergence that leaves no model.

    Parameters
    ----------
    data : TrainingSet
        The rows that were trained on.
    model : MLPClassifierX or MLPRegressorX
        Has the names of the features, if they are known.
    named : str
        Solver and learning rate.
    epoch : int
        The number of the epoch that diverged.
    """
    found = _large_values(data, model)
    large = (
        " The input data may contain large values and need to be preprocessed:"
        f" {' '.join(found)}"
    )
    return (
        f"{_NON_FINITE}.{large if found else ''}"
        f" (Training diverged in epoch {epoch}: loss, weights or the solver's memory"
        f" were no longer finite, with {named}. No earlier epoch was better than the"
        " untrained network. A smaller learning_rate_init"
        f" {'may also' if found else 'may'} help, if the solver uses it.)"
    )


def _large_values(data: TrainingSet, model: Any) -> list[str]:
    """Return sentences about large values of features and targets, with advice."""
    X, Y = data.select(data.X), data.select(data.Y)
    ends = [X.max(axis=0), X.min(axis=0)]
    high, low = (end.toarray().ravel() if issparse(end) else end for end in ends)
    sizes = np.maximum(high, -low)
    found, worst = [], int(np.argmax(sizes))
    if sizes[worst] > _LARGE:
        found.append(
            f"X has values up to {sizes[worst]:g} ({feature_name(model, worst)})."
            " Standardise the features, for instance with StandardScaler."
        )
    size = max(Y.max(), -Y.min()) if Y.dtype.kind == "f" else 0
    if size > _LARGE:
        found.append(
            f"y has values up to {size:g} times y_scale_. Look for outliers."
            if model.normalize_y
            else f"y has values up to {size:g}. Set normalize_y=True."
        )
    return found


def feature_name(model: Any, feature: int) -> str:
    """Return the name of a feature in messages, or its number if it has none."""
    names = getattr(model, "feature_names_in_", None)
    return f"feature {feature}" if names is None else repr(str(names[feature]))


def _gave_back_most(curve: list[float], end: float, tol: float) -> bool:
    """Tell whether the final loss has risen by more than half of the fall before."""
    if not curve:
        return False
    best = min(curve)
    return end - best > max(0.5 * (curve[0] - best), 0.1 * abs(best) + tol)


def is_ignored(category: type[Warning] = ConvergenceWarning) -> bool:
    """Tell whether warnings of a category are ignored, whatever their message.

    The first of Python's filters that matches a warning decides.
    """
    if getattr(sys.flags, "context_aware_warnings", False):  # Python 3.14: more filters
        return False
    for action, message, of, module, line in warnings.filters:
        if issubclass(category, of):
            if action != "ignore":
                return False
            if not (message or module or line):
                return True
    return False


def warn(message: str, category: type[Warning] = ConvergenceWarning) -> None:
    """Warn at the line of the user's call, outside this package and what wraps it."""
    place = _PLACE.get()
    if place:
        warnings.warn_explicit(message, category, *place)
    else:
        warnings.warn(message, category, stacklevel=_level_of_call())


def context_of_call() -> Context:
    """Return a context for other threads, where `warn` points at the present call."""
    frame = sys._getframe(_level_of_call() - 1)
    context = copy_context()
    context.run(_PLACE.set, (frame.f_code.co_filename, frame.f_lineno))
    return context


def _level_of_call() -> int:
    """Return how many calls up the user's line is, 1 for the caller of this."""
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").startswith(_OURS):
        frame, level = frame.f_back, level + 1
    return level
