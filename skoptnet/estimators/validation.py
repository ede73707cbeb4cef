"""Held-out data: which rows they are, and what an epoch's weights are worth on them."""

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
from sklearn.model_selection import train_test_split

from .._sklearn import metric_of
from .._types import Array, Float
from ..compiled import outputs
from ..network import Network
from ..training import Run, TrainingSet
from .convergence_warnings import warn
from .prediction import network_attributes

#: Raw outputs and loss of the held-out rows -> score.
Score = Callable[[Array, float], float]


@dataclass
class OwnData:
    """The validation data that were passed to `fit`, as they came."""

    X: Any = None
    y: Any = None
    w: Any = None

    @property
    def given(self) -> bool:
        return any(part is not None for part in (self.X, self.y, self.w))

    def check(self) -> None:
        """Refuse a part without the other."""
        if self.X is not None and self.y is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if self.y is not None and self.X is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if self.X is None and self.w is not None:
            raise ValueError(
                "sample_weight_val is provided, but X_val and y_val were not provided."
            )


def check_settings(model: Any, own: OwnData) -> None:
    """Refuse parameters and validation data that do not go together."""
    own.check()
    name = type(model).__name__
    if own.given and not model.early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping"
            f" is False. Set early_stopping=True of {name} to stop by their score, or"
            " leave them out."
        )
    if not model.early_stopping:
        idle = {"scoring": model.scoring is not None, "refit_all": model.refit_all}
        for parameter in (parameter for parameter, given in idle.items() if given):
            warn(
                f"The {parameter!r} parameter of {name} has no effect without"
                " early_stopping=True.",
                UserWarning,
            )
    elif model.refit_all and model.warm_start:
        raise ValueError(
            "refit_all=True trains anew on all rows, which warm_start=True forbids."
            " Set one of them to False."
        )
    elif model.refit_all and own.given:
        raise ValueError(
            "refit_all=True trains again on the rows that early stopping set aside,"
            " and with X_val none are. Set refit_all=False; to train on X and X_val,"
            " stack them and fit with max_iter=best_epoch_, n_iter_no_change=inf and"
            " early_stopping=False."
        )
    if not isinstance(model.scoring, str):
        check_scoring(model, model.scoring)


def split(
    data: TrainingSet,
    fraction: Float,
    strata: Array | None,
    rng: np.random.RandomState,
) -> tuple[TrainingSet, TrainingSet]:
    """Return training and validation rows; nothing is copied."""
    check_split(len(data), fraction, strata)
    rows = train_test_split(
        np.arange(len(data)), test_size=fraction, random_state=rng, stratify=strata
    )
    training, validation = data.part(rows[0]), data.part(rows[1])
    for name, part in (("training", training), ("validation", validation)):
        if part.w is not None and not part.own(part.w).any():
            raise ValueError(
                f"All {name} rows of the early-stopping split have sample_weight"
                " zero. Change 'validation_fraction' or 'random_state'."
            )
    return training, validation


def check_split(n: int, fraction: Float, strata: Array | None) -> None:
    """Refuse a validation split that cannot be made or used."""
    n_validation = math.ceil(fraction * n)
    got = (
        f"Got validation_fraction={fraction} of n_samples={n}, which is"
        f" {n_validation} validation and {n - n_validation} training rows."
    )
    labels, counts = np.unique([] if strata is None else strata, return_counts=True)
    if (counts < 2).any():
        raise ValueError(
            "The least populated classes in y have only 1 member, too few for the"
            " stratified split of early_stopping=True. Classes with too few members"
            f" are: {labels[counts < 2].tolist()}"
        )
    if n_validation < 2 or n - n_validation < 1:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the"
            f" size of your dataset: early stopping needs 2 rows at least. {got}"
        )
    if min(n_validation, n - n_validation) < len(labels):
        raise ValueError(
            "The validation set is too small. Change 'validation_fraction' so that"
            f" each of the {len(labels)} classes can be in both parts. {got}"
        )


class Validation:
    """Loss and score of the held-out rows, both from one forward pass of them.

    Parameters
    ----------
    network : Network
        Computes the outputs.
    data : TrainingSet
        The held-out rows; the weights are those in the loss.
    score : callable
        Raw outputs and loss -> score, higher is better.
    """

    def __init__(self, network: Network, data: TrainingSet, score: Score):
        self.network, self.data, self.score = network, data, score
        self.Y, self.w = data.own(data.Y), data.own_weights

    def __call__(self, theta: Array) -> dict[str, float]:
        """Return the metrics of theta, nan where predictions are not finite."""
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
    """Return the score that the ``scoring`` parameter asks for.

    Parameters
    ----------
    model : estimator
        Its parameters, and what describes its targets.
    data, weighted : TrainingSet
        The held-out rows, with sample weights for scorers, and with class weights, too,
        for the default score.
    network, run
        What is trained.
    """
    if model.scoring is None:
        return model._default_score(weighted.own(weighted.Y), weighted.own_weights)
    if isinstance(model.scoring, str) and model.scoring == "loss":
        return negative_loss
    model = copy(model)
    # Held-out rows are arrays by now, without the names that were checked.
    vars(model).pop("feature_names_in_", None)
    vars(model).update(network_attributes(network, run))
    X, y = data.own(data.X), model._decode(data.own(data.Y))
    return ScorerScore(model.scoring, model, X, y, data.own_weights)


def negative_loss(z: Array, loss: float) -> float:
    """Return the score that ``scoring="loss"`` stands for."""
    return -loss


class ScorerScore:
    """The score that a scikit-learn scorer gives to the present weights.

    Parameters
    ----------
    scoring : str or callable
        What `sklearn.metrics.check_scoring` takes.
    model : estimator
        A fitted-looking one that follows the weights in training. It knows its
        outputs for the held-out rows before it is asked.
    X, y, w : arrays
        The held-out rows, their targets as a user knows them, and sample weights or
        None, which scorers get that take some.
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
                f" {self.scoring!r} returned {score!r}; early stopping cannot go by it."
                " Are there too few validation rows?"
            )
        return float(score)


def _takes_weights(scorer: Callable) -> bool:
    """Tell whether a scorer takes sample weights.

    Those of `sklearn.metrics.make_scorer` have the argument in any case; whether it
    is of use is up to their metric.
    """
    return "sample_weight" in signature(metric_of(scorer)).parameters
