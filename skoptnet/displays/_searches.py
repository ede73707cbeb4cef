"""Candidates of a fitted search, their scores, and their training in each fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._params import described
from .._sklearn import BaseSearchCV, n_rows_of, select_rows
from ..estimators.convergence_warnings import is_divergence
from ..estimators.wrapped import network_in
from ..model_selection.base import EpochSearch
from ._fitted import Training, name_of, training_of

#: The value of a parameter that a candidate does not set.
UNSET = "(not set)"
#: The name of the group of all candidates.
ALL = "all candidates"


@dataclass
class Candidates:
    """The candidates of a search, each once.

    In a search by halving, also over epochs, a candidate counts with the last iteration
    that it reached, and the resource is not a parameter.

    Attributes
    ----------
    rows : list of int
        Their indices in ``cv_results_``.
    params : list of dict
        Their parameters, as the search set them on its estimator.
    names : list of str
        The searched parameters, in the order of the grid.
    scores : ndarray of shape (n_candidates, n_folds)
        The test scores; nan where a fit failed.
    metric : str
        The score in the columns of ``cv_results_``.
    score_label : str
        Name of the score.
    """

    rows: list[int]
    params: list[dict[str, Any]]
    names: list[str]
    scores: Any
    metric: str
    score_label: str

    @property
    def means(self) -> Any:
        """Mean score of each candidate; nan where a fold failed."""
        return self.scores.mean(axis=1)

    def named(self, name: str, argument: str) -> str:
        """Return the searched parameter called ``name``, with any prefix."""
        found = [n for n in self.names if n == name or n.endswith(f"__{name}")]
        if name in found:
            return name
        if len(found) == 1:
            return found[0]
        raise ValueError(
            f"{argument} must name a parameter that was searched: one of {self.names}."
            f" The prefix may be left out if the rest is unique. Got {name!r}"
            f" instead{', which may be ' + ' or '.join(found) if found else ''}."
        )

    def value(self, candidate: int, name: str) -> Any:
        """Return a candidate's value of a parameter."""
        return self.params[candidate].get(name, UNSET)

    def values(self, name: str) -> list[Any]:
        """Return the values of a parameter: numbers ascending, then the others."""
        found: list[Any] = []
        for i in range(len(self.params)):
            if not any(same(self.value(i, name), value) for value in found):
                found.append(self.value(i, name))
        numbers = sorted(v for v in found if is_number(v))
        return numbers + [v for v in found if not is_number(v)]

    def labels(self, name: str) -> list[str]:
        """Return labels of the values of a parameter, no two of them alike."""
        values = self.values(name)
        for digits in (4, 6, 12):
            labels = [label_of(value, digits) for value in values]
            if len(set(labels)) == len(labels):
                return labels
        return [repr(value) for value in values]

    def groups(self, group_by: Any = None) -> dict[str, list[int]]:
        """Return the candidates of each group, in the order of the values.

        ``group_by`` is one or several parameters; None is the solver if it was
        searched, else the first parameter.
        """
        names = self.group_names(group_by)
        found = {}
        labelled = (zip(self.values(n), self.labels(n), strict=True) for n in names)
        for pairs in product(*labelled):
            values, labels = zip(*pairs, strict=True) if pairs else ((), ())
            members = self.having(dict(zip(names, values, strict=True)))
            if members:
                found[self._group_name(names, labels)] = members
        return found

    def group_names(self, group_by: Any = None) -> list[str]:
        """Return the parameters of the groups; ``group_by`` as for `groups`."""
        if group_by is None:
            solvers = [n for n in self.names if n.rpartition("__")[2] == "solver"]
            group_by = (solvers or self.names)[:1]
        one = isinstance(group_by, str) or not isinstance(group_by, Iterable)
        given = [group_by] if one else list(group_by)
        return [self.named(name, "group_by") for name in given]

    def having(self, where: dict[str, Any]) -> list[int]:
        """Return the candidates with these values of parameters."""
        return [
            i
            for i in range(len(self.params))
            if all(same(self.value(i, name), value) for name, value in where.items())
        ]

    def best(self, members: list[int]) -> int:
        """Return the candidate with the best mean score; the first, if all failed."""
        means = self.means[members]
        return members[0 if np.isnan(means).all() else int(np.nanargmax(means))]

    def _group_name(self, names: Sequence[str], labels: Sequence[str]) -> str:
        if len(names) == 1:
            return labels[0]
        named = zip(map(self.short, names), labels, strict=True)
        return ", ".join(map("=".join, named)) or ALL

    def short(self, name: str) -> str:
        """Return a parameter's name without prefix, if that is unique."""
        last = name.rpartition("__")[2]
        alike = [n for n in self.names if n.rpartition("__")[2] == last]
        return last if len(alike) == 1 else name


