"""Base classes of callbacks, the metrics they monitor, checks of their parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any

from .._params import InvalidParameterError, check_value
from ..estimators.base import MLP

# The metrics that are better the lower they are. Scores may have names like
# "validation_neg_log_loss".
LOSSES = ("loss", "train_loss", "validation_loss")


class Callback:
    """Base class of callbacks; its methods do nothing.

    Examples
    --------
    Stop as soon as the training loss is small enough:

    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import Callback
    >>> class StopBelow(Callback):
    ...     def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
    ...         return fitted_estimator.loss_ < 0.2
    >>> model = MLPClassifierX(learning_rate_init=0.01, random_state=0)
    >>> model = model.set_callbacks(StopBelow())
    >>> model = model.fit(*load_iris(return_X_y=True))
    >>> model.stop_reason_, bool(model.loss_ < 0.2)
    ('callback', True)
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after the fit, even if it raised an error."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called at the start of the fit, and then of each epoch."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool | None:
        """Called at the end of each epoch, and then of the fit.

        An override may take further keyword arguments: ``X``, ``y``, ``metadata`` and
        ``fitted_estimator``, a copy of the estimator as if the fit had ended here.
        """
        return None


class PerFit(Callback, ABC):
    """A callback that keeps a value for each running fit."""

    def __init__(self) -> None:
        self._memory: dict[int, Any] = {}

    @abstractmethod
    def begin(self) -> Any:
        """Return the value to keep when a fit begins."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit: refuse an estimator without epochs."""
        if not isinstance(estimator, MLP):
            name, outer = type(self).__name__, type(estimator).__name__
            raise TypeError(
                f"{name} must be set on MLPClassifierX or MLPRegressorX itself, since"
                f" {outer} does not notify it of epochs. In a pipeline, use"
                f" pipeline[-1].set_callbacks({name}(...)); in a search,"
                f" search.estimator.set_callbacks({name}(...))."
            )
        self._memory[id(estimator)] = self.begin()

    def teardown(self, estimator: Any, context: Any) -> None:
        self._memory.pop(id(estimator), None)


def score(fitted_estimator: Any, name: str) -> float:
    """Return the last value of a metric, with its sign such that higher is better."""
    value = value_of(fitted_estimator, name)
    return -value if name in LOSSES else value


def value_of(fitted_estimator: Any, name: str) -> float:
    """Return the last value of a metric."""
    metrics = fitted_estimator._last_metrics()
    if name not in metrics:
        raise ValueError(
            f"The monitored metric must be one of those in history_, {sorted(metrics)}."
            f" Got {name!r} instead. Metrics of validation rows, such as"
            " 'validation_loss', come with early_stopping=True or X_val, those of"
            " training rows, such as 'train_loss', with return_train_score=True."
        )
    return metrics[name]


def checked(owner: Any, name: str, value: Any, constraints: list) -> Any:
    """Return a number of Python's own types if it is allowed, else raise an error."""
    if isinstance(value, bool):  # which Python takes for an int
        allowed = " or ".join(map(str, constraints))
        raise InvalidParameterError(
            f"The {name!r} parameter of {type(owner).__name__} must be {allowed}. Got"
            f" {value!r} instead."
        )
    check_value(owner, name, value, constraints)
    return int(value) if isinstance(value, Integral) else float(value)
