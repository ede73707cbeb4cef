"""Validation and training metrics: loss and scores of rows after each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names

from .._params import InvalidParameterError, StrOptions, check_value
from .._sklearn import metric_of
from .._types import Array
from ..compiled import MeanLoss, Outputs
from ..network import Network
from ..schedules import Schedule
from ..training import Curves, Run, TrainingSet
from .convergence_warnings import warn
from .prediction import IN_TRAINING, network_attributes
from .weights import Weights

#: Raw outputs and loss of some rows -> score.
Score = Callable[[Array, float], float]

#: Names of scores.
SCORER_NAME = StrOptions({"loss", *get_scorer_names()})

#: One score, as the ``scoring`` parameter may be given, or as an item of it.
SCORER = [SCORER_NAME, callable, None]

# The names under which `history_` has the loss and the first score.
_LOSS, _SCORE = "loss", "score"

_ADVICE_DICT = " For several scores, pass a dict of scorers by name."


@dataclass(eq=False)
class OwnData:
    """Unchecked arguments of `fit` for validation: own rows, or groups to split by."""

    X: Any = None
    y: Any = None
    w: Any = None
    groups: Any = None

    @property
    def given(self) -> bool:
        """Whether validation rows or parts of them are given; groups do not count."""
        return any(part is not None for part in (self.X, self.y, self.w))

    def check(self) -> None:
        """Refuse rows without targets, and targets or weights without rows."""
        if self.X is not None and self.y is None:
            raise ValueError("fit needs y_val with X_val. Got X_val only.")
        if self.y is not None and self.X is None:
            raise ValueError("fit needs X_val with y_val. Got y_val only.")
        if self.X is None and self.w is not None:
            raise ValueError(
                "fit needs X_val and y_val with sample_weight_val. Got"
                " sample_weight_val only."
            )


def check_settings(model: Any, own: OwnData) -> None:
    """Refuse parameters and validation data that contradict each other."""
    own.check()
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


def check_for_validation(model: Any, schedule: Schedule, own: OwnData) -> None:
    """Refuse a schedule that monitors the validation loss if there is none."""
    validates = model.early_stopping or own.given
    if schedule.needs_validation and not validates:
        raise ValueError(
            f"lr_schedule={schedule!r} monitors the validation loss, which requires"
            " early_stopping=True, or X_val and y_val in fit. Set it, pass them, or let"
            " the schedule monitor the training loss, as Plateau(monitor='loss') does."
        )


def _check_groups(model: Any, own: OwnData) -> None:
    """Refuse groups that the split would divide; warn if there is no split."""
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


# The scoring parameter.


def scorers_of(scoring: Any) -> dict[str, Any]:
    """Return the scorers that ``scoring`` stands for, by name.

    A single one, which has no name, is called "score".
    """
    if isinstance(scoring, dict):
        return scoring
    if isinstance(scoring, (list, tuple)):
        return dict(zip(scoring, scoring, strict=True))
    return {_SCORE: scoring}


def check_scorers(model: Any) -> None:
    """Refuse a ``scoring`` with wrong names or items."""
    scoring = model.scoring
    if isinstance(scoring, dict):
        _check_names(model, scoring)
    elif isinstance(scoring, (list, tuple)):
        for i, item in enumerate(scoring):
            check_value(model, f"scoring[{i}]", item, [SCORER_NAME])
    several = isinstance(scoring, (dict, list, tuple))
    if several and not scoring:
        raise _bad_scoring(model, "name at least one scorer")
    if several and len(set(scoring)) < len(scoring):
        raise _bad_scoring(model, "name each scorer once")
    for scorer in scorers_of(scoring).values():
        if callable(scorer):
            check_scoring(model, scorer)


def _check_names(model: Any, scoring: dict[Any, Any]) -> None:
    """Refuse names that are not strings, or that other metrics have."""
    for name, scorer in scoring.items():
        if not (isinstance(name, str) and name):
            raise _bad_scoring(model, "have strings, the names of the scorers, as keys")
        check_value(model, f"scoring[{name!r}]", scorer, SCORER)
        if name == _SCORE or (name == _LOSS and not _is_loss(scorer)):
            what = "first score" if name == _SCORE else "loss"
            raise _bad_scoring(
                model,
                f"not call a scorer {name!r}: in history_, 'validation_{name}' is the"
                f" {what}",
            )


def _bad_scoring(model: Any, must: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"The 'scoring' parameter of {type(model).__name__} must {must}. Got"
        f" {model.scoring!r} instead."
    )


def _is_loss(scorer: Any) -> bool:
    return isinstance(scorer, str) and scorer == _LOSS


# The metrics of an epoch.


class OutputsAndLoss:
    """The raw outputs and the loss of some rows, as a function of the parameters.

    Parameters
    ----------
    network : Network
        Computes the raw outputs.
    data : TrainingSet
        The rows, with their weights in the loss.
    dtype : dtype
        That of the parameters.
    """

    def __init__(self, network: Network, data: TrainingSet, dtype: Any):
        self.network = network
        self.outputs = Outputs(network, data.X, data.rows, dtype)
        self.loss = MeanLoss(self.outputs, data.select(data.Y), data.weights)

    def __call__(self, theta: Array) -> tuple[Array | None, float]:
        """Return outputs and loss; None and NaN if a prediction is not finite."""
        network, z = self.network, self.outputs(theta)
        with np.errstate(all="ignore"):
            if not network.loss.predicts(z, network.xp):
                return None, math.nan
            return z, self.loss(z)


class Metrics:
    """Loss and scores of some rows at any weights, all from one forward pass.

    Parameters
    ----------
    part : str
        "validation" or "train", with which the names of the metrics begin.
    outputs_and_loss : OutputsAndLoss
        The outputs and the loss of the rows.
    scores : dict of callables
        By name, raw outputs and loss -> score; higher is better.
    """

    def __init__(
        self, part: str, outputs_and_loss: OutputsAndLoss, scores: dict[str, Score]
    ):
        self.outputs_and_loss, self.scores = outputs_and_loss, scores
        self.unknown = dict.fromkeys(scores, math.nan)
        # The names of the metrics, each with that of its score. A score "loss" is the
        # negative loss, which is a metric only as the first score.
        self.loss_name = f"{part}_{_LOSS}"
        self.names = [(f"{part}_{_SCORE}", next(iter(scores)))]
        self.names += [(f"{part}_{n}", n) for n in scores if n not in (_LOSS, _SCORE)]

    def __call__(self, theta: Array) -> dict[str, float]:
        """Return the metrics of theta, NaN if a prediction is not finite."""
        z, loss = self.outputs_and_loss(theta)
        scores = self.unknown
        if z is not None:
            with np.errstate(all="ignore"):
                scores = {name: of(z, loss) for name, of in self.scores.items()}
        metrics = {self.loss_name: loss}
        for name, score in self.names:
            metrics[name] = scores[score]
        return metrics


class AllMetrics:
    """The metrics of several parts of the data together."""

    def __init__(self, parts: Sequence[Metrics]):
        self.parts = parts

    def __call__(self, theta: Array) -> dict[str, float]:
        """Return the metrics of theta."""
        return {k: v for part in self.parts for k, v in part(theta).items()}


def best_validation(history: Curves, epoch: int) -> tuple[float, int | None]:
    """Return the best validation score of the epochs up to this one, and its epoch.

    Of equal scores, it is the first one with the lowest loss; NaN and None if all of
    them are NaN.
    """
    scores = history.values("validation_score", epoch)
    losses = history.values("validation_loss", epoch)
    numbered = enumerate(zip(scores, losses, strict=True), history.n_before + 1)
    ranked = [(score, -loss, -number) for number, (score, loss) in numbered]
    known = [ranks for ranks in ranked if not any(map(math.isnan, ranks))]
    if not known:
        return math.nan, None
    score, _, number = max(known)
    return score, -number


def scores_of(
    model: Any,
    data: TrainingSet,
    weighted: TrainingSet,
    network: Network,
    run: Run,
    *,
    decides: bool,
) -> dict[str, Score]:
    """Return the scores that the ``scoring`` parameter stands for, by name.

    Parameters
    ----------
    model : estimator
        Has the parameters, and the attributes that describe the targets.
    data, weighted : TrainingSet
        The rows, with sample weights for scorers, and with class weights, too, for the
        estimator's own score.
    network, run
        The network, and the run that is trained.
    decides : bool
        Whether the first score decides early stopping, and so must be finite.
    """
    scorers = scorers_of(model.scoring)
    first, scored = next(iter(scorers)), None
    if not all(scorer is None or _is_loss(scorer) for scorer in scorers.values()):
        scored = Scored.by_network(model, data, network, run)
    scores: dict[str, Score] = {}
    for name, scorer in scorers.items():
        if scorer is None:
            Y = weighted.select(weighted.Y)
            scores[name] = model._default_score(Y, weighted.weights)
        elif _is_loss(scorer):
            scores[name] = negative_loss
        elif scored:
            scores[name] = ScorerScore(scorer, scored, decides and name == first)
    return scores


def negative_loss(z: Array, loss: float) -> float:
    """Return the score that ``scoring="loss"`` stands for."""
    return -loss


@dataclass(eq=False)
class Scored:
    """The arguments of scorers.

    Attributes
    ----------
    model : estimator
        An estimator with the fitted attributes and the weights in training. It gets
        its raw outputs for the rows, so that they are computed only once.
    X, y, w : arrays
        The rows, their targets in the form of y, and sample weights or None, for
        scorers that take sample weights.
    """

    model: Any
    X: Any
    y: Any
    w: Array | None

    @classmethod
    def by_network(
        cls, model: Any, data: TrainingSet, network: Network, run: Run
    ) -> Scored:
        """Return the arguments for rows, a network and a run in training."""
        model = model_in_training(model, network, run, run.theta)
        # The rows are arrays, without feature names. Names were checked before.
        vars(model).pop("feature_names_in_", None)
        X, y = _read_only(data.select(data.X)), model._decode(data.select(data.Y))
        return cls(model, X, y, data.weights)


def model_in_training(model: Any, network: Network, run: Run, theta: Array) -> Any:
    """Return a copy of an estimator in training that predicts by the weights theta."""
    model = copy(model)
    vars(model).update(network_attributes(network, run))
    vars(model)[IN_TRAINING] = Weights(network, _read_only(theta))
    return model


def _read_only(values: Any) -> Any:
    """Return a view of an array that scorers cannot change; sparse rows as they are."""
    if isinstance(values, np.ndarray):
        values = values.view()
        values.flags.writeable = False
    return values


class ScorerScore:
    """The score that a scikit-learn scorer gives to the current weights.

    Parameters
    ----------
    scoring : str or callable
        As for `sklearn.metrics.check_scoring`.
    scored : Scored
        The arguments of the scorer.
    must_be_finite : bool
        Whether to refuse a score of NaN or infinity.
    """

    def __init__(self, scoring: Any, scored: Scored, must_be_finite: bool):
        self.scoring, self.scored = scoring, scored
        self.must_be_finite = must_be_finite
        self.scorer = check_scoring(scored.model, scoring)
        takes_weights = scored.w is not None and _takes_weights(self.scorer)
        self.extra = {"sample_weight": scored.w} if takes_weights else {}

    def __call__(self, z: Array, loss: float) -> float:
        model, X = self.scored.model, self.scored.X
        model._known_outputs = X, z
        try:
            score = self.scorer(model, X, self.scored.y, **self.extra)
        except Exception as error:
            error.add_note(
                f"It comes from the scorer {self.scoring!r} of the 'scoring' parameter."
                " If the rows to score are too few, or lack a class, hold out more of"
                " them, or choose another score."
            )
            raise
        if not isinstance(score, Real):
            raise TypeError(
                "A scorer of the 'scoring' parameter must return one number."
                f" {self.scoring!r} returned {score!r}."
                f"{_ADVICE_DICT if isinstance(score, dict) else ''}"
            )
        if self.must_be_finite and not math.isfinite(score):
            raise ValueError(
                "The scorer that decides early stopping must return a finite number."
                f" {self.scoring!r} returned {score!r}. There may be too few validation"
                " rows: increase validation_fraction, or choose another score."
            )
        return float(score)


def _takes_weights(scorer: Callable) -> bool:
    """Tell whether a scorer takes sample weights.

    Every scorer of `sklearn.metrics.make_scorer` has the argument, but not every
    metric.
    """
    return "sample_weight" in signature(metric_of(scorer)).parameters
