"""Results of a search over epochs: best epochs, `cv_results_` and `epoch_results_`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._sklearn import formatted_results
from .._types import Array
from .epoch_scores import COLUMNS
from .trials import Trial


class Standing(NamedTuple):
    """How good a candidate is at its best epoch so far.

    Attributes
    ----------
    score, loss : float
        Its score and its loss on held-out rows, averaged over the folds; NaN if a fold
        has none.
    best_epoch : int
        The epoch with the highest average score; of equal scores, that with the lowest
        loss. With early stopping, the average of the epochs that the folds keep.
    indices : list of int
        The index of that epoch in the curves of each fold. A training that has ended
        earlier counts with its last epoch.
    """

    score: float
    loss: float
    best_epoch: int
    indices: list[int]

    @property
    def key(self) -> tuple[float, float]:
        """A key that sorts better standings first."""
        return -np.nan_to_num(self.score, nan=-np.inf), np.nan_to_num(
            self.loss, nan=np.inf
        )


def standing_of(trials: Sequence[Trial], metric: str) -> Standing:
    """Return how good a candidate is, given its trials in all folds."""
    if not all(trial.n_epochs for trial in trials):
        return Standing(np.nan, np.nan, 0, [-1] * len(trials))
    if all(trial.kept_epoch for trial in trials):
        indices = [trial.kept_epoch - 1 for trial in trials]
        score, loss = (
            float(
                np.mean([t.curves[n][i] for t, i in zip(trials, indices, strict=True)])
            )
            for n in (metric, "validation_loss")
        )
        best = round(np.mean([trial.kept_epoch for trial in trials]))
        return Standing(score, loss, best, indices)
    scores, losses = (_mean_curve(trials, name) for name in (metric, "validation_loss"))
    if np.isnan(scores).all():
        best = len(scores) - 1
    else:
        ties = np.flatnonzero(scores == np.nanmax(scores))
        best = int(min(ties, key=lambda i: (np.isnan(losses[i]), losses[i], i)))
    indices = [min(best, trial.n_epochs - 1) for trial in trials]
    return Standing(float(scores[best]), float(losses[best]), best + 1, indices)


def last_best_epoch(trials: Sequence[Trial], metric: str) -> int:
    """Return the epoch with the highest score or, if later, with the lowest loss.

    Both are averages over the folds on held-out rows. A score alone would mislead: that
    of a network which has not begun to learn is noise.
    """
    losses = _mean_curve(trials, "validation_loss")
    by_loss = 0 if np.isnan(losses).all() else int(np.nanargmin(losses)) + 1
    return max(standing_of(trials, metric).best_epoch, by_loss)


def _mean_curve(trials: Sequence[Trial], name: str) -> Array:
    """Return the average of a curve over folds; ended ones keep their last value."""
    length = max(trial.n_epochs for trial in trials)
    curves = np.empty((len(trials), length))
    for curve, trial in zip(curves, trials, strict=True):
        values = trial.curves[name]
        curve[: len(values)], curve[len(values) :] = values, values[-1]
    return curves.mean(axis=0)


class Row(NamedTuple):
    """A candidate at the end of a rung, for a row of `cv_results_`."""

    candidate: int
    bracket: int
    iteration: int
    n_resources: int
    trials: list[Trial]
    standing: Standing

    @property
    def is_promotable(self) -> bool:
        """Whether all trainings have scores, and none has gone wrong."""
        has_score = not np.isnan(self.standing.score)
        return has_score and all(trial.is_promotable for trial in self.trials)


def snapshot(trial: Trial) -> Trial:
    """Return a trial as it is now: without its state, and with its own curves."""
    curves = {name: values[:] for name, values in trial.curves.items()}
    return Trial(**{**vars(trial), "network": None, "state": None, "curves": curves})


def results_of(
    search: Any, rows: Sequence[Row], candidates: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return ``cv_results_``, with the columns of scikit-learn's halving searches.

    Further columns are ``candidate``, ``best_epoch``, ``bracket`` of Hyperband, and for
    each fold ``stop_reason`` and ``error``.
    """
    with_curves = (t.curves for row in rows for t in row.trials if t.n_epochs)
    names = [n for n in next(with_curves, ()) if n not in COLUMNS]
    results = [
        _result(search, trial, index, names)
        for row in rows
        for trial, index in zip(row.trials, row.standing.indices, strict=True)
    ]
    further: dict[str, list] = {
        "iter": [row.iteration for row in rows],
        "n_resources": [row.n_resources for row in rows],
        "candidate": [row.candidate for row in rows],
        "best_epoch": [row.standing.best_epoch for row in rows],
        "bracket": [row.bracket for row in rows],
    }
    for fold in range(len(rows[0].trials)):
        trials = [row.trials[fold] for row in rows]
        further[f"split{fold}_stop_reason"] = [trial.reason for trial in trials]
        further[f"split{fold}_error"] = [trial.error for trial in trials]
    params = [candidates[row.candidate] for row in rows]
    return formatted_results(search, params, results, further)


def _result(
    search: Any, trial: Trial, index: int, names: Sequence[str]
) -> dict[str, Any]:
    """Return times and scores of a trial, those at an index of its curves."""
    failed = trial.error or not trial.n_epochs
    scores = {
        n: search.error_score if failed else trial.curves[n][index] for n in names
    }
    test = {n: v for n, v in scores.items() if not n.startswith("train_")}
    result = {
        "fit_time": trial.fit_time,
        "score_time": trial.score_time,
        "test_scores": _one_or_all(test),
    }
    if search.return_train_score:
        train = {
            n.removeprefix("train_"): v for n, v in scores.items() if n not in test
        }
        result["train_scores"] = _one_or_all(train)
    return result


def _one_or_all(scores: dict[str, Any]) -> Any:
    """Return the number of a single score, a dict of several."""
    return scores["score"] if list(scores) == ["score"] else scores


def long_table(trials: Sequence[Sequence[Trial]]) -> dict[str, Array]:
    """Return ``epoch_results_``: a row per candidate, fold and epoch."""
    started = [trial for of in trials for trial in of if trial.n_epochs]
    names = list(dict.fromkeys(name for trial in started for name in trial.curves))
    lengths = [trial.n_epochs for trial in started]
    table = {
        "candidate": np.repeat([trial.candidate for trial in started], lengths),
        "fold": np.repeat([trial.fold for trial in started], lengths),
    }
    for name in names:
        columns = [trial.curves[name] for trial in started]
        table[name] = np.concatenate(columns) if columns else np.empty(0)
    return table
