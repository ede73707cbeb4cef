"""Stopping rule: patience, tolerance, ties and plateaus of a score or loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .._types import Array
from .plan import Plan


@dataclass
class Stopping:
    """Remembers the best score, and counts the epochs since the last improvement.

    Higher scores are better: validation scores, or negative losses. Between epochs of
    equal scores, the loss of the same rows decides. A score that counts hits is equal
    for many epochs, in which the network still learns.

    Attributes
    ----------
    tol : float
        An epoch is an improvement if its score exceeds the best score so far by at
        least this; or if its score equals the best one, and its loss is lower than that
        of the best epoch by at least this.
    patience : float
        Number of epochs in a row without an improvement that make a plateau.
    best : float
        The best score so far.
    best_loss : float
        The lowest loss of the epochs with this score; infinite if `see` gets no losses.
    n_no_improvement : int
        Number of epochs since the last improvement, or since the last plateau that was
        passed.
    plateaus : tuple of int
        Numbers of the epochs, over all calls, at whose end this call passed a plateau.
    n_plateaus_before : int
        Number of plateaus that earlier calls passed.
    strict : bool
        Whether an epoch that only equals the best one is no improvement, even with
        ``tol=0``.
    by_validation : bool
        Whether `ranks` takes the validation score and loss, or else the training loss.
    """

    tol: float = 0.0
    patience: float = math.inf
    best: float = -math.inf
    best_loss: float = math.inf
    n_no_improvement: int = 0
    plateaus: tuple[int, ...] = ()
    n_plateaus_before: int = 0
    strict: bool = False
    by_validation: bool = False

    def continued(
        self,
        plan: Plan,
        theta: Array,
        measure: Callable[[Array], dict[str, float]] | None = None,
    ) -> Stopping:
        """Return the rule for the next call of a training.

        With early stopping, a new call has to beat ``theta``, its first weights.
        """
        stopping = Stopping(
            plan.tol, plan.patience, n_plateaus_before=self.n_plateaus,
            by_validation=plan.early_stopping,
        )  # fmt: skip
        if not plan.new_call:
            stopping.best, stopping.best_loss = self.best, self.best_loss
            stopping.n_no_improvement = self.n_no_improvement
        elif plan.early_stopping and measure:
            stopping.best, stopping.best_loss = ranked(measure(theta))
        return stopping

    def ranks(self, metrics: dict[str, list]) -> tuple[list[float], list[float]]:
        """Return the scores and losses of epochs, for `see`, from their metrics."""
        if self.by_validation:
            return metrics["validation_score"], metrics["validation_loss"]
        return [-loss for loss in metrics["loss"]], metrics["loss"]

    def see(self, score: float, loss: float | None = None) -> bool:
        """Count an epoch by score and loss; return whether it is the best so far."""
        if score == self.best and loss is not None:
            is_best = loss < self.best_loss
            improved = loss <= self.best_loss - self.tol
        else:
            is_best, improved = score > self.best, score >= self.best + self.tol
        if improved and (is_best or not self.strict):
            self.n_no_improvement = 0
        else:
            self.n_no_improvement += 1
        if is_best:
            self.best = score
            self.best_loss = math.inf if loss is None else loss
        return is_best

    @property
    def at_plateau(self) -> bool:
        """Whether patience has run out."""
        return self.n_no_improvement >= self.patience

    @property
    def n_plateaus(self) -> int:
        """Number of plateaus passed so far, over all calls."""
        return self.n_plateaus_before + len(self.plateaus)

    @property
    def epochs_left(self) -> float:
        """The least number of epochs until patience can run out, at least 1."""
        return max(self.patience - self.n_no_improvement, 1)

    def pass_plateau(self, epoch: int) -> None:
        """Continue after the plateau at the end of an epoch: count from 0 again."""
        self.plateaus += (epoch,)
        self.n_no_improvement = 0


def ranked(metrics: dict[str, float]) -> tuple[float, float]:
    """Return the validation score and loss that rank an epoch, for `Stopping.see`."""
    return metrics["validation_score"], metrics["validation_loss"]
