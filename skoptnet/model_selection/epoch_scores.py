"""Scores of a network on held-out rows after every epoch of its training."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from traceback import format_exc
from typing import Any

import numpy as np

from .._sklearn import is_estimator_score, predicts_only, scorers_by_name
from .._types import Array
from ..compiled import outputs
from ..estimators.classifier import MLPClassifierX
from ..estimators.fitting import Fit
from ..estimators.regressor import MLPRegressorX
from ..estimators.validation import OwnData, Scored, model_in_training
from ..training import TrainingSet, Watcher
from .folds import Fold

#: The columns of `epoch_results_` before those of the scores, by trial.
COLUMNS = ("epoch", "learning_rate", "loss", "validation_loss")
# Names that scores cannot have, besides those that begin with "train_".
_TAKEN = ("candidate", "fold", *COLUMNS)
#: The classes whose own score is known; a subclass may have another.
_NETWORKS = (MLPClassifierX, MLPRegressorX)


@dataclass(frozen=True)
class Scoring:
    """How a search scores its candidates.

    Attributes
    ----------
    scorer : callable
        Takes an estimator, X, y and metadata; returns a number, or a dict of them.
    error_score : float or "raise"
        The score if a scorer fails.
    with_train : bool
        Whether to score the training rows, too.
    """

    scorer: Any
    error_score: Any
    with_train: bool

    def __post_init__(self) -> None:
        scorers = scorers_by_name(self.scorer)
        if isinstance(scorers, dict):
            _check_names(scorers)


class EpochScores(Watcher):
    """Records the metrics and scores of a training after each epoch.

    Training does not see them: schedules and early stopping use their own validation.

    Parameters
    ----------
    fit : Fit
        The training.
    fold : Fold
        Its rows.
    scoring : Scoring
        The scores.

    Attributes
    ----------
    curves : dict of lists
        With an entry per epoch: ``epoch``, ``learning_rate``, ``loss``,
        ``validation_loss`` (the loss of the held-out rows), and each score by the name
        that the scorer gives it, "score" for a single one; training scores begin with
        "train_".
    seconds : float
        The time that this took.
    """

    def __init__(self, fit: Fit, fold: Fold, scoring: Scoring):
        begun = time.perf_counter()
        self.theta = fit.run.theta
        rows = fold.X_test, fold.y_test, fold.w_test
        self.parts = [("", _Scores(fit, rows, fold.scored, fold, scoring))]
        if scoring.with_train:
            rows = fold.X, fold.y, fold.params.get("sample_weight")
            self.parts.append(
                ("train_", _Scores(fit, rows, fold.trained, fold, scoring))
            )
        self.rows: list[dict[str, Any]] = []
        self.seconds = time.perf_counter() - begun

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        begun = time.perf_counter()
        row = {
            "epoch": metrics["epoch"],
            "learning_rate": metrics.get("learning_rate", math.nan),
            "loss": metrics["loss"],
        }
        for part, scores_of in self.parts:
            loss, scores = scores_of(self.theta)
            if not part:
                row["validation_loss"] = loss
            row |= {f"{part}{name}": value for name, value in scores.items()}
        self.rows.append(row)  # at once: Ctrl-C leaves no part of an epoch
        self.seconds += time.perf_counter() - begun

    @property
    def curves(self) -> dict[str, list]:
        """See the attributes of the class."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [row.get(name, math.nan) for row in self.rows] for name in names}


class _Scores:
    """The loss and the scores of some rows at any weights.

    Predictions are computed once, for the loss and for scorers that read nothing else.
    Other scorers get the whole estimator and the rows as they are.
    """

    def __init__(
        self, fit: Fit, rows: tuple, scored: tuple, fold: Fold, scoring: Scoring
    ):
        self.network, self.scoring = fit.network, scoring
        X, y, w = rows
        self.raw_X, self.y, self.params = scored
        self.data: TrainingSet | None = None
        try:
            data = fit.read_held_out(OwnData(X, y, w), fit.run.theta.dtype)
            self.data = fit.weighted(data, "validation")
        except ValueError:  # perhaps a class that the training rows lack
            pass
        targets = fold.wrapping.transforms_targets
        scorer = scoring.scorer
        self.own = self.by_network = None
        if self.data and not targets and predicts_only(scorer):
            is_own = is_estimator_score(scorer) and type(fit.model) in _NETWORKS
            if is_own and not self.params:
                Y = self.data.select(self.data.Y)
                self.own = fit.model._default_score(Y, None)
            else:
                self.by_network = Scored.by_network(
                    fit.model, data, fit.network, fit.run
                )
        self.fit, self.wrapping = fit, fold.wrapping
        self.reads_attributes = not predicts_only(scorer)
        # The names of the scores; a function tells them only when it is called.
        self.names = () if self.reads_attributes else ("score",)
        self.has_failed = False
        self.predictor = model_in_training(fit.model, fit.network, fit.run)

    def __call__(self, theta: Any) -> tuple[float, dict[str, float]]:
        z, loss = None, math.nan
        if self.data:
            z, loss = self._outputs_and_loss(theta, self.data)
        if self.own:
            return loss, {"score": math.nan if z is None else self.own(z, loss)}
        return loss, self._scores(z)

    def _outputs_and_loss(self, theta: Array, data: TrainingSet) -> tuple[Any, float]:
        loss = self.network.loss
        z = outputs(self.network, theta, data.X, data.rows)
        with np.errstate(all="ignore"):
            if not loss.predicts(z, self.network.xp):
                return None, math.nan
            losses = loss.value(z, data.select(data.Y), self.network.xp)
            return z, float(np.average(losses.astype(np.float64), weights=data.weights))

    def _scores(self, z: Any) -> dict[str, float]:
        if self.by_network and z is not None:
            estimator, X = self.by_network.model, self.by_network.X
            estimator._known_outputs = X, z
        else:
            network = (
                self.fit.fitted_so_far() if self.reads_attributes else self.predictor
            )
            estimator, X = self.wrapping.holding(network), self.raw_X
        try:
            given = self.scoring.scorer(estimator, X, self.y, **self.params)
        except Exception:
            if self.scoring.error_score == "raise" or not self.names:
                raise
            given = dict.fromkeys(self.names, format_exc())
        scores = given if isinstance(given, dict) else {"score": given}
        _check_names(scores)
        self.names = tuple(scores)
        return {name: self._number(name, value) for name, value in scores.items()}

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, str):  # the traceback of a scorer that failed
            self._warn(value)
            return self.scoring.error_score
        if not isinstance(value, Real) and np.ndim(value) != 0:
            raise ValueError(
                "scoring must return a number, or a dict of numbers by name. Got"
                f" {value!r} for {name!r}."
            )
        return float(value)

    def _warn(self, error: str) -> None:
        """Warn, once per rung, of a scorer that failed."""
        if not self.has_failed:
            self.has_failed = True
            warnings.warn(
                "Scoring failed. The score of this epoch and, where it fails again, of"
                f" later ones is set to {self.scoring.error_score}. Details:\n{error}",
                UserWarning,
                stacklevel=2,
            )


def _check_names(names: Iterable[Any]) -> None:
    """Refuse names of scores that other columns of `epoch_results_` have."""
    for name in names:
        if name in _TAKEN or str(name).startswith("train_"):
            raise ValueError(
                f"scoring must not have a score of the name {name!r}: the names"
                f" {', '.join(_TAKEN)}, and those that begin with 'train_', are other"
                " columns of epoch_results_. Give the score another name."
            )
