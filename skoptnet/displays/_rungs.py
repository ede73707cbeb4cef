"""Curves that a search over epochs has recorded: of each fold, and averaged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._params import described
from .._types import Array
from ..model_selection.base import EpochSearch
from ..model_selection.epoch_scores import COLUMNS
from ._fitted import Training, training_or_none
from ._searches import UNSET, Candidates, candidates_of, same

#: The ends of trainings that have gone wrong.
_WRONG = ("failed", "diverged")


class _Record(NamedTuple):
    """The training of a candidate in a fold: its curves by name, and its end."""

    curves: dict[str, Array]
    reason: str

    @property
    def n_epochs(self) -> int:
        return len(self.curves.get("epoch", ()))

    @property
    def has_gone_wrong(self) -> bool:
        return self.reason in _WRONG


def recorded_search(search: Any, purpose: str, metric: str | None) -> Candidates:
    """Return the candidates of a fitted search over epochs.

    Raises
    ------
    TypeError, ValueError
        If it is another search, is not fitted, or has no score called ``metric``.
    """
    if not isinstance(search, EpochSearch):
        raise TypeError(
            f"{purpose} needs a fitted search over epochs, such as"
            " EpochHalvingGridSearchCV of skoptnet.model_selection. Got"
            f" {described(search)} instead."
        )
    return candidates_of(search, purpose, metric)


def _records(search: Any, tried: Candidates) -> list[list[_Record]]:
    """Return the trainings of each candidate up to the end of its last rung.

    Epochs of a rung in which the search was interrupted are left out.
    """
    table, results = search.epoch_results_, search.cv_results_
    places = np.stack([table["candidate"], table["fold"]], axis=1)
    changes = np.flatnonzero((places[1:] != places[:-1]).any(axis=1)) + 1
    parts = {
        tuple(places[start]): slice(start, end)
        for start, end in pairwise([0, *changes, len(places)])
        if end > start
    }
    records = []
    for row in tried.rows:
        number, most = results["candidate"][row], results["n_resources"][row]
        of_candidate = []
        for fold in range(search.n_splits_):
            part = parts.get((number, fold), slice(0, 0))
            curves = {
                name: values[part][:most]
                for name, values in table.items()
                if name not in ("candidate", "fold")
            }
            reason = str(results[f"split{fold}_stop_reason"][row])
            of_candidate.append(_Record(curves, reason))
        records.append(of_candidate)
    return records


def tables_of(
    search: Any, tried: Candidates, column: str, group_by: Any
) -> dict[str, dict[str, list]]:
    """Return the tables of `EpochSearchDisplay`: curves, candidates and rungs."""
    records = _records(search, tried)
    numbers = [int(search.cv_results_["candidate"][row]) for row in tried.rows]
    curves: dict[str, list] = {"candidate": [], "epoch": [], "mean": [], "std": []}
    for number, of_candidate in zip(numbers, records, strict=True):
        means, stds = _mean_and_std(of_candidate, column)
        curves["candidate"] += [number] * len(means)
        curves["epoch"] += range(1, len(means) + 1)
        curves["mean"] += means
        curves["std"] += stds
    table = {"candidate": numbers, **_ends(search, tried, records)}
    table |= {"group": _groups(tried, group_by), "name": _names(tried)}
    table |= {"params": list(tried.params)}
    return {"curves": curves, "candidates": table, "rungs": _rungs(search)}


def _mean_and_std(records: Sequence[_Record], column: str) -> tuple[list, list]:
    """Return the mean curve over the folds of a candidate, and the spread around it.

    A fold that has ended keeps its last value, unless it has gone wrong: there the
    mean ends.
    """
    ends = [record.n_epochs for record in records]
    wrong = [record.n_epochs for record in records if record.has_gone_wrong]
    length = min(wrong) if wrong else max(ends)
    if not min(ends):
        return [], []
    curves = np.array(
        [
            np.pad(record.curves[column], (0, max(ends) - n), mode="edge")[:length]
            for record, n in zip(records, ends, strict=True)
        ]
    )
    with np.errstate(all="ignore"):  # of losses near the largest number
        return curves.mean(axis=0).tolist(), curves.std(axis=0).tolist()


def _ends(
    search: Any, tried: Candidates, records: Sequence[Sequence[_Record]]
) -> dict[str, list]:
    """Return how far the candidates came, and which one is best."""
    results = search.cv_results_
    rungs = [(int(results["bracket"][r]), int(results["iter"][r])) for r in tried.rows]
    places = zip(results["bracket"], results["iter"], strict=True)
    last = {int(bracket): int(rung) for bracket, rung in sorted(places)}
    best = _best(search, tried)
    epochs = [int(results["best_epoch"][row]) for row in tried.rows]
    if hasattr(search, "best_epoch_"):
        epochs[best] = int(search.best_epoch_)
    outcomes = []
    for (bracket, rung), of_candidate in zip(rungs, records, strict=True):
        reasons = [record.reason for record in of_candidate]
        wrong = [reason for reason in _WRONG if reason in reasons]
        usual = "last rung" if rung == last[bracket] else "dropped"
        outcomes.append(wrong[0] if wrong else usual)
    return {
        "bracket": [bracket for bracket, _ in rungs],
        "rung": [rung for _, rung in rungs],
        "n_epochs": [max(r.n_epochs for r in of) for of in records],
        "outcome": outcomes,
        "best_epoch": epochs,
        "is_best": [i == best for i in range(len(rungs))],
    }


def _best(search: Any, tried: Candidates) -> int:
    """Return the best candidate: that of the search, if it has chosen one."""
    if not hasattr(search, "best_index_"):
        return tried.best(list(range(len(tried.rows))))
    numbers = search.cv_results_["candidate"]
    chosen = numbers[search.best_index_]
    return [int(numbers[row]) for row in tried.rows].index(int(chosen))


def _groups(tried: Candidates, group_by: Any) -> list[str]:
    groups = tried.groups(group_by)
    of_member = {i: name for name, members in groups.items() for i in members}
    return [of_member[i] for i in range(len(tried.rows))]


def _names(tried: Candidates) -> list[str]:
    """Return the names of the candidates: the parameters in which they differ."""
    labels = {
        name: (tried.values(name), tried.labels(name))
        for name in tried.names
        if len(tried.values(name)) > 1
    }
    names = []
    for i in range(len(tried.rows)):
        parts = []
        for name, (values, texts) in labels.items():
            value = tried.value(i, name)
            if value is UNSET:
                continue
            pairs = zip(values, texts, strict=True)
            text = next(text for known, text in pairs if same(known, value))
            parts.append(f"{tried.short(name)}={text}")
        names.append("; ".join(parts))
    return names


def _rungs(search: Any) -> dict[str, list]:
    """Return the rungs: the epoch at which each ends, and its candidates."""
    results = search.cv_results_
    rungs: dict[tuple[int, int], list[int]] = {}
    columns = ("bracket", "iter", "n_resources")
    for bracket, rung, epoch in zip(*(results[name] for name in columns), strict=True):
        rungs.setdefault((int(bracket), int(rung)), []).append(int(epoch))
    return {
        "bracket": [bracket for bracket, _ in rungs],
        "rung": [rung for _, rung in rungs],
        "epoch": [epochs[0] for epochs in rungs.values()],
        "n_candidates": [len(epochs) for epochs in rungs.values()],
    }


def recorded_trainings(
    search: Any, tried: Candidates, chosen: Sequence[int]
) -> list[list[Training | None]]:
    """Return the trainings of some candidates in each fold, as recorded by the search.

    None stands for a training that failed in its first epoch.
    """
    known = None
    if hasattr(search, "best_estimator_"):
        known = training_or_none(search.best_estimator_, "A search over epochs")
    records = _records(search, tried)
    return [
        [
            _training(record, tried.score_label, known) if record.n_epochs else None
            for record in records[i]
        ]
        for i in chosen
    ]


def _training(record: _Record, score_label: str, known: Training | None) -> Training:
    """Return a training, with the names of its losses from another one."""
    rates = record.curves["learning_rate"]
    has_rates = not np.isnan(rates).all()
    history = {}
    for name, values in record.curves.items():
        if name == "learning_rate" and not has_rates:
            continue
        is_loss = name in COLUMNS or name.startswith("train_")
        history[name if is_loss else f"validation_{name}"] = values.tolist()
    return Training(
        history,
        0,  # the epoch kept is not drawn for groups
        "dropped" if record.reason == "paused" else record.reason,
        "epoch" if has_rates else "iteration",
        known.loss_label if known else "",
        known.penalty_label if known else "",
        score_label,
    )