def is_number(value: Any) -> bool:
    """Return whether a value is a number, and can be sorted."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def same(a: Any, b: Any) -> bool:
    """Return whether two values of a parameter, of any type, are the same."""
    if is_number(a) and is_number(b):
        return bool(a == b)
    return type(a) is type(b) and repr(a) == repr(b)


def label_of(value: Any, digits: int = 6) -> str:
    """Return the label of a value of a parameter."""
    return f"{value:.{digits}g}" if is_number(value) else str(value)


def candidates_of(search: Any, purpose: str, metric: str | None = None) -> Candidates:
    """Return the candidates of a fitted search.

    Raises
    ------
    TypeError
        If it is not a search.
    ValueError
        If it is not fitted (`NotFittedError`), or has no score called ``metric``.
    """
    if not isinstance(search, BaseSearchCV):
        raise TypeError(
            f"{purpose} needs a fitted search (GridSearchCV, RandomizedSearchCV, their"
            " halving variants, or a search over epochs). Got"
            f" {described(search)} instead."
        )
    check_is_fitted(search, "cv_results_")
    results = search.cv_results_
    key = _metric(search, results, metric)
    resource = getattr(search, "resource", None)
    params = [
        {name: value for name, value in candidate.items() if name != resource}
        for candidate in results["params"]
    ]
    folds = [results[f"split{k}_test_{key}"] for k in range(search.n_splits_)]
    scores = np.array(folds, dtype=float).T
    rows = _last_rows(search, params)
    params = [params[i] for i in rows]
    names = _names(search, params)
    return Candidates(rows, params, names, scores[rows], key, _label(search, key))


def _last_rows(search: Any, params: list[dict[str, Any]]) -> list[int]:
    """Return the last row of each candidate in the results of a search."""
    if not hasattr(search, "n_resources_"):
        return list(range(len(params)))
    if isinstance(search, EpochSearch):  # its candidates have numbers
        keys = search.cv_results_["candidate"].tolist()
    else:
        keys = [repr(sorted(p.items(), key=_by_name)) for p in params]
    return list({key: i for i, key in enumerate(keys)}.values())


def _by_name(item: tuple[str, Any]) -> str:
    return item[0]


def _metric(search: Any, results: dict[str, Any], metric: str | None) -> str:
    known = [name[10:] for name in results if name.startswith("mean_test_")]
    if metric is None:
        if len(known) == 1:
            return known[0]
        if isinstance(search.refit, str):
            return search.refit
    if metric not in known:
        raise ValueError(
            f"metric must be one of the scores of the search, {known}."
            f" Got {metric!r} instead."
        )
    return metric


def _names(search: Any, params: list[dict[str, Any]]) -> list[str]:
    grid = getattr(search, "param_grid", getattr(search, "param_distributions", {}))
    grids = [grid] if isinstance(grid, dict) else grid
    found = {name for candidate in params for name in candidate}
    in_order = [name for part in grids for name in part if name in found]
    return list(dict.fromkeys([*in_order, *sorted(found)]))


def _label(search: Any, key: str) -> str:
    if key != "score":
        return key
    if search.scoring is not None:
        return name_of(search.scoring)
    if is_classifier(search.estimator):
        return "accuracy"
    return "R²" if is_regressor(search.estimator) else "score"


def trainings_of(
    search: Any,
    tried: Candidates,
    chosen: Sequence[int],
    X: Any,
    y: Any,
    *,
    cv: Any,
    fit_params: Mapping[str, Any] | None,
    n_jobs: int | None,
    purpose: str,
) -> list[list[Training | None]]:
    """Fit clones of some candidates of a search on the training rows of each fold.

    Returns
    -------
    list of lists
        For each candidate, its training in each fold; None where it diverged in the
        first epoch.
    """
    given = dict(fit_params or {})
    groups = given.pop("groups", None)
    if cv is None:
        _check_repeats(search.cv)
        cv = search.cv
    splitter = check_cv(cv, y, classifier=is_classifier(search.estimator))
    folds = [train for train, _ in splitter.split(X, y, groups)]
    params = search.cv_results_["params"]
    models = [_model_of(search, params[tried.rows[i]]) for i in chosen]
    jobs = [
        delayed(_trained)(model, X, y, rows, given, purpose)
        for model in models
        for rows in folds
    ]
    done = Parallel(n_jobs=n_jobs)(jobs)
    return [done[i : i + len(folds)] for i in range(0, len(done), len(folds))]


def _check_repeats(cv: Any) -> None:
    """Raise an error if splitting again would not repeat the splits of the search."""
    if hasattr(cv, "__next__"):
        raise ValueError(
            "The splits of the search came from an iterator, which is exhausted. Pass"
            " them again: cv=list of (train, test)."
        )
    shuffles = getattr(cv, "shuffle", True)
    if shuffles and not isinstance(getattr(cv, "random_state", 0), int | np.integer):
        raise ValueError(
            "The splits of the search cannot be repeated: its cv shuffles without an"
            f" int as random_state. Got {cv!r}. Search with random_state=0, or pass"
            " cv= for other splits."
        )


def _model_of(search: Any, params: dict[str, Any]) -> Any:
    """Return the estimator of a search with the parameters of a candidate."""
    if isinstance(search, EpochSearch):
        return search._wrapping_of(params).estimator
    return clone(search.estimator).set_params(**clone(params, safe=False))


def _trained(
    estimator: Any,
    X: Any,
    y: Any,
    rows: Any,
    fit_params: dict[str, Any],
    purpose: str,
) -> Training | None:
    n_rows = n_rows_of(X)
    own = {
        name: select_rows(value, rows)
        if hasattr(value, "__len__") and n_rows_of(value) == n_rows
        else value
        for name, value in fit_params.items()
    }
    model = clone(estimator)
    try:
        model.fit(select_rows(X, rows), select_rows(y, rows), **own)
    except ValueError as error:
        if not is_divergence(error):
            raise
        return None
    return training_of(network_in(model, purpose))
