"""Everything of scikit-learn that is private, without types, or not in every release.

Nothing else in the package imports such a name, so this is the file to look at when a
new release of scikit-learn breaks something.
"""

from collections.abc import Callable

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
    # scikit-learn has no type annotations. To mypy, whatever derives from its classes
    # has every attribute and takes every argument, so it would pass any misspelt one.
    # Other checkers and editors read scikit-learn's source.
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
            """Stands in for scikit-learn's, which supports callbacks."""

        def with_callbacks(method: Callable) -> Callable:
            """Return the method as it is."""
            return method


# What scikit-learn keeps on an estimator for its callbacks: the callbacks, the context
# of an estimator around this one, and what there is during a fit.
CALLBACKS = "_skl_callbacks"
PARENT_CONTEXT = "_parent_callback_ctx"
FIT_CONTEXT = "_callback_fit_ctx"
DURING_FIT = (FIT_CONTEXT, "_skl_callbacks_to_teardown", PARENT_CONTEXT)

__all__ = [
    "CALLBACKS",
    "DURING_FIT",
    "FIT_CONTEXT",
    "PARENT_CONTEXT",
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
    "n_rows_of",
    "select_rows",
    "validate_parameter_constraints",
    "with_callbacks",
]
