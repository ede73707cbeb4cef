"""Base class of the schedules, and the clock that they read."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from .._params import Function, Part


class Clock(NamedTuple):
    """Progress of the training before an update.

    Parameters
    ----------
    update : int
        Number t of updates made before this one.
    epoch : int
        Number e of epochs finished before this one.
    updates_per_epoch : int
        Number of updates in the current epoch.
    step : int
        Number of updates made in the current epoch before this one.
    samples : int
        Number of samples seen in the epochs finished before this update, repetitions
        included.
    plateaus : int
        Number of plateaus passed: how often ``n_iter_no_change`` epochs in a row
        brought no improvement of ``tol`` and training continued.
    planned_epochs : float
        Number of epochs, over all calls, at which the planned run ends: the epochs
        finished when `fit` was called plus ``max_iter``; for `partial_fit`,
        ``max_iter``. Infinite without a plan.
    losses : sequence of float
        The training loss of each finished epoch, over all calls; do not change it. Of
        earlier calls it has the last 10 000 epochs, as ``history_`` does. Empty for a
        schedule whose ``reads_losses`` is False.
    validation_losses : sequence of float
        The validation loss of the same epochs, NaN for an epoch without one; empty if
        no epoch had one. Do not change it.

    Examples
    --------
    >>> from skoptnet.schedules import Clock
    >>> clock = Clock(update=25, epoch=2, updates_per_epoch=10, step=5)
    >>> clock.epochs
    2.5
    >>> clock._replace(planned_epochs=10).share()
    0.25
    """

    update: int
    epoch: int
    updates_per_epoch: int
    step: int
    samples: int = 0
    plateaus: int = 0
    planned_epochs: float = math.inf
    losses: Sequence[float] = ()
    validation_losses: Sequence[float] = ()

    @property
    def epochs(self) -> float:
        """Epochs trained so far, including the finished part of the current one.

        This is ``update / updates_per_epoch`` if all epochs have the same number of
        updates, and is also defined if they differ (``partial_fit`` on chunks of
        different size).
        """
        return self.epoch + self.step / self.updates_per_epoch

    @property
    def epochs_after(self) -> float:
        """Epochs trained after this update."""
        return self.epoch + (self.step + 1) / self.updates_per_epoch

    def share(self, epochs: float | None = None) -> float:
        """Return the completed share of the planned run, at most 1.

        Parameters
        ----------
        epochs : float, optional
            The number of epochs, over all calls, at which the run ends, in place of
            ``planned_epochs``.
        """
        return min(self.epochs / (epochs or self.planned_epochs), 1.0)

    def __repr__(self) -> str:
        """Return the numbers, without the losses, which may be many."""
        shown = zip(self._fields[:-2], self[:-2], strict=True)
        return f"Clock({', '.join(f'{name}={value!r}' for name, value in shown)})"


class Schedule(Part, ABC):
    """Base class of the schedules; subclass it to write your own.

    Without parameters and other methods, a function of the clock is enough:
    ``lr_schedule=lambda clock: 1 / (1 + clock.epoch)``.
    `skoptnet.testing.check_schedule` checks either.

    Examples
    --------
    Decay with the square root of the epochs:

    >>> from skoptnet import MLPClassifierX, Schedule
    >>> class RootDecay(Schedule):
    ...     def __call__(self, clock):
    ...         return 1 / (1 + clock.epoch) ** 0.5
    >>> MLPClassifierX(solver="sgd", lr_schedule=RootDecay())
    MLPClassifierX(lr_schedule=RootDecay(), solver='sgd')
    """

    parameter_of = "lr_schedule"

    @abstractmethod
    def __call__(self, clock: Clock) -> float:
        """Return the factor on the initial rate for the update at ``clock``.

        Parameters
        ----------
        clock : Clock
            Progress of the training.

        Returns
        -------
        float
            The factor, finite and not negative.
        """

    def momentum(self, clock: Clock) -> float | None:
        """Return the momentum for the update at ``clock``: by default the solver's own.

        A schedule may change ``momentum`` of the solvers that have one, and ``beta_1``
        of Adam: the hyperparameter that `Optimizer.momentum_name` names. Other solvers
        ignore it. If it changes, the schedule is called for every update.

        Parameters
        ----------
        clock : Clock
            Progress of the training.

        Returns
        -------
        float or None
            The momentum, in [0, 1); None for the solver's own.
        """
        return None

    def ends_at_plateau(self, rate: float) -> bool:
        """Return whether training ends at a plateau; by default it does.

        Otherwise training continues, and ``plateaus`` of the clock goes up by one.

        Parameters
        ----------
        rate : float
            The last rate before the plateau was reached.

        Returns
        -------
        bool
            Whether ``n_iter_no_change`` epochs without an improvement end the training.
        """
        return True

    @property
    def reads_losses(self) -> bool:
        """Whether the factor depends on the losses of the clock; by default, it may.

        If it does not, the rates of several epochs are computed ahead.
        """
        return True

    @property
    def constant_within_epoch(self) -> bool:
        """Whether all updates of an epoch have the same factor; by default False.

        If they have, and the same momentum, the schedule is called once per epoch.
        """
        return False

    @property
    def needs_validation(self) -> bool:
        """Whether the schedule reads `validation_losses`; by default False.

        If it does, the estimators need ``early_stopping=True``, or ``X_val`` in `fit`.
        """
        return False

    def ends_as_planned(self, epochs: int) -> bool:
        """Return whether a planned decay is complete; by default False.

        If it is, `fit` does not warn that ``max_iter`` was reached.

        Parameters
        ----------
        epochs : int
            Finished epochs, over all calls.

        Returns
        -------
        bool
            Whether the decay is complete.
        """
        return False

    @property
    def moves_momentum(self) -> bool:
        """Whether the schedule has a `momentum` of its own."""
        return type(self).momentum is not Schedule.momentum

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Reset inherited promises in a subclass that overrides methods.

        `reads_losses` and `constant_within_epoch` are promises of a class about its
        methods. A subclass with a method of its own has to make them again.
        """
        super().__init_subclass__(**kwargs)
        for promise in ("reads_losses", "constant_within_epoch"):
            made_by = next(base for base in cls.__mro__ if promise in vars(base))
            later = [base for base in cls.__mro__ if base not in made_by.__mro__]
            if any(_is_method(*item) for base in later for item in vars(base).items()):
                setattr(cls, promise, vars(Schedule)[promise])


def _is_method(name: str, value: Any) -> bool:
    """Whether ``__call__`` may use an attribute of a class."""
    named = name == "__call__" or not name.startswith("__")
    return named and (callable(value) or isinstance(value, (property, classmethod)))


class FunctionSchedule(Schedule):
    """A function of the clock as a schedule: ``lr_schedule=function``.

    Parameters
    ----------
    function : callable
        Takes a `Clock` and returns the factor on the initial rate, finite and not
        negative.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, FunctionSchedule
    >>> schedule = FunctionSchedule(lambda clock: 1 / (1 + clock.epoch))
    >>> schedule(Clock(update=30, epoch=3, updates_per_epoch=10, step=0))
    0.25
    """

    _parameter_constraints: ClassVar[dict] = {"function": [Function()]}

    def __init__(self, function: Callable[[Clock], float]):
        self.function = function

    def __call__(self, clock):
        return self.function(clock)


def as_schedule(given: Any) -> Any:
    """Wrap a function as a `Schedule`; return anything else unchanged."""
    if callable(given) and not isinstance(given, Schedule):
        return FunctionSchedule(given)
    return given
