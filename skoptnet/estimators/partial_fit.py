"""When an estimator has `partial_fit`, and why it has not."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, TypeVar, cast

_Method = TypeVar("_Method", bound=Callable)


class NoPartialFit(AttributeError, ValueError):
    """Raised where ``partial_fit`` is asked for and cannot be had.

    As an AttributeError it makes ``hasattr(model, "partial_fit")`` False.
    """


def if_incremental(method: _Method) -> _Method:
    """Let an estimator have a method only while it can learn call by call.

    It cannot with ``solver="lbfgs"``, ``early_stopping=True`` or
    ``class_weight="balanced"``.
    """
    return cast(_Method, _Incremental(method))  # to checkers, it is the method


class _Incremental:
    """The descriptor that `if_incremental` puts in place of a method."""

    def __init__(self, method: Callable):
        self.method = method
        self.__doc__ = method.__doc__

    def __get__(self, estimator: Any, owner: type) -> Callable:
        if estimator is None:
            return self.method
        if estimator.early_stopping:
            raise NoPartialFit(
                f"partial_fit does not support early_stopping=True: {owner.__name__}"
                " would train on the rows of one call that it held out in another."
                " Set early_stopping=False, or use fit."
            )
        if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
            raise NoPartialFit(
                "partial_fit is not available with solver='lbfgs': an L-BFGS needs one"
                " objective for many iterations, and would forget the rows of the"
                " calls before. Use another solver, or fit."
            )
        weights = getattr(estimator, "class_weight", None)
        if isinstance(weights, str) and weights == "balanced":
            raise NoPartialFit(
                "class_weight='balanced' is not supported for partial_fit: a call does"
                " not know the rows of the others. Give the weights as a dict, from a"
                " large enough sample y of the targets: class_weight=dict(zip(classes,"
                " compute_class_weight('balanced', classes=classes, y=y)))."
            )
        return MethodType(self.method, estimator)
