"""Learning rates: the rate and the momentum of each update, as a schedule sets them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from copy import copy
from numbers import Real
from typing import Any

import numpy as np

from .._types import Array
from ..optimizers import Optimizer
from ..schedules import Clock, Constant, Schedule
from ..schedules.losses import Losses, Rule
from .minibatches import Minibatches
from .run import Run


class Rates:
    """The learning rate and the momentum of each update of the coming epochs.

    Parameters
    ----------
    schedule : Schedule
        Takes the clock of an update, and returns the factor on the initial rate.
    learning_rate : float
        The initial rate.
    planned_epochs : float
        The epoch, over all calls, at which the plan of the schedule ends.
    optimizer : Optimizer
        The solver; it is not changed.
    run : Run
        Has the number of updates and the losses so far.
    batches : Minibatches
        Has the number of updates per epoch.

    Attributes
    ----------
    last : float
        The rate of the last update, NaN before the first.
    momenta : Momenta or None
        The momentum of each update, if the schedule moves it.
    known_ahead : bool
        Whether the rates of several epochs can be computed before the first of them.
    """

    def __init__(
        self,
        schedule: Schedule,
        learning_rate: float,
        planned_epochs: float,
        optimizer: Optimizer,
        run: Run,
        batches: Minibatches,
    ):
        self.schedule, self.learning_rate = schedule, float(learning_rate)
        self.planned_epochs, self.run, self.batches = planned_epochs, run, batches
        self.last = math.nan
        self.momenta: Momenta | None = None
        if optimizer.momentum_name and schedule.moves_momentum:
            self.momenta = Momenta(optimizer)
        self.known_ahead = not schedule.reads_losses
        self._constant: Array | None = None
        if type(schedule) is Constant:
            self._constant = np.empty((0, batches.n_updates))

    def of_epochs(self, n_epochs: int = 1) -> Array:
        """Return the rates of the next epochs, of shape (n_epochs, n_updates).

        If the schedule moves the momentum, `momenta` has that of each update.
        """
        shape = n_epochs, self.batches.n_updates
        if self._constant is not None:  # clocks would take longer than a small epoch
            if len(self._constant) < n_epochs:
                self._constant = np.empty(shape)
                self._constant[:] = self.learning_rate
            self.last = self.learning_rate
            return self._constant[:n_epochs]
        once_per_epoch = self.schedule.constant_within_epoch
        clocks = self._clocks(n_epochs, shape[1] if once_per_epoch else 1)
        factors = [factor_of(self.schedule, clock) for clock in clocks]
        rates = np.empty(shape)
        rates[:] = self.learning_rate * np.reshape(factors, (n_epochs, -1))
        if self.momenta:
            values = [self.momenta.of(self.schedule, clock) for clock in clocks]
            self.momenta.values = np.empty(shape)
            self.momenta.values[:] = np.reshape(values, (n_epochs, -1))
        self.last = float(rates[-1, -1])
        return rates

    def _clocks(self, n_epochs: int, updates_per_clock: int) -> list[Clock]:
        run, n_updates = self.run, self.batches.n_updates
        n_rows = len(self.batches.data)
        losses: tuple[Sequence[float], Sequence[float]] = (), ()
        if self.schedule.reads_losses:
            losses = run.losses_to_read("loss"), run.losses_to_read("validation_loss")
        seen = run.stopping.n_plateaus, self.planned_epochs, *losses
        return [
            Clock(
                run.update + epoch * n_updates + step, run.epoch + epoch, n_updates,
                step, run.samples + epoch * n_rows, *seen,
            )
            for epoch in range(n_epochs)
            for step in range(0, n_updates, updates_per_clock)
        ]  # fmt: skip


def factor_of(schedule: Schedule, clock: Clock) -> float:
    """Return the factor of a schedule on the initial rate.

    Raises
    ------
    ValueError
        If it is not finite, or negative.
    """
    given = schedule(clock)
    factor = _number(given)
    if not 0 <= factor < math.inf:
        raise ValueError(
            f"A schedule must return a finite factor that is not negative."
            f" {schedule!r} returned {given!r} at {clock}."
        )
    return factor


class Momenta:
    """The momentum of each update of the coming epochs, as a schedule moves it.

    Parameters
    ----------
    optimizer : Optimizer
        A solver with momentum; it is not changed.

    Attributes
    ----------
    optimizer : Optimizer
        The copy that `apply` gives a momentum.
    values : array of shape (n_epochs, n_updates)
        The momenta of the epochs of the last call of `Rates.of_epochs`.
    """

    def __init__(self, optimizer: Optimizer):
        self.optimizer, self.name = copy(optimizer), str(optimizer.momentum_name)
        self.default = getattr(optimizer, self.name)
        self.values = np.empty((0, 0))

    def of(self, schedule: Schedule, clock: Clock) -> float:
        """Return the momentum of the update at this clock.

        Raises
        ------
        ValueError
            If it is neither None, for the solver's own, nor a number in [0, 1).
        """
        given = schedule.momentum(clock)
        if given is None:
            return self.default
        momentum = _number(given)
        if not 0 <= momentum < 1:
            raise ValueError(
                "The momentum of a schedule must be None or a number in [0, 1)."
                f" {schedule!r} returned {given!r} at {clock}."
            )
        return momentum

    def apply(self, momentum: float) -> None:
        """Give the solver the momentum of an update."""
        setattr(self.optimizer, self.name, float(momentum))


def _number(value: Any) -> float:
    """Return a number or a zero-dimensional array as a float; NaN for others."""
    if type(value) is float:
        return value
    is_scalar = hasattr(value, "dtype") and np.ndim(value) == 0
    return float(value) if isinstance(value, Real) or is_scalar else math.nan


class Replay(Schedule):
    """A schedule with the plateaus and validation losses of an earlier training.

    A training on all rows, which has no validation, repeats the learning rates of the
    training with validation before it.

    Parameters
    ----------
    schedule : Schedule
        The schedule of both trainings.
    plateaus : sequence of int
        Numbers of the epochs at whose end the earlier training passed a plateau.
    validation_losses : list of float
        The validation loss of each of its epochs.
    """

    def __init__(
        self,
        schedule: Schedule,
        plateaus: Sequence[int],
        validation_losses: list[float],
    ):
        self.schedule, self.plateaus = schedule, plateaus
        self.validation_losses = validation_losses
        self._results: dict[Rule, tuple[int, Any]] = {}

    def _clock(self, clock: Clock) -> Clock:
        seen = slice(clock.epoch)
        return clock._replace(
            plateaus=bisect_right(self.plateaus, clock.epoch),
            validation_losses=Losses(
                self.validation_losses, seen, results=self._results
            ),
        )

    def __call__(self, clock):
        return self.schedule(self._clock(clock))

    def momentum(self, clock):
        return self.schedule.momentum(self._clock(clock))

    @property
    def moves_momentum(self):
        return self.schedule.moves_momentum

    @property
    def reads_losses(self):
        return self.schedule.reads_losses

    @property
    def constant_within_epoch(self):
        return self.schedule.constant_within_epoch

    def ends_as_planned(self, epochs):
        return self.schedule.ends_as_planned(epochs)

    def __repr__(self) -> str:
        return repr(self.schedule)
