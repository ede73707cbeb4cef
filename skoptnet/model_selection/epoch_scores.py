"""Scores of a network on held-out rows after every epoch of its training."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real
from traceback import format_exc
from typing import Any

import numpy as np

from .._sklearn import (
    is_estimator_score,
    predicts_only,
    reads_predictions,
    scorers_by_name,
)
from .._types import Array
from ..estimators.classifier import MLPClassifierX
from ..estimators.fitting import Fit
from ..estimators.regressor import MLPRegressorX
from ..estimators.validation import OwnData, Score, Scored, model_in_training
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
        "train_". A scorer that fails in all epochs gives none.
    seconds : float
        The time that this took.
    """

    def __init__(self, fit: Fit, fold: Fold, scoring: Scoring):
        begun = time.perf_counter()
        self.error_score = scoring.error_score
        rows = OwnData(fold.X_test, fold.y_test, fold.w_test)
        self.parts = [("", _Part(fit, rows, fold.scored, fold, scoring))]
        if scoring.with_train:
            rows = OwnData(fold.X, fold.y, fold.params.get("sample_weight"))
            self.parts.append(("train_", _Part(fit, rows, fold.trained, fold, scoring)))
        self.theta = fit.run.theta
        self.reads_only = all(part.reads_only for _, part in self.parts)
        self.rows: list[dict[str, Any]] = []
        self.seconds = time.perf_counter() - begun

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        self.read(self.theta, metrics)

    def read(self, theta: Array, metrics: dict[str, Any]) -> None:
        begun = time.perf_counter()
        row = {
            "epoch": metrics["epoch"],
            "learning_rate": metrics.get("learning_rate", math.nan),
            "loss": metrics["loss"],
        }
        for prefix, part in self.parts:
            loss, scores = part(theta)
            if not prefix:
                row["validation_loss"] = loss
            row |= {f"{prefix}{name}": value for name, value in scores.items()}
        self.rows.append(row)  # at once: Ctrl-C leaves no part of an epoch
        self.seconds += time.perf_counter() - begun

    @property
    def curves(self) -> dict[str, list]:
        """See the attributes of the class."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        missing = self.error_score
        return {name: [row.get(name, missing) for row in self.rows] for name in names}


class _Part:
    """The loss and the scores of some rows, as functions of the weights in training.

    Parameters
    ----------
    fit, fold, scoring
        As for `EpochScores`.
    rows : OwnData
        The rows as the network receives them, for the loss.
    scored : tuple of (X, y, score_params)
        The arguments of the scorer.

    Attributes
    ----------
    reads_only : bool
        Whether only the weights are needed, and no other attribute of the estimator.
    """

    def __init__(
        self, fit: Fit, rows: OwnData, scored: tuple, fold: Fold, scoring: Scoring
    ):
        self.outputs_and_loss, own = None, None
        data, weighted = _read(fit, rows)
        if weighted:
            self.outputs_and_loss = fit.outputs_and_loss(weighted)
            own = fit.model._default_score(weighted.select(weighted.Y), None)
        *_, params = scored
        scorer = scoring.scorer
        if fold.wrapping.transforms_targets or not predicts_only(scorer):
            data = None
        self.reads_only = reads_predictions(scorer)
        self.scores: Callable[[Array, Any, float], dict[str, float]]
        if data and own and not params and _is_own_score(scorer, fit.model):
            self.reads_only = True
            self.scores = _OwnScore(own)
        else:
            self.scores = _ScorerScores(fit, data, scored, fold, scoring)

    def __call__(self, theta: Array) -> tuple[float, dict[str, float]]:
        z, loss = None, math.nan
        if self.outputs_and_loss:
            z, loss = self.outputs_and_loss(theta)
        return loss, self.scores(theta, z, loss)


def _read(fit: Fit, rows: OwnData) -> tuple[Any, TrainingSet | None]:
    """Return rows as network and loss read them; None if they cannot."""
    try:
        data = fit.read_held_out(rows, fit.run.theta.dtype)
        return data, fit.weighted(data, "validation")
    except ValueError:  # perhaps a class that the training rows lack
        return None, None


def _is_own_score(scorer: Any, model: Any) -> bool:
    """Return whether a scorer calls a ``score`` that the package defines."""
    return is_estimator_score(scorer) and type(model) in _NETWORKS


class _OwnScore:
    """The score of the estimator, computed from raw outputs."""

    def __init__(self, score: Score):
        self.score = score

    def __call__(self, theta: Array, z: Any, loss: float) -> dict[str, float]:
        return {"score": math.nan if z is None else self.score(z, loss)}


class _ScorerScores:
    """The scores that a scorer returns.

    A scorer that reads only predictions gets an estimator that knows its raw outputs;
    they are computed once, for the loss and for the scores. Any other scorer gets the
    whole estimator and the rows as they are.

    Parameters
    ----------
    data : TrainingSet or None
        The rows as the network reads them, if the scorer can be given raw outputs.
    fit, scored, fold, scoring
        As for `_Part`.
    """

    def __init__(
        self, fit: Fit, data: Any, scored: tuple, fold: Fold, scoring: Scoring
    ):
        self.fit, self.wrapping, self.scoring = fit, fold.wrapping, scoring
        self.raw_X, self.y, self.params = scored
        self.by_network = None
        if data:
            self.by_network = Scored.by_network(fit.model, data, fit.network, fit.run)
        self.reads_attributes = not predicts_only(scoring.scorer)
        self.has_failed = False

    def __call__(self, theta: Array, z: Any, loss: float) -> dict[str, float]:
        try:
            estimator, X = self._subject(theta, z)
            given = self.scoring.scorer(estimator, X, self.y, **self.params)
        except Exception:
            if self.scoring.error_score == "raise":
                raise
            self._warn(format_exc())
            return {}
        scores = given if isinstance(given, dict) else {"score": given}
        _check_names(scores)
        return {name: self._number(name, value) for name, value in scores.items()}

    def _subject(self, theta: Array, z: Any) -> tuple[Any, Any]:
        """Return the estimator to score, and its rows."""
        if self.by_network and z is not None:
            estimator, X = self.by_network.model, self.by_network.X
            estimator._known_outputs = X, z
            return estimator, X
        fit = self.fit
        if self.reads_attributes:
            network = fit.fitted_so_far()
        else:
            network = model_in_training(fit.model, fit.network, fit.run, theta)
        return self.wrapping.holding(network), self.raw_X

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
