"""`descend`: run a solver on a surface and return its path as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._params import COUNT, POSITIVE, Function, StrOptions, check_argument
from .._types import Array
from ..optimizers import OPTIMIZERS, Optimizer
from ..optimizers.update import Update
from ..schedules import SCHEDULES, Clock, Schedule, as_schedule
from ..training import Momenta, Stopping, factor_of
from .base import Surface, as_point
from .textbook import as_surface

# A path diverges at this distance from the centre of the plot, in its diagonals.
_FAR = 100
# Without limits of a plot: at this distance, in distances of the start from zero.
_VERY_FAR = 1e8


@dataclass(frozen=True)
class Path:
    """The path of a solver on a surface, as numbers.

    Attributes
    ----------
    points : array of shape (n + 1, 2)
        x and y at the start and after each of the n updates.
    values : array of shape (n + 1,)
        The heights there.
    rates : array of shape (n,)
        The rate of each update.
    gradients : array of shape (n, 2)
        The gradient of each update, with noise, at the point where the solver
        evaluates it.
    diverged : bool
        Whether the path ended early because it went very far away or was not finite. It
        ends with the last finite point.
    """

    points: Array
    values: Array
    rates: Array
    gradients: Array
    diverged: bool

    def __len__(self) -> int:
        """Return the number of updates."""
        return len(self.rates)


_CONSTRAINTS: dict[str, list] = {
    "solver": [StrOptions(set(OPTIMIZERS)), Optimizer],
    "learning_rate": [
        StrOptions({"auto"}),
        *POSITIVE,
    ],
    "lr_schedule": [StrOptions(set(SCHEDULES)), Schedule, Function()],
    "n_updates": COUNT,
    "updates_per_epoch": COUNT,
    "random_state": ["random_state"],
}


def descend(
    surface: Surface | str | Callable[[Any, Any], Any],
    solver: str | Optimizer = "gd",
    *,
    learning_rate: float | str = "auto",
    lr_schedule: Any = "constant",
    n_updates: int = 100,
    updates_per_epoch: int = 1,
    start: Sequence[float] | None = None,
    random_state: Any = None,
) -> Path:
    """Run a solver on a surface and return its path.

    Parameters
    ----------
    surface : Surface, str or callable
        The surface, a name in `SURFACES`, or a function of x and y.
    solver : str or Optimizer, default="gd"
        As ``solver`` of the estimators, except ``"lbfgs"``, which is not an Optimizer.
        x and y count as weights, not as biases.
    learning_rate : float > 0 or "auto", default="auto"
        The initial rate; "auto" is the solver's default for regression, which is chosen
        for networks and may be small here.
    lr_schedule : str, Schedule or callable, default="constant"
        As ``lr_schedule`` of the estimators. The plan of a schedule ends with the last
        update, an update counts as one sample, a plateau is 10 epochs without an
        improvement of 1e-4, and the loss of an epoch is the mean of the heights before
        its updates.
    n_updates : int > 0, default=100
        Number of updates.
    updates_per_epoch : int > 0, default=1
        Number of updates in an epoch, for the schedule.
    start : pair of float, optional
        Start of the path; by default, that of the surface.
    random_state : int, RandomState instance or None, default=None
        The source of the noise, if the surface has any.

    Returns
    -------
    Path
        Points, heights, rates and gradients.

    Raises
    ------
    ValueError
        If a parameter cannot be used, or the surface is not finite at the start.

    Examples
    --------
    >>> from skoptnet.surfaces import descend
    >>> path = descend("rosenbrock", "adam", learning_rate=0.1, n_updates=1500)
    >>> path.points[-1].round(2), path.diverged
    (array([1., 1.]), False)
    >>> descend("rosenbrock", "gd", learning_rate=0.1).diverged
    True
    """
    given = {
        "solver": solver,
        "learning_rate": learning_rate,
        "lr_schedule": lr_schedule,
        "n_updates": n_updates,
        "updates_per_epoch": updates_per_epoch,
        "random_state": random_state,
    }
    for name, value in given.items():
        check_argument("descend", name, value, _CONSTRAINTS[name])
    surface = as_surface(surface, "descend")
    first = surface.start if start is None else as_point("descend", "start", start)
    optimizer = OPTIMIZERS[solver]() if isinstance(solver, str) else copy(solver)
    optimizer.check()
    rate = optimizer.auto_rate(regression=True)
    if not isinstance(learning_rate, str):
        rate = float(learning_rate)
    descent = _Descent(surface, optimizer, first, check_random_state(random_state))
    rates = _Rates(lr_schedule, n_updates, updates_per_epoch, descent)
    with np.errstate(all="ignore"):
        while len(descent.rates) < n_updates and not descent.diverged:
            descent.update(rate * rates.next_factor())
    return descent.path()


class _Descent:
    """A path in progress, extended update by update.

    Parameters
    ----------
    surface : Surface
        The surface.
    optimizer : Optimizer
        The solver; a schedule may change its momentum.
    start : array of shape (2,)
        The first point.
    rng : RandomState
        The source of noise.
    """

    def __init__(
        self,
        surface: Surface,
        optimizer: Optimizer,
        start: Array,
        rng: np.random.RandomState,
    ):
        self.surface, self.optimizer, self.rng = surface, optimizer, rng
        self.theta, self.g = start.copy(), np.empty(2)
        state = optimizer.start(self.theta, np)
        self.solver = Update(optimizer, self.theta, self.g, state, np)
        self.points, self.values = [start], [float(surface(*start))]
        self.rates: list[float] = []
        self.gradients: list[Array] = []
        self.diverged = False
        if not math.isfinite(self.values[0]):
            raise ValueError(
                f"The surface {surface.name!r} is not finite at the start,"
                f" {tuple(start.tolist())}: it is {self.values[0]}. Choose another"
                " 'start'."
            )
        self.centre, self.reach = start, _VERY_FAR * max(1.0, float(abs(start).max()))
        if surface.limits is not None:
            corners = np.array(surface.limits)
            self.centre = corners.mean(axis=1)
            self.reach = _FAR * float(np.linalg.norm(np.ptp(corners, axis=1)))

    def update(self, rate: float) -> None:
        """Make an update, and set ``diverged`` if it leads too far away."""
        self.g[...] = self.surface.gradient(*self.solver.gradient_point())
        if self.surface.noise:
            self.g += self.surface.noise * self.rng.standard_normal(2)
        gradient = self.g.copy()  # the solver may overwrite it
        self.solver.step(rate)
        self.solver.update_average()
        value = float(self.surface(*self.theta))
        away = float(np.linalg.norm(self.theta - self.centre))
        self.diverged = not (math.isfinite(value) and away <= self.reach)
        if math.isfinite(value) and np.isfinite(self.theta).all():
            self.points.append(self.theta.copy())
            self.values.append(value)
            self.rates.append(rate)
            self.gradients.append(gradient)

    def path(self) -> Path:
        """Return the path so far."""
        return Path(
            np.array(self.points),
            np.array(self.values),
            np.array(self.rates),
            np.array(self.gradients).reshape(-1, 2),
            self.diverged,
        )


class _Rates:
    """Rate and momentum of each update, from a schedule.

    Parameters
    ----------
    schedule : str, Schedule or callable
        The schedule.
    n_updates, updates_per_epoch : int
        See `descend`.
    descent : _Descent
        The path, whose heights are the losses.
    """

    def __init__(
        self, schedule: Any, n_updates: int, updates_per_epoch: int, descent: _Descent
    ):
        given = SCHEDULES[schedule]() if isinstance(schedule, str) else schedule
        self.schedule: Schedule = as_schedule(given)
        self.schedule.check()
        if self.schedule.needs_validation:
            raise ValueError(
                f"The 'lr_schedule' of descend, {schedule!r}, monitors a validation"
                " loss, which a surface does not have. Let it monitor the training"
                " loss, as Plateau(monitor='loss') does."
            )
        self.per_epoch, self.descent = updates_per_epoch, descent
        self.planned = n_updates / updates_per_epoch
        self.stopping = Stopping(tol=1e-4, patience=10)
        self.losses: list[float] = []
        self.momenta: Momenta | None = None
        solver = descent.optimizer
        if solver.momentum_name and self.schedule.moves_momentum:
            self.momenta = Momenta(solver)
            descent.solver.optimizer = self.momenta.optimizer

    def next_factor(self) -> float:
        """Return the factor on the initial rate; set the momentum."""
        t = len(self.descent.rates)
        epoch, step = divmod(t, self.per_epoch)
        if t and step == 0:
            self._end_epoch()
        clock = Clock(
            t, epoch, self.per_epoch, step, t,
            self.stopping.n_plateaus, self.planned, self.losses,
        )  # fmt: skip
        if self.momenta:
            self.momenta.apply(self.momenta.of(self.schedule, clock))
        return factor_of(self.schedule, clock)

    def _end_epoch(self) -> None:
        heights = self.descent.values[-self.per_epoch - 1 : -1]
        self.losses.append(float(np.mean(heights)))
        self.stopping.see(-self.losses[-1])
        ends = self.schedule.ends_at_plateau(self.descent.rates[-1])
        if self.stopping.at_plateau and not ends:
            self.stopping.pass_plateau(len(self.losses))
