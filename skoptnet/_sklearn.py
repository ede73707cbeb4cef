"""scikit-learn's private names, and those that are untyped or not in every release.

No other file of the package imports or reads such a name. If a new release of
scikit-learn breaks something, look here first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.base import is_classifier
from sklearn.metrics._scorer import (
    _BaseScorer,
    _MultimetricScorer,
    _PassthroughScorer,
)
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _warn_or_raise_about_fit_failures as warn_of_failed_fits,
)
from sklearn.utils import _safe_indexing as select_rows
from sklearn.utils import indexable
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import _check_method_params as params_of_rows
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
    from sklearn.base import BaseEstimator as _BaseEstimator
    from sklearn.base import (
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        MetaEstimatorMixin,
        RegressorMixin,
        TransformerMixin,
    )

    class BaseEstimator(_BaseEstimator):
        """scikit-learn's base class, which here inspects a constructor only once."""

        _inspected = None, ()

        @classmethod
        def _get_param_names(cls):
            constructor, names = cls._inspected
            if constructor is not cls.__init__:
                names = super()._get_param_names()
                cls._inspected = cls.__init__, names
            return list(names)

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


def has_callbacks(estimator: Any) -> bool:
    """Return whether an estimator, or one around it, has callbacks."""
    attributes = getattr(estimator, "__dict__", ())
    return _CALLBACKS in attributes or _PARENT_CONTEXT in attributes


def begin_callbacks(estimator: Any, n_epochs: Any) -> bool:
    """Set up the callbacks of a fit; return whether there are any."""
    if not has_callbacks(estimator):
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
    if not has_callbacks(estimator):
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


@dataclass(eq=False)
class SearchData:
    """The arguments of the ``fit`` of a search, checked and routed.

    Attributes
    ----------
    X, y
        The rows and their targets.
    fit_params, score_params : dict
        The metadata for the estimator and for the scorer.
    splits : list of pairs
        Numbers of the training and test rows of each fold.
    scorer : callable
        The scorer, see `is_estimator_score`.
    """

    X: Any
    y: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    splits: list[tuple[Any, Any]]
    scorer: Any

    @classmethod
    def of(cls, search: Any, X: Any, y: Any, params: dict[str, Any]) -> "SearchData":
        """Return the checked arguments; errors are those of scikit-learn's searches."""
        scorer, _ = search._get_scorers()
        X, y = indexable(X, y)
        routed = search._get_routed_params_for_fit(params_of_rows(X, params=params))
        cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        if not splits:
            raise ValueError("cv must yield at least one split. Got none.")
        return cls(X, y, routed.estimator.fit, routed.scorer.score, splits, scorer)

    def rows(self, numbers: Any) -> "SearchData":
        """Return the arguments for some of the rows."""
        return replace(
            self,
            X=select_rows(self.X, numbers),
            y=None if self.y is None else select_rows(self.y, numbers),
            fit_params=_of_rows(self.X, self.fit_params, numbers),
            score_params=_of_rows(self.X, self.score_params, numbers),
        )

    @property
    def scored(self) -> tuple[Any, Any, dict[str, Any]]:
        """The arguments of the scorer, besides the estimator."""
        return self.X, self.y, self.score_params


def _of_rows(X: Any, params: dict[str, Any], numbers: Any) -> dict[str, Any]:
    return params_of_rows(X, params=params, indices=numbers)


def predicts_only(scorer: Any) -> bool:
    """Return whether a scorer reads nothing of an estimator but its predictions."""
    if isinstance(scorer, _MultimetricScorer):
        return all(map(predicts_only, scorer._scorers.values()))
    return isinstance(scorer, (_BaseScorer, _PassthroughScorer))


def reads_predictions(scorer: Any) -> bool:
    """Return whether a scorer passes predictions of an estimator to a metric."""
    if isinstance(scorer, _MultimetricScorer):
        return all(map(reads_predictions, scorer._scorers.values()))
    return isinstance(scorer, _BaseScorer)


def is_estimator_score(scorer: Any) -> bool:
    """Return whether a scorer calls the ``score`` of the estimator."""
    return isinstance(scorer, _PassthroughScorer)


def scorers_by_name(scorer: Any) -> Any:
    """Return the ``scorer_`` of a fitted search: a dict if there are several."""
    return getattr(scorer, "_scorers", scorer)


def formatted_results(
    search: Any,
    params: list[dict[str, Any]],
    results: list[dict[str, Any]],
    further: dict[str, list],
) -> dict[str, Any]:
    """Return ``cv_results_``.

    Parameters
    ----------
    search : estimator
        The search.
    params : list of dict
        The parameters of each row.
    results : list of dict
        Of each row and, within it, each fold: ``fit_time``, ``score_time``,
        ``test_scores`` and perhaps ``train_scores``, each a dict or a number.
    further : dict of lists
        Further columns.
    """
    n_splits = len(results) // len(params)
    return search._format_results(params, n_splits, results, further)


