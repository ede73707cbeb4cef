"""Trainings that do not differ so far: candidates share them.

Parameters that a solver does not read make no difference. Neither do schedules, as long
as their learning rates are the same: step decay is a constant rate until its first
step.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import joblib
import numpy as np

from .._sklearn import has_callbacks
from ..estimators.base import MLP
from ..estimators.fitting import batch_size_of
from ..estimators.unused import without_effect
from ..optimizers import Optimizer
from ..schedules import Clock, Schedule
from ..training.rates import factor_of

#: Parameters that a schedule reads, and the schedule.
_OF_SCHEDULES = ("lr_schedule", "decay_rate", "decay_epochs", "power_t")


class Course:
    """The course that the training of a network takes in any fold.

    Networks of the same course have equal weights after every epoch. A network without
    a ``random_state``, or with callbacks, has a course of its own.

    Parameters
    ----------
    network : MLPClassifierX or MLPRegressorX
        The network, with the parameters of a candidate.
    around : str
        A key of the estimators around it, with their parameters.
    number : int
        The number of the candidate: the key of a course of its own.
    """

    def __init__(self, network: MLP, around: str, number: int):
        self.schedule: Schedule | None = None
        self.key: Any = number
        self.network, self.full_batch = network, False
        if network.random_state is None or has_callbacks(network):
            return
        try:
            parts, unread = network._check_parameters(), set(without_effect(network))
            params = network.get_params(deep=False)
            schedule, optimizer = parts.schedule, parts.optimizer
            known_ahead = not network.early_stopping and _is_known_ahead(schedule)
            if known_ahead and isinstance(optimizer, Optimizer):
                self.schedule, unread = schedule, {*unread, *_OF_SCHEDULES}
                self.full_batch = optimizer.full_batch
            read = {name: v for name, v in params.items() if name not in unread}
            self.key = joblib.hash((around, type(network).__name__, read))
        except Exception:  # invalid: its fit raises the error; or it cannot be pickled
            self.schedule, self.key = None, number

    def until(self, epoch: int, n_rows: int) -> Any:
        """Return a key of the training on some rows up to the end of an epoch."""
        if self.schedule is None:
            return self.key
        size = n_rows if self.full_batch else min(batch_size_of(self.network), n_rows)
        n_updates, plan = ceil(n_rows / size), float(self.network.max_iter)
        clocks = [
            Clock(e * n_updates, e, n_updates, 0, e * n_rows, planned_epochs=plan)
            for e in range(epoch)
        ]
        factors = np.array([factor_of(self.schedule, clock) for clock in clocks])
        return self.key, factors.tobytes()


def _is_known_ahead(schedule: Schedule) -> bool:
    """Return whether the rates of a schedule depend on the number of epochs only."""
    changes = schedule.reads_losses or schedule.moves_momentum
    return schedule.constant_within_epoch and not changes
