"""Several trainings, or the scores of several candidates, as median and spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._fitted import Training

#: What a band may be: its quantiles, and what is drawn with it.
SPREADS = {
    "quartiles": ((0.25, 0.75), "median and quartiles"),
    "range": ((0.0, 1.0), "median, lowest and highest"),
}


def check_spread(spread: str) -> None:
    """Refuse what is none of the `SPREADS`."""
    if spread not in SPREADS:
        raise ValueError(f"spread must be one of {[*SPREADS]}. Got {spread!r} instead.")


def spread_of_trainings(
    trainings: Sequence[Training], spread: str
) -> dict[str, list[Any]]:
    """Return, epoch by epoch, the median and the spread of what trainings have.

    A training that ended keeps its last figures, so that the median is that of as many
    trainings throughout; ``n_training`` tells how many went on.
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
    """Return the median and spread over folds of candidates, the best one first.

    Candidates of which a fold failed are left out.
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
    """Return in words how trainings ended: "4 converged, 1 failed"."""
    counts = Counter(t.stop_reason if t else "failed" for t in trainings)
    return ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
