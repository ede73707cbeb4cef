"""Training history of a fitted network, with the names of its loss and score."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.exceptions import NotFittedError

from .._sklearn import metric_of
from ..estimators.base import MLP
from ..estimators.regressor import MLPRegressorX
from ..estimators.validation import scorers_of
from ..estimators.wrapped import network_in


class Training(NamedTuple):
    """The history of a training, as plain numbers and strings.

    Attributes
    ----------
    history : dict of lists
        ``history_`` without the ``seconds``; its first list is the ``epoch``.
    kept_epoch : int
        The epoch whose weights are kept.
    stop_reason : str
        As ``stop_reason_``.
    unit : str
        "epoch", or "iteration" if the solver is lbfgs.
    loss_label : str
        Name of the loss without a penalty.
    penalty_label : str
        Name of the penalty in the training loss, "" for none.
    score_label : str
        Name of the score; of several, of the first.
    """

    history: dict[str, list]
    kept_epoch: int
    stop_reason: str
    unit: str
    loss_label: str
    penalty_label: str
    score_label: str


def training_of(net: MLP) -> Training:
    """Return the training of a fitted network."""
    history = {
        name: list(net.history_[name]) for name in net.history_ if name != "seconds"
    }
    return Training(
        history,
        _kept_epoch(net),
        net.stop_reason_,
        "iteration" if net.learning_rate_ is None else "epoch",
        net._network.loss.label,
        _penalty_label(net),
        _score_label(net),
    )


def training_or_none(estimator: Any, purpose: str) -> Training | None:
    """Return the training of an estimator, None if its fit failed."""
    try:
        return training_of(network_in(estimator, purpose))
    except NotFittedError:
        return None


def labels_of(trainings: list[Training]) -> dict[str, str]:
    """Return the names of the metrics of trainings, different ones listed."""

    def listed(words: list[str]) -> str:
        return " / ".join(dict.fromkeys(words))

    losses = [t.loss_label for t in trainings]
    scores = [t.score_label for t in trainings]
    penalised = [
        f"{t.loss_label} + {t.penalty_label}" if t.penalty_label else t.loss_label
        for t in trainings
    ]
    return {
        "epoch": listed([t.unit for t in trainings]),
        "loss": listed(penalised),
        **{f"{part}_loss": listed(losses) for part in ("train", "validation")},
        **{f"{part}_score": listed(scores) for part in ("train", "validation")},
    }


def _kept_epoch(net: MLP) -> int:
    """Return the epoch whose weights are kept."""
    return net._run.kept_epoch


def _penalty_label(net: MLP) -> str:
    if not net.alpha:
        return ""
    names = {0.0: "L2 penalty", 1.0: "L1 penalty"}
    return names.get(float(net.l1_ratio), "L1 and L2 penalty")


def _score_label(net: MLP) -> str:
    scoring = next(iter(scorers_of(net.scoring).values()))
    if scoring is None:
        if isinstance(net, MLPRegressorX):
            return "R²" if net.loss == "squared_error" else "D²"
        return "accuracy"
    if isinstance(scoring, str) and scoring == "loss":
        return "negative loss"
    return name_of(scoring)


def name_of(function: Any) -> str:
    """Return the name of a scorer, which is a string, a function or scikit-learn's."""
    if isinstance(function, str):
        return function
    return getattr(metric_of(function), "__name__", "score")
