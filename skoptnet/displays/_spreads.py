"""Median and quartiles of several trainings, or of the scores of candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._fitted import Training

#: The bands to choose from: their quantiles, and the text of the legend.
SPREADS = {
    "quartiles": ((0.25, 0.75), "median and quartiles"),
    "range": ((0.0, 1.0), "median, lowest and highest"),
}


def check_spread(spread: str) -> None:
    """Raise an error unless ``spread`` is one of `SPREADS`."""
    if spread not in SPREADS:
        raise ValueError(f"spread must be one of {[*SPREADS]}. Got {spread!r} instead.")


def spread_of_trainings(
    trainings: Sequence[Training], spread: str
) -> dict[str, list[Any]]:
    """Return the median and the spread of the metrics of trainings in each epoch.

    A training that has ended keeps its last metrics, so that the median is always that
    of all trainings; ``n_training`` is the number of those still running.
    """
    lengths = np.array([len(t.history["epoch"]) for t in trainings])
    epochs = np.arange(1, lengths.max() + 1)
    table: dict[str, list[Any]] = {"epoch": epochs.tolist()}
    for column in trainings[0].history:
        if column in ("epoch", "update"):
            continue
        if not all(column in t.history for t in trainings):
            continue
        rows = [
            np.pad(t.history[column], (0, epochs[-1] - n), mode="edge")
            for t, n in zip(trainings, lengths, strict=True)
        ]
        table |= _columns(column, np.array(rows), spread)
    table["n_training"] = (lengths[:, None] >= epochs).sum(axis=0).tolist()
    return table


def spread_of_scores(scores: Any, spread: str) -> dict[str, list[Any]]:
    """Return the median and spread over folds of each candidate, the best one first.

    Candidates with a failed fold are left out.
    """
    scores = scores[~np.isnan(scores).any(axis=1)]
    order = np.argsort(-np.median(scores, axis=1), kind="stable")
    places = np.arange(1, len(order) + 1)
    return {"candidate": places.tolist(), **_columns("score", scores[order].T, spread)}


def _columns(name: str, values: Any, spread: str) -> dict[str, list[float]]:
    low, high = np.quantile(values, SPREADS[spread][0], axis=0)
    return {
        name: np.median(values, axis=0).tolist(),
        f"{name}_low": low.tolist(),
        f"{name}_high": high.tolist(),
    }


def ends_of(trainings: Sequence[Training | None]) -> str:
    """Return a summary of how trainings ended: "4 converged, 1 failed"."""
    counts = Counter(t.stop_reason if t else "failed" for t in trainings)
    return ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