def chosen_index(search: Any) -> int:
    """Return the index that the callable ``refit`` of a search chooses, checked."""
    return search._select_best_index(search.refit, "", search.cv_results_)


def check_refit(search: Any, names: Any) -> None:
    """Refuse a ``refit`` that is none of several scores, as scikit-learn does."""
    search._check_refit_for_multimetric(names)


class SearchTasks:
    """The tasks of a search, of which its callbacks are notified.

    They are those of scikit-learn's halving searches: "search" has one
    "halving-iteration" or several in each rung, which have a
    "candidate-split-evaluation" for each training in a fold; then comes
    "refit-with-best-params".

    Parameters
    ----------
    search : estimator
        The search.
    arguments : dict
        X, y and metadata of its ``fit``.
    n_iterations : int
        Number of iterations: of the epochs at which trainings pause or end.
    """

    def __init__(self, search: Any, arguments: dict[str, Any], n_iterations: int):
        inside = search.estimator.get_params().values()
        parts = (search, search.estimator, *inside)
        self.is_active = any(map(has_callbacks, parts))
        self.arguments = {"estimator": search, **arguments}
        if self.is_active:
            self.root = search._init_callback_context(
                max_subtasks=1 + (search.refit is not False)
            ).call_on_fit_task_begin(**self.arguments)
            self.searching = self.root.subcontext(
                task_name="search", max_subtasks=n_iterations
            ).call_on_fit_task_begin(estimator=search)

    @contextmanager
    def iteration(self, n_tasks: int) -> Iterator[list[Any]]:
        """Notify of an iteration; yield an `Evaluation` for each of its tasks."""
        if not self.is_active:
            yield [None] * n_tasks
            return
        search = self.arguments["estimator"]
        context = self.searching.subcontext(
            task_name="halving-iteration",
            max_subtasks=n_tasks,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=search)
        name = "candidate-split-evaluation"
        caller = without_callbacks(copy(search))
        yield [
            Evaluation(caller, context.subcontext(task_name=name, task_id=i))
            for i in range(n_tasks)
        ]
        context.call_on_fit_task_end(estimator=search)

    def end_search(self) -> None:
        """Notify of the end of the search, before the refit."""
        if self.is_active:
            self.searching.call_on_fit_task_end(estimator=self.arguments["estimator"])

    @contextmanager
    def refit(self, estimator: Any) -> Iterator[None]:
        """Notify of the refit of an estimator."""
        if not self.is_active:
            yield
            return
        context = self.root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(**self.arguments)
            yield
        context.call_on_fit_task_end(**self.arguments)

    def end(self) -> None:
        """Notify of the end of ``fit``."""
        if self.is_active:
            self.root.call_on_fit_task_end(**self.arguments)


@dataclass(eq=False)
class Evaluation:
    """The task of one candidate in one fold, for the callbacks; travels to workers."""

    caller: Any
    context: Any

    @contextmanager
    def around(self, estimator: Any) -> Iterator[None]:
        """Notify of the task and, in it, of the estimator's own."""
        with self.context.propagate_callback_context(estimator):
            self.context.call_on_fit_task_begin(estimator=self.caller)
            yield
        self.context.call_on_fit_task_end(estimator=self.caller)


def callback_context(estimator: Any) -> Any:
    """Return the context of a fit whose callbacks have begun."""
    return vars(estimator)[_FIT_CONTEXT]


def fitted_attributes(estimator: Any) -> dict[str, Any]:
    """Return the attributes but the parameters and those of callbacks."""
    others = {*parameter_names(type(estimator)), _CALLBACKS, *_DURING_FIT}
    return {n: v for n, v in vars(estimator).items() if n not in others}


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
    "Evaluation",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "MetaEstimatorMixin",
    "Options",
    "RegressorMixin",
    "SearchData",
    "SearchTasks",
    "StrOptions",
    "TransformerMixin",
    "begin_callbacks",
    "callback_context",
    "check_refit",
    "chosen_index",
    "fit_context",
    "fitted_attributes",
    "formatted_results",
    "has_callbacks",
    "is_estimator_score",
    "member_callbacks",
    "metric_of",
    "n_rows_of",
    "parameter_names",
    "params_of_rows",
    "predicts_only",
    "reads_predictions",
    "scorers_by_name",
    "select_rows",
    "set_best_weights",
    "set_label_binarizer",
    "validate_parameter_constraints",
    "warn_of_failed_fits",
    "with_callbacks",
    "without_callbacks",
]
