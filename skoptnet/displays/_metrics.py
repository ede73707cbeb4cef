"""Metrics in displays: which are losses, their labels, and the looks of their lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ._style import LINES, styles

#: The losses: averaged over the updates of an epoch, and at its end.
LOSSES = ("loss", "train_loss", "validation_loss")

#: The score that decides, of both parts of the data, and that of a search.
_FIRST = ("validation_score", "train_score", "score")

# Labels of metrics whose names alone are unclear.
_LABELS = {
    "loss": "training loss",
    "train_loss": "training loss after the epoch",
    "score": "test score",
}

# The parts of the data: the prefix of a metric's name, and that of its label.
_PARTS = {"train": "training", "validation": "validation"}


def metrics_in(columns: Iterable[str]) -> list[str]:
    """Return the metrics among the columns of curves: losses first, then scores."""
    found = dict.fromkeys(columns)
    spreads = {f"{name}_{end}" for name in found for end in ("low", "high")}
    named = [
        name
        for name in found
        if name.partition("_")[0] in _PARTS and name not in spreads
    ]
    first = [name for name in (*LOSSES, *_FIRST) if name in found]
    return list(dict.fromkeys([*first, *named]))


def scores_by_name(metrics: Iterable[str]) -> list[str]:
    """Return the scores that have names of their own: there are several scorers."""
    return [name for name in metrics if name not in (*LOSSES, *_FIRST)]


def label_of_metric(name: str) -> str:
    """Return the label of a metric, without its unit."""
    part, _, rest = name.partition("_")
    return _LABELS.get(name) or f"{_PARTS[part]} {rest}"


def needs_of(name: Any) -> str:
    """Return a hint at the parameters that a missing metric needs."""
    if str(name).startswith("validation"):
        return " Validation needs early_stopping=True, or X_val in fit."
    if str(name).startswith("train"):
        return " Metrics of training rows need return_train_score=True."
    return ""


def looks_of(metrics: Sequence[str], beside: bool = False) -> list[dict[str, Any]]:
    """Return colour and dashes of the metrics of one training.

    Lines of training rows are solid, those of validation rows dashed; if there is only
    one part, its lines differ in dashes, too. Several scores differ in colour; of one
    score, the two parts of the data do.

    Parameters
    ----------
    metrics : sequence of str
        Either losses or scores.
    beside : bool
        Whether these are scores beside losses, which have other colours.
    """
    whose = [_part_and_score(name) for name in metrics]
    if "train_loss" not in metrics:  # "loss" is then the one of the training rows
        whose = [(part or "train", score) for part, score in whose]
    parts = {part for part, _ in whose}
    names = list(dict.fromkeys(score for _, score in whose))
    solid, dashed = styles(2)
    if "train" in parts and len(names) == 1:
        own = {"train": solid, "validation": dashed, "": styles(6)[-1]}
        return [own[part] for part, _ in whose]
    taken = 2 if beside else 0
    colors = dict(zip(names, styles(len(names) + taken)[taken:], strict=True))
    if len(parts) == 1:
        shift = int(parts == {"validation"})
        return [
            {**colors[name], "linestyle": LINES[(i + shift) % len(LINES)]}
            for i, (_, name) in enumerate(whose)
        ]
    dashes = {"validation": dashed["linestyle"]}
    return [
        {**colors[name], "linestyle": dashes.get(part, solid["linestyle"])}
        for part, name in whose
    ]


def _part_and_score(name: str) -> tuple[str, str]:
    """Return the part of the data, "" if there is none in the name, and the score."""
    part, _, rest = name.partition("_")
    return (part, rest) if part in _PARTS else ("", name)
