"""scikit-learn's private names, and those that are untyped or not in every release.

No other file of the package imports or reads such a name. If a new release of
scikit-learn breaks something, look here first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing as select_rows
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import _num_samples as n_rows_of

MYPY = False  # mypy takes this name as True

if MYPY:
    # scikit-learn has no type annotations. To mypy, subclasses of its classes have any
    # attribute and take any argument, so it would accept misspelt ones. Other type
    # checkers and editors read scikit-learn's source.
    from ._sklearn_for_mypy import (
        BaseEstimator,
        CallbackSupportMixin,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        MetaEstimatorMixin,
        RegressorMixin,
        TransformerMixin,
        with_callbacks,
    )
else:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        MetaEstimatorMixin,
        RegressorMixin,
        TransformerMixin,
    )

    try:  # scikit-learn 1.9
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:

        class CallbackSupportMixin:
            """An empty base class, in place of scikit-learn's support of callbacks."""

        def with_callbacks(method: Callable) -> Callable:
            """Return the method unchanged."""
            return method


def parameter_names(kind: Any) -> list[str]:
    """Return the names of the constructor parameters of a class of estimators."""
    return kind._get_param_names()


def metric_of(scorer: Any) -> Any:
    """Return the metric of a scorer from `make_scorer`, or any other scorer itself."""
    return getattr(scorer, "_score_func", scorer)


# Attributes in which scikit-learn keeps callbacks: the callbacks of an estimator, the
# context of the estimator around it, and those that exist only during a fit.
_CALLBACKS = "_skl_callbacks"
_PARENT_CONTEXT = "_parent_callback_ctx"
_FIT_CONTEXT = "_callback_fit_ctx"
_DURING_FIT = (_FIT_CONTEXT, "_skl_callbacks_to_teardown", _PARENT_CONTEXT)


def begin_callbacks(estimator: Any, n_epochs: Any) -> bool:
    """Set up the callbacks of a fit; return whether there are any."""
    state = vars(estimator)
    if _CALLBACKS not in state and _PARENT_CONTEXT not in state:
        return False
    estimator._init_callback_context(max_subtasks=n_epochs)
    return True


@contextmanager
def member_callbacks(
    estimator: Any,
    n_members: int,
    arguments: dict[str, Any],
    fitted: Callable[[], dict[str, Any]],
) -> Iterator[Callable[[int, Any], Any]]:
    """Notify the callbacks of a meta-estimator around its fit and that of each member.

    Parameters
    ----------
    estimator : estimator
        The meta-estimator.
    n_members : int
        The number of estimators that it fits.
    arguments : dict
        The arguments of ``fit``: X, y and perhaps metadata.
    fitted : callable
        Returns the attributes of the fitted meta-estimator; called at the end.

    Yields
    ------
    callable
        Returns, for the number of a member and the member, the context for its fit.
    """
    state = vars(estimator)
    if _CALLBACKS not in state and _PARENT_CONTEXT not in state:
        yield lambda i, member: nullcontext()
        return
    estimator._init_callback_context(max_subtasks=n_members, sequential_subtasks=False)
    context = callback_context(estimator)
    arguments = {"estimator": estimator, **arguments}
    tasks = [context.subcontext("fit-network", task_id=i) for i in range(n_members)]

    @contextmanager
    def around(i: int, member: Any) -> Iterator[None]:
        with tasks[i].propagate_callback_context(member):
            tasks[i].call_on_fit_task_begin(**arguments)
            yield
            tasks[i].call_on_fit_task_end(**arguments)

    context.call_on_fit_task_begin(**arguments)
    yield around
    context.call_on_fit_task_end(**arguments, reconstruction_attributes=fitted)


def callback_context(estimator: Any) -> Any:
    """Return the context of a fit whose callbacks have begun."""
    return vars(estimator)[_FIT_CONTEXT]


def without_callbacks(estimator: Any) -> Any:
    """Remove the callbacks of an estimator and their contexts; return it."""
    for name in (_CALLBACKS, *_DURING_FIT):
        vars(estimator).pop(name, None)
    return estimator


def set_best_weights(mlp: Any, coefs: list, intercepts: list) -> None:
    """Give scikit-learn's MLP the weights that its early stopping compares with."""
    mlp._no_improvement_count = 0
    mlp._best_coefs, mlp._best_intercepts = deepcopy(coefs), deepcopy(intercepts)


def set_label_binarizer(mlp: Any, binarizer: Any) -> None:
    """Give scikit-learn's MLPClassifier the encoder of its labels."""
    mlp._label_binarizer = binarizer


__all__ = [
    "BaseEstimator",
    "BaseSearchCV",
    "CallbackSupportMixin",
    "ClassNamePrefixFeaturesOutMixin",
    "ClassifierMixin",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "MetaEstimatorMixin",
    "Options",
    "RegressorMixin",
    "StrOptions",
    "TransformerMixin",
    "begin_callbacks",
    "callback_context",
    "member_callbacks",
    "metric_of",
    "n_rows_of",
    "parameter_names",
    "select_rows",
    "set_best_weights",
    "set_label_binarizer",
    "validate_parameter_constraints",
    "with_callbacks",
    "without_callbacks",
]
