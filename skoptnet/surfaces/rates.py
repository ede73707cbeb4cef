"""Best learning rate of a solver on a surface, from a grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._types import Array
from ..optimizers import Optimizer
from .base import Surface
from .paths import Path, descend
from .textbook import as_surface

#: The grid of learning rates: 1, 2, 5 in each power of ten, from 0.0001 to 500.
RATES = tuple(
    float(f"{digit}e{power}") for power in range(-4, 3) for digit in (1, 2, 5)
)
# Longest update of a path that follows the surface, in diagonals of the plot.
_LEAP = 0.25
# Share of the initial height below which further descent counts little.
_NEAR = 0.001


def best_learning_rate(
    surface: Surface | str | Callable[[Any, Any], Any],
    solver: str | Optimizer = "gd",
    *,
    rates: Sequence[float] = RATES,
    lr_schedule: Any = "constant",
    n_updates: int = 100,
    updates_per_epoch: int = 1,
    start: Sequence[float] | None = None,
    random_state: Any = None,
) -> float:
    """Return the learning rate of a grid that takes a solver down a surface fastest.

    It has the lowest mean, over the start and all updates, of log(h + 0.001), where h
    is the height above the lowest point as a share of the height at the start. The
    lowest point is that of the surface's minima and of all paths tried. Rates whose
    path diverges are left out. If the surface has limits, so are those whose path
    leaves the plot, or leaps: makes an update longer than a quarter of the plot's
    diagonal, and so does not follow the surface.

    Parameters
    ----------
    surface : Surface, str or callable
        As for `descend`.
    solver : str or Optimizer, default="gd"
        As for `descend`.
    rates : sequence of float > 0
        The grid; by default 1, 2, 5, 10, ... times 0.0001, up to 500.
    lr_schedule, n_updates, updates_per_epoch, start : any
        As for `descend`.
    random_state : int, RandomState instance or None, default=None
        Source of the surface's noise, if it has any. All rates get the same noise; a
        RandomState instance is not changed.

    Returns
    -------
    float
        The best rate. If all paths leave the plot or leap, the best of them; if all
        diverge, the lowest rate of the grid.

    Examples
    --------
    >>> from skoptnet.surfaces import best_learning_rate
    >>> {s: best_learning_rate("rosenbrock", s) for s in ("sgd", "momentum", "adam")}
    {'sgd': 0.002, 'momentum': 0.002, 'adam': 0.5}
    """
    surface, grid = as_surface(surface, "best_learning_rate"), _as_rates(rates)
    rng = check_random_state(random_state)
    paths = {
        rate: descend(
            surface,
            solver,
            learning_rate=rate,
            lr_schedule=lr_schedule,
            n_updates=n_updates,
            updates_per_epoch=updates_per_epoch,
            start=start,
            random_state=deepcopy(rng),
        )
        for rate in grid
    }
    whole = {rate: path for rate, path in paths.items() if not path.diverged}
    if not whole:
        return min(paths)
    lowest = min(float(path.values.min()) for path in whole.values())
    if not math.isnan(surface.lowest):
        lowest = min(lowest, surface.lowest)
    follow = {rate: path for rate, path in whole.items() if _follows(path, surface)}
    among = follow or whole
    return min(among, key=lambda rate: _mean_log_height(among[rate].values, lowest))


def _as_rates(given: Any) -> list[float]:
    """Return a grid of rates, or raise an error."""
    try:
        rates = np.array(given, dtype=float)
    except (TypeError, ValueError):
        rates = np.empty(0)
    if (
        rates.ndim != 1
        or not rates.size
        or not (np.isfinite(rates) & (rates > 0)).all()
    ):
        raise ValueError(
            "The 'rates' parameter of best_learning_rate must have at least one number,"
            f" and only finite numbers above 0. Got {given!r} instead."
        )
    return rates.tolist()


def _follows(path: Path, surface: Surface) -> bool:
    """Return whether a path stays in the plot, and no update leaps across it."""
    if surface.limits is None or not len(path):
        return True
    low, high = np.transpose(surface.limits)
    updates = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    leaps = updates.max() > _LEAP * np.linalg.norm(high - low)
    inside = ((low <= path.points) & (path.points <= high)).all()
    return bool(inside and not leaps)


def _mean_log_height(values: Array, lowest: float) -> float:
    """Return the mean of log(h + 0.001), h the share of the start's height."""
    shares = (values - lowest) / ((values[0] - lowest) or 1.0)
    return float(np.log(shares + _NEAR).mean())
