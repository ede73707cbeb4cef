"""How a training comes along and ends: its best epoch, and the reason it ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .._types import Array
from .run import Run


class Diverged(ArithmeticError):
    """A loss, a parameter or a score is no longer finite."""


@dataclass
class Outcome:
    """How a training ended.

    Attributes
    ----------
    reason : str
        "converged" (the training loss stopped improving), "early_stopping" (the
        validation score did), "callback" (a watcher said so), "max_iter", "diverged"
        or "interrupted"; of an L-BFGS also "max_fun" and "line_search". The estimators
        add "partial_fit", and "failed" for an error in a solver, schedule or watcher.
    best : float
        The highest merit: validation score, or negative training loss.
    kept_epoch : int
        Number of the epoch (from 1, over all calls) whose weights the run ends with.
    rate : float
        The last rate that was used; nan where there are no rates.
    plateaus : list of int
        Numbers of the epochs at whose end training passed a plateau.
    """

    reason: str = "max_iter"
    best: float = -math.inf
    kept_epoch: int = 0
    rate: float = math.nan
    plateaus: list[int] = field(default_factory=list)


class Best:
    """The weights to keep: those at the end of the epoch with the highest merit.

    A training loss is measured before the updates that end its epoch. So where the
    loss was the merit and training then diverged, the best epoch may have ended with
    the first weights that are bad, and `judge` looks at the alternatives.

    Attributes
    ----------
    theta : array of shape (P,)
        The weights.
    epoch : int
        The number of epochs after which they were reached, over all calls.
    """

    def __init__(self, run: Run):
        self.theta = self.before = run.theta.copy()
        self.epoch = run.epoch
        self.given = self.theta, self.epoch

    @property
    def held(self) -> tuple[Array, ...]:
        """The arrays that must stay as they are."""
        return self.theta, self.before, self.given[0]

    def take(self, theta: Array, epoch: int, before: Array) -> None:
        """Take an epoch's weights and those of the epoch before, without a copy."""
        self.theta, self.epoch, self.before = theta, epoch, before

    def judge(self, objective: Callable[[Array], float]) -> None:
        """Choose by the objective itself, which is the merit that counts.

        The choice is among the weights now held, those an epoch earlier and those
        that the call was given; untrained weights (epoch 0) are the last resort.
        """
        reached = [(self.before, self.epoch - 1), (self.theta, self.epoch)]
        lowest = math.inf
        self.theta, self.epoch = self.given
        for theta, epoch in [self.given, *reached]:
            cost = objective(theta) if epoch > 0 else math.inf
            if cost < lowest:
                lowest, self.theta, self.epoch = cost, theta, epoch
