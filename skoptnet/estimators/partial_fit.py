"""`partial_fit`: when an estimator has it, and the error when it does not."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, TypeVar, cast

_Method = TypeVar("_Method", bound=Callable)


class NoPartialFit(AttributeError, ValueError):
    """Raised if an estimator with these parameters has no ``partial_fit``.

    As an AttributeError it makes ``hasattr(model, "partial_fit")`` False; as a
    ValueError it says that a parameter is the reason.
    """


def if_incremental(method: _Method) -> _Method:
    """Make a method available only if the estimator can learn incrementally.

    It cannot with ``solver="lbfgs"``, ``early_stopping=True`` or
    ``class_weight="balanced"``.
    """
    return cast(_Method, _Incremental(method))  # to type checkers, the method


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
                " would train in one call on rows that another call holds out."
                " Set early_stopping=False, or use fit."
            )
        if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
            raise NoPartialFit(
                "partial_fit is not available with solver='lbfgs': L-BFGS needs the"
                " same rows for many iterations, and would forget those of earlier"
                " calls. Use another solver, or fit."
            )
        weights = getattr(estimator, "class_weight", None)
        if isinstance(weights, str) and weights == "balanced":
            raise NoPartialFit(
                "class_weight='balanced' is not supported for partial_fit: a call does"
                " not know the rows of other calls. Pass the weights as a dict,"
                " computed from a large enough sample y of the targets:"
                " class_weight=dict(zip(classes,"
                " compute_class_weight('balanced', classes=classes, y=y)))."
            )
        return MethodType(self.method, estimator)
