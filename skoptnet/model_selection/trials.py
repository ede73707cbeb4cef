"""Trials: the training of one candidate in one fold, which pauses at each rung."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exc
from typing import Any

from sklearn.base import clone

from .._sklearn import Evaluation, SearchData, fitted_attributes
from ..estimators.convergence_warnings import is_divergence, named
from ..estimators.fitting import Fit
from ..estimators.stages import Stage, can_resume, fit_stage
from .epoch_scores import EpochScores, Scoring
from .folds import Fold, fold_of
from .stored import Stored, stored


@dataclass
class Trial:
    """The training of one candidate in one fold.

    Attributes
    ----------
    candidate, fold : int
        Their numbers.
    network : MLPClassifierX or MLPRegressorX
        The network with the parameters of the candidate. It is not fitted: the trials
        of a candidate share it.
    state : dict, Stored or None
        The fitted attributes from which the next stage resumes.
    shares_state : bool
        Whether another trial has the same dict.
    curves : dict of lists
        See `EpochScores`.
    reason : str
        "" before the first rung; "paused" if it can go on; otherwise why training
        ended: the ``stop_reason_`` of the network, "past_best" or "failed".
    error : str
        The traceback of a fit that failed, or a sentence about one that diverged; else
        empty.
    kept_epoch : int
        The epoch whose weights early stopping keeps; 0 without early stopping.
    fit_time, score_time : float
        Seconds so far for training and for scores.
    """

    candidate: int
    fold: int
    network: Any
    state: Any = None
    shares_state: bool = False
    curves: dict[str, list] = field(default_factory=dict)
    reason: str = ""
    error: str = ""
    kept_epoch: int = 0
    fit_time: float = 0.0
    score_time: float = 0.0

    @property
    def n_epochs(self) -> int:
        """Number of epochs so far."""
        return len(self.curves.get("epoch", ()))

    @property
    def goes_on(self) -> bool:
        """Whether training has not ended."""
        return self.reason in ("", "paused")

    @property
    def is_promotable(self) -> bool:
        """Whether it has scores, and its training has not gone wrong."""
        wrong = ("failed", "diverged", "interrupted")
        return self.reason not in wrong and self.n_epochs > 0

    def take(self, other: Trial, error_score: Any) -> None:
        """Take over the results of a copy that was trained further elsewhere.

        ``error_score`` fills the curves of scores that one of the two lacks.
        """
        begun = other.curves["epoch"][0] - 1 if other.n_epochs else self.n_epochs
        self.add_curves(other.curves, error_score)
        other.add_curves(self.curves, error_score)
        own = {
            "candidate": self.candidate,
            "network": self.network,
            "shares_state": other.candidate != self.candidate,
            "curves": {n: v[:begun] + other.curves[n] for n, v in self.curves.items()},
        }
        vars(self).update(vars(other) | own)

    def add_curves(self, names: Iterable[str], error_score: Any) -> None:
        """Add curves that are missing since all calls of the scorer failed."""
        for name in names:
            if name not in self.curves:
                self.curves[name] = [error_score] * self.n_epochs

    def to_train(self) -> Trial:
        """Return a copy to train further, without the curves so far."""
        if self.shares_state and isinstance(self.state, dict):
            self.state, self.shares_state = deepcopy(self.state), False
        return Trial(**vars(self) | {"curves": {}})

    def resumed(self) -> Any:
        """Return a network to train further."""
        network, state = clone(self.network), self.state
        if isinstance(state, Stored):
            state = state.load()
        vars(network).update(state or {})
        return network

    def keep(self, network: Any, folder: Path | None) -> None:
        """Keep the state of a network that was trained up to the current epoch."""
        self.state = None
        if can_resume(network):
            name = f"{self.candidate}-{self.fold}-{network.n_iter_}"
            self.state = stored(fitted_attributes(network), folder and folder / name)


@dataclass(eq=False)
class Rows:
    """The rows of a fold as the network receives them, which many tasks share."""

    fold: Fold

    def of_fold(self, network: Any, number: int) -> Fold:
        """Return the rows of the fold."""
        return self.fold


@dataclass(eq=False)
class AllRows:
    """All rows, of which a task takes those of its fold: for a network by itself."""

    data: SearchData
    with_train: bool

    def of_fold(self, network: Any, number: int) -> Fold:
        """Return the rows of a fold."""
        return fold_of(self.data, network, self.data.splits[number], self.with_train)


def advance(
    rows: Rows | AllRows,
    trial: Trial,
    epoch: int,
    scoring: Scoring,
    evaluation: Evaluation | None = None,
    folder: Path | None = None,
) -> Trial:
    """Train a trial up to an epoch; return it with the curves of the new epochs.

    An error of the fit is kept in the trial; only Ctrl-C is passed on. The state is
    stored in the folder, if there is one.
    """
    begun, monitors = time.perf_counter(), []
    network = trial.resumed()

    def watch(fit: Fit) -> EpochScores:
        monitors.append(EpochScores(fit, fold, scoring))
        return monitors[0]

    try:
        fold = rows.of_fold(network, trial.fold)
        with evaluation.around(network) if evaluation else nullcontext():
            fit_stage(network, fold.X, fold.y, Stage(epoch), watch=watch, **fold.params)
        trial.reason = network.stop_reason_
        trial.keep(network, folder)
        if network.early_stopping:
            trial.kept_epoch = network.best_epoch_
        if network.stop_reason_ == "diverged":
            rate = network.learning_rate_
            trial.error = f"Training diverged, with {named(network, rate)}."
            if scoring.error_score == "raise":
                raise ValueError(trial.error)
    except Exception as error:
        if scoring.error_score == "raise":
            raise
        trial.reason = "diverged" if is_divergence(error) else "failed"
        trial.error = str(error) if trial.reason == "diverged" else format_exc()
    score_time = sum(monitor.seconds for monitor in monitors)
    trial.curves = monitors[0].curves if monitors else {}
    trial.score_time += score_time
    trial.fit_time += time.perf_counter() - begun - score_time
    return trial
