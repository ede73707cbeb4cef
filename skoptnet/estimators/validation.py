"""Early stopping: loss and score of the validation rows, and its parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from .._sklearn import metric_of
from .._types import Array
from ..compiled import outputs
from ..network import Network
from ..training import Run, TrainingSet
from .convergence_warnings import warn
from .prediction import network_attributes

#: Raw outputs and loss of the validation rows -> score.
Score = Callable[[Array, float], float]


@dataclass
class OwnData:
    """Arguments of `fit` for validation, unchecked: own rows, or groups to split by."""

    X: Any = None
    y: Any = None
    w: Any = None
    groups: Any = None

    @property
    def given(self) -> bool:
        """Whether there are validation rows, or parts of them; groups do not count."""
        return any(part is not None for part in (self.X, self.y, self.w))

    def check(self) -> None:
        """Refuse rows without targets, and targets or weights without rows."""
        if self.X is not None and self.y is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if self.y is not None and self.X is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if self.X is None and self.w is not None:
            raise ValueError(
                "sample_weight_val is provided, but X_val and y_val were not provided."
            )


def check_settings(model: Any, own: OwnData) -> None:
    """Refuse parameters and validation data that contradict each other."""
    own.check()
    name = type(model).__name__
    if own.given and not model.early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping"
            f" is False. Set early_stopping=True of {name} to stop by their score, or"
            " omit them."
        )
    refits = model.refit_all and model.early_stopping
    if refits and model.warm_start:
        raise ValueError(
            "refit_all=True trains a new network on all rows, which warm_start=True"
            " forbids. Set one of them to False."
        )
    if refits and own.given:
        raise ValueError(
            "refit_all=True trains again on the rows that early stopping set aside,"
            " but with X_val it sets none aside. Set refit_all=False. To train on X and"
            " X_val, stack them and fit with max_iter=best_epoch_, n_iter_no_change=inf"
            " and early_stopping=False."
        )
    if own.groups is not None:
        _check_groups(model, own)
    if callable(model.scoring):
        check_scoring(model, model.scoring)


def _check_groups(model: Any, own: OwnData) -> None:
    """Refuse groups that the split would tear apart; warn where there is no split."""
    name, how = type(model).__name__, model.validation_fraction
    if not model.early_stopping or own.given:
        reason = "with X_val" if own.given else "without early_stopping=True"
        warn(
            f"The groups passed to fit of {name} have no effect {reason}.", UserWarning
        )
    elif isinstance(how, Real):
        raise ValueError(
            f"groups are passed to fit, but validation_fraction={how} of {name} splits"
            " row by row and would put rows of one group on both sides. Set it to a"
            " splitter of groups, such as GroupShuffleSplit(test_size=0.1), or omit"
            " groups."
        )


class Validation:
    """Loss and score of the validation rows, both from one forward pass.

    Parameters
    ----------
    network : Network
        Computes the raw outputs.
    data : TrainingSet
        The validation rows, with their weights in the loss.
    score : callable
        Raw outputs and loss -> score; higher is better.
    """

    def __init__(self, network: Network, data: TrainingSet, score: Score):
        self.network, self.data, self.score = network, data, score
        self.Y, self.w = data.select(data.Y), data.weights

    def __call__(self, theta: Array) -> dict[str, float]:
        """Return the metrics of theta, NaN if a prediction is not finite."""
        z = outputs(self.network, theta, self.data.X, self.data.rows)
        loss = score = math.nan
        with np.errstate(all="ignore"):
            if self.network.loss.predicts(z, self.network.xp):
                losses = self.network.loss.value(z, self.Y, self.network.xp)
                loss = float(np.average(losses.astype(np.float64), weights=self.w))
                score = self.score(z, loss)
        return {"validation_loss": loss, "validation_score": score}


def score_of(
    model: Any, data: TrainingSet, weighted: TrainingSet, network: Network, run: Run
) -> Score:
    """Return the score that the ``scoring`` parameter stands for.

    Parameters
    ----------
    model : estimator
        Has the parameters, and the attributes that describe the targets.
    data, weighted : TrainingSet
        The validation rows, with sample weights for scorers, and with class weights,
        too, for the estimator's own score.
    network, run
        The network, and the run that is trained.
    """
    if model.scoring is None:
        return model._default_score(weighted.select(weighted.Y), weighted.weights)
    if isinstance(model.scoring, str) and model.scoring == "loss":
        return negative_loss
    model = copy(model)
    # The validation rows are arrays, without feature names. Names were checked before.
    vars(model).pop("feature_names_in_", None)
    vars(model).update(network_attributes(network, run))
    X, y = data.select(data.X), model._decode(data.select(data.Y))
    return ScorerScore(model.scoring, model, X, y, data.weights)


def negative_loss(z: Array, loss: float) -> float:
    """Return the score that ``scoring="loss"`` stands for."""
    return -loss


class ScorerScore:
    """The score that a scikit-learn scorer gives to the current weights.

    Parameters
    ----------
    scoring : str or callable
        As for `sklearn.metrics.check_scoring`.
    model : estimator
        An estimator with the fitted attributes, whose weights are those in training.
        It is given its raw outputs for the validation rows, which are then computed
        only once.
    X, y, w : arrays
        The validation rows, their targets in the form of y, and sample weights or None,
        for scorers that take sample weights.
    """

    def __init__(self, scoring: Any, model: Any, X: Any, y: Any, w: Array | None):
        self.scoring, self.model, self.X, self.y = scoring, model, X, y
        self.scorer = check_scoring(model, scoring)
        takes_weights = w is not None and _takes_weights(self.scorer)
        self.extra = {"sample_weight": w} if takes_weights else {}

    def __call__(self, z: Array, loss: float) -> float:
        self.model._known_outputs = self.X, z
        score = self.scorer(self.model, self.X, self.y, **self.extra)
        if not isinstance(score, Real):
            raise TypeError(
                "The 'scoring' parameter must score a model with one number."
                f" {self.scoring!r} returned {score!r}."
            )
        if not math.isfinite(score):
            raise ValueError(
                "The 'scoring' parameter must score a model with a finite number."
                f" {self.scoring!r} returned {score!r}, which early stopping cannot"
                " use. Are there too few validation rows?"
            )
        return float(score)


def _takes_weights(scorer: Callable) -> bool:
    """Tell whether a scorer takes sample weights.

    Every scorer of `sklearn.metrics.make_scorer` has the argument, but not every
    metric.
    """
    return "sample_weight" in signature(metric_of(scorer)).parameters
