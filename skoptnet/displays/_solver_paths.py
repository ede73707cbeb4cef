"""Paths of solvers on a surface, and argument checks, for `OptimizerPathDisplay`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._params import POSITIVE, Interval, StrOptions, check_argument
from .._types import Array
from ..optimizers import OPTIMIZERS, Optimizer
from ..surfaces import (
    Limits,
    Surface,
    as_limits,
    as_surface,
    best_learning_rate,
    descend,
)

# Margin around paths where the surface has no limits, as a share of their extent.
_MARGIN = 0.15
# Least ratio of the shorter to the longer side of the plot.
_LEAST_SHARE = 0.1


def arguments(
    surface: Any,
    solvers: Any,
    learning_rates: Any,
    lr_schedule: Any,
    limits: Any,
    resolution: int,
    **settings: Any,
) -> dict[str, Any]:
    """Return the arguments of the display; ``settings`` are those of `descend`."""
    caller = "from_solvers"
    surface = as_surface(surface, caller)
    named = _labelled(solvers)
    rates = _rates(learning_rates, named, caller)
    schedules = of_each(lr_schedule, named, "lr_schedule", caller)
    check_count(resolution, "resolution", caller)
    limits = None if limits is None else as_limits(caller, limits)
    searched = _limited(surface, limits)
    paths, best = {}, {}
    for label, solver in named.items():
        how = {"lr_schedule": schedules.get(label, "constant"), **settings}
        rate = rates.get(label, "best")
        if isinstance(rate, str) and rate == "best":
            rate = best[label] = best_learning_rate(searched, solver, **how)
        paths[label] = descend(surface, solver, learning_rate=rate, **how)
    points = {label: path.points for label, path in paths.items()}
    if limits is None and surface.limits is None:
        limits = limits_of([*points.values(), surface.minima], _MARGIN)
    elif limits is None:
        limits = _including(surface.limits, next(iter(points.values()))[:1])
    x, y = (np.linspace(low, high, resolution) for low, high in limits)
    z = surface(x, y[:, None])
    lowest = surface.lowest
    if math.isnan(lowest):
        lowest = min((float(v) for v in z.ravel() if math.isfinite(v)), default=0.0)
    return {
        "x": x,
        "y": y,
        "z": z,
        "points": points,
        "values": {label: path.values for label, path in paths.items()},
        "rates": {label: path.rates for label, path in paths.items()},
        "best_rates": best,
        "diverged": [label for label, path in paths.items() if path.diverged],
        "minima": np.column_stack([surface.minima, surface(*surface.minima.T)]),
        "log": surface.log,
        "lowest": lowest,
        "levels": surface.levels,
        "title": surface.name.replace("_", " "),
    }


def _rates(given: Any, named: Mapping[str, Any], caller: str) -> dict:
    """Return the learning rate by label: a number, "best" or "auto"."""
    rates = of_each(given, named, "learning_rates", caller)
    allowed = [StrOptions({"best", "auto"}), *POSITIVE]
    for rate in rates.values():
        check_argument(caller, "learning_rates", rate, allowed)
    return rates


def _limited(surface: Surface, limits: Limits | None) -> Surface:
    """Return a surface without limits with those of the plot, others as they are.

    They are for the best rates. With limits of its own, a part may be drawn in which
    not even the start lies.
    """
    if surface.limits is not None:
        return surface
    twin = copy(surface)
    twin.limits = limits
    return twin


def _including(limits: Limits, start: Array) -> Limits:
    """Return the limits, widened if the start lies outside."""
    corners = np.transpose(limits)
    if (corners[0] <= start).all() and (start <= corners[1]).all():
        return limits
    return limits_of([corners, start], _MARGIN)


def _labelled(solvers: Any) -> dict[str, str | Optimizer]:
    """Return solvers by label."""
    if isinstance(solvers, Mapping):
        named = {str(label): solver for label, solver in solvers.items()}
    else:
        one = isinstance(solvers, str | Optimizer) or not isinstance(solvers, Iterable)
        several = [solvers] if one else list(solvers)
        labels = [s if isinstance(s, str) else repr(s) for s in several]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(
                "The 'solvers' parameter of from_solvers must not name a solver twice."
                f" Got {', '.join(twice)} more than once. Pass a dict, with a label for"
                " each solver."
            )
        named = dict(zip(labels, several, strict=True))
    if not named:
        raise ValueError(
            "The 'solvers' parameter of from_solvers must have at least one solver:"
            f" one of {sorted(OPTIMIZERS)}, an Optimizer, or several in a list or"
            f" dict. Got {solvers!r} instead."
        )
    return named


def of_each(given: Any, labels: Iterable[str], name: str, caller: str) -> dict:
    """Return a parameter by label, from a dict or from one value for all."""
    labels = list(labels)
    if not isinstance(given, Mapping):
        return dict.fromkeys(labels, given)
    unknown = [label for label in given if label not in labels]
    if unknown:
        raise ValueError(
            f"The {name!r} parameter of {caller} must be one value, or a dict with"
            f" keys among the labels {labels}. Got the unknown keys {unknown}."
        )
    return dict(given)


def limits_of(paths: Sequence[Array], margin: float) -> Limits:
    """Return limits around all points, with a margin, and not too narrow."""
    points = np.concatenate([np.asarray(path, dtype=float) for path in paths])
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    extent = np.maximum(extent, _LEAST_SHARE * extent.max()) if extent.any() else 1.0
    centre, half = (low + high) / 2, (0.5 + margin) * extent * np.ones(2)
    x_min, y_min = (centre - half).tolist()
    x_max, y_max = (centre + half).tolist()
    return (x_min, x_max), (y_min, y_max)


def check_count(value: Any, name: str, caller: str) -> None:
    """Raise an error unless a value is an int of 2 or more."""
    check_argument(caller, name, value, [Interval(Integral, 2, None, closed="left")])


def check_positive(value: Any, name: str, caller: str, zero: bool = False) -> None:
    """Raise an error unless a number is above 0, or with ``zero``, at least 0."""
    closed = "left" if zero else "neither"
    check_argument(caller, name, value, [Interval(Real, 0, None, closed=closed)])
