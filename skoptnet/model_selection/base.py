"""Search over epochs: candidates are trained in rungs, and the best ones continue."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

from sklearn.base import clone

from .._params import COUNT, Interval, StrOptions, check_value
from .._sklearn import (
    BaseSearchCV,
    SearchData,
    SearchTasks,
    chosen_index,
    fit_context,
    scorers_by_name,
)
from ..estimators.stages import Stage, fit_stage
from .folds import Wrapping
from .results import Row, long_table, results_of
from .rungs import Halving
from .study import Study
from .workers import Workers

#: Constraints of parameters.
CANDIDATES = [dict, list]


class EpochSearch(BaseSearchCV):
    """Base class of the searches over epochs."""

    _parameter_constraints: ClassVar[dict] = {
        **BaseSearchCV._parameter_constraints,
        "factor": [Interval(Real, 1, None, closed="neither")],
        "max_resources": [*COUNT, StrOptions({"auto"})],
        "patience": [Interval(Real, 1, None, closed="neither"), None],
    }
    _parameter_constraints.pop("pre_dispatch")

    def __init__(
        self,
        estimator: Any,
        *,
        factor: Any,
        max_resources: Any,
        patience: Any,
        cv: Any,
        scoring: Any,
        refit: Any,
        error_score: Any,
        return_train_score: Any,
        n_jobs: Any,
        verbose: Any,
    ):
        super().__init__(
            estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.factor = factor
        self.max_resources = max_resources
        self.patience = patience

    @abstractmethod
    def _brackets(self) -> list[tuple[list[dict[str, Any]], Halving]]:
        """Return the candidates and the rungs of each bracket.

        `fit` has set ``max_resources_`` before.
        """

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params):
        """Search, and train the best candidate on all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        **params : dict
            Metadata for the ``fit`` of the estimator, the scorer and the splitter, as
            in scikit-learn's searches: without metadata routing, ``groups`` goes to the
            splitter and the rest to the estimator.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C comes before a candidate has a score in every fold.
        TypeError
            If the estimator does not end with an MLPClassifierX or MLPRegressorX.
        ValueError
            If a parameter or the data are invalid, if all trainings failed, or if
            ``refit`` finds no candidate that has a score in every fold.

        Warns
        -----
        FitFailedWarning
            If some trainings failed or diverged. Their candidates get ``error_score``
            and are not promoted.
        UserWarning
            If the search was interrupted by Ctrl-C. The results so far are kept, and
            the best candidate is trained on all rows; a second Ctrl-C ends that
            training.
        """
        wrapping = Wrapping(self.estimator, type(self).__name__)
        data = SearchData.of(self, X, y, params)
        self.n_splits_ = len(data.splits)
        self.max_resources_ = self._max_epochs(wrapping)
        brackets = self._brackets()
        self._check_candidates(wrapping, brackets)
        n_stages = sum(len(h.checkpoints(self.patience)) for _, h in brackets)
        arguments = {"X": data.X, "y": data.y}
        if params.get("sample_weight") is not None:
            arguments["metadata"] = {"sample_weight": params["sample_weight"]}
        tasks = SearchTasks(self, arguments, n_stages)
        with Workers(self.n_jobs) as workers:
            study = Study(self, data, workers, tasks)
            study.run(brackets)
        tasks.end_search()
        best = self._keep(study, data)
        if self.refit and best:
            self._refit(best, data, tasks)
        tasks.end()
        return self

    def _max_epochs(self, wrapping: Wrapping) -> int:
        if self.max_resources == "auto":
            network = wrapping.network
            check_value(network, "max_iter", network.max_iter, COUNT)
            return int(network.max_iter)
        return int(self.max_resources)

    def _check_candidates(
        self, wrapping: Wrapping, brackets: Sequence[tuple[list[dict], Halving]]
    ) -> None:
        """Refuse a search without candidates, or over the number of epochs."""
        name = f"{wrapping.prefix}max_iter"
        for candidates, _ in brackets:
            if not candidates:
                raise ValueError(
                    f"{type(self).__name__} needs at least one candidate. Got none;"
                    " pass a list of values for each parameter to be searched."
                )
            if any(name in candidate for candidate in candidates):
                raise ValueError(
                    f"{name!r} cannot be searched: it is the resource of"
                    f" {type(self).__name__}, which finds the best epoch up to"
                    " max_resources. Remove it from the candidates."
                )

    def _keep(self, study: Study, data: SearchData) -> Row | None:
        """Set the attributes that describe the results; return the best row."""
        rows = study.rows
        self.scorer_ = scorers_by_name(data.scorer)
        self.multimetric_ = study.is_multimetric
        self.epoch_results_ = long_table(study.trials)
        self.cv_results_ = results_of(self, rows, study.candidates)
        if self.multimetric_ and not self.refit:
            return None
        if callable(self.refit):
            self.best_index_ = chosen_index(self)
        else:
            self.best_index_ = _best_of(rows)
        best = rows[self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]
        self.best_epoch_ = best.standing.best_epoch
        scores = self.cv_results_[f"mean_test_{study.metric}"]
        self.best_score_ = scores[self.best_index_]
        return best

    def _refit(self, best: Row, data: SearchData, tasks: SearchTasks) -> None:
        """Train the best candidate on all rows, up to its best epoch."""
        if not best.is_promotable:
            which = "The chosen" if callable(self.refit) else "Every"
            raise ValueError(
                f"{which} candidate failed, diverged or has no score in a fold, so"
                " there is none to train on all rows. cv_results_ has the reasons and"
                " epoch_results_ the epochs before. With refit=False, no error is"
                " raised."
            )
        begun = time.perf_counter()
        wrapping = self._wrapping_of(self.best_params_)
        X, y, params = wrapping.fit(data.X, data.y, data.fit_params)
        network = clone(wrapping.network)
        with tasks.refit(network):
            if network.early_stopping:
                network.fit(X, y, **params)
            else:
                fit_stage(
                    network, X, y, Stage(self.best_epoch_, "best_epoch"), **params
                )
        self.best_estimator_ = wrapping.holding(network)
        self.refit_time_ = time.perf_counter() - begun
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    def _wrapping_of(self, params: dict[str, Any]) -> Wrapping:
        """Return the estimator with the parameters of a candidate."""
        estimator = clone(self.estimator).set_params(**clone(params, safe=False))
        wrapping = Wrapping(estimator, type(self).__name__)
        wrapping.network.set_params(max_iter=self.max_resources_, warm_start=False)
        return wrapping


def check_range(min_resources: int, max_resources: int) -> None:
    """Refuse a first rung that is longer than a whole training."""
    if min_resources > max_resources:
        raise ValueError(
            "min_resources must be at most the number of epochs of a whole training,"
            f" max_resources={max_resources}. Got {min_resources} instead. Decrease it,"
            " or increase max_resources, which is max_iter of the network by default."
        )


def _best_of(rows: Sequence[Row]) -> int:
    """Return the index of the best row among the last rows of all candidates."""
    last = {row.candidate: i for i, row in enumerate(rows)}
    return min(
        last.values(),
        key=lambda i: (not rows[i].is_promotable, *rows[i].standing.key, -i),
    )
