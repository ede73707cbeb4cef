"""Training paths of networks on a common plane, for `OptimizerPathDisplay`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._types import Array
from ..estimators.wrapped import inputs_of_network, network_in
from ._plane import Plane
from ._recording import Recording, fit_and_record
from ._solver_paths import check_count, check_positive, limits_of, of_each

_CALLER = "from_estimator"
# A path ends where the loss exceeds this multiple of the initial loss, which would
# otherwise hide everything else.
_MOST = 1000


def arguments(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    weights: Any,
    resolution: int,
    margin: float,
) -> dict[str, Any]:
    """Return the arguments of the display."""
    check_count(resolution, "resolution", _CALLER)
    check_positive(margin, "margin", _CALLER, zero=True)
    named, networks = _by_label(estimator)
    known = {} if weights is None else of_each(weights, named, "weights", _CALLER)
    recordings, paths = {}, {}
    for label, network in networks.items():
        inputs = inputs_of_network(named[label], X, y, _purpose(label))
        ends_at = 1 if label in known else None
        recordings[label] = fit_and_record(network, *inputs, sample_weight, ends_at)
        own = np.array(recordings[label].thetas)
        paths[label] = _checked(known[label], own, label) if label in known else own
    first = next(iter(recordings.values()))
    _check_alike(recordings)
    values, diverged = {}, []
    for label, path in paths.items():
        losses = first.objectives(path)
        end = _end_of(losses)
        if end < len(path):
            diverged.append(label)
        paths[label], values[label] = path[:end], losses[:end]
    plane = Plane.through(list(paths.values()))
    points = {label: plane.coordinates(path) for label, path in paths.items()}
    limits = limits_of([*points.values()], margin)
    a, b = (np.linspace(low, high, resolution) for low, high in limits)
    z = first.objectives(plane.points(a, b)).reshape(resolution, resolution)
    finite = z[np.isfinite(z)]
    log = bool(finite.size and finite.min() > 0)
    return {
        "x": a,
        "y": b,
        "z": z,
        "points": points,
        "values": values,
        "diverged": diverged,
        "log": log,
        "names": (
            *(f"direction {i + 1} ({_percent(plane.shares[i])})" for i in (0, 1)),
            f"training loss ({first.fit.network.loss.label})",
        ),
        "step_name": "epoch",
        "title": f"{type(first.fit.model).__name__}, {len(first.thetas[0])} parameters",
    }


def _by_label(estimator: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the estimators by label, and the network in each.

    The label of a single estimator is its solver.
    """
    several = isinstance(estimator, Mapping)
    named = {str(k): v for k, v in estimator.items()} if several else {"": estimator}
    if not named:
        raise ValueError(
            f"The 'estimator' parameter of {_CALLER} must have at least one estimator."
            " Got an empty dict instead."
        )
    networks = {
        label: network_in(given, _purpose(label), fitted=False)
        for label, given in named.items()
    }
    if several:
        return named, networks
    (network,) = networks.values()
    solver = network.solver
    label = solver if isinstance(solver, str) else repr(solver)
    return {label: estimator}, {label: network}


def _purpose(label: str) -> str:
    return f"OptimizerPathDisplay.{_CALLER}{f', for {label!r},' if label else ''}"


def _checked(given: Any, own: Array, label: str) -> Array:
    """Return recorded weights as an array, or raise an error."""
    path = np.asarray(given, dtype=own.dtype)
    if path.ndim != 2 or not len(path) or path.shape[1] != own.shape[1]:
        raise ValueError(
            f"The 'weights' parameter of {_CALLER} must have shape (n_points,"
            f" {own.shape[1]}): the network has {own.shape[1]} parameters. Got shape"
            f" {path.shape} for {label!r} instead."
        )
    if not np.isfinite(path).all():
        raise ValueError(
            f"The 'weights' parameter of {_CALLER} must be finite. Got infinite or NaN"
            f" values for {label!r}; leave out the points after a divergence."
        )
    return path


def _end_of(losses: Array) -> int:
    """Return the number of points before a path diverges."""
    lost = ~(losses <= _MOST * losses[0])
    lost[0] = False
    return int(np.argmax(lost)) if lost.any() else len(losses)


def _check_alike(recordings: Mapping[str, Recording]) -> None:
    """Raise an error unless all minimise the same function of the same weights."""
    (name, first), *others = recordings.items()
    sizes = first.fit.network.layer_sizes
    for label, other in others:
        if other.fit.network.layer_sizes != sizes:
            raise ValueError(
                f"The estimators of {_CALLER} must have layers of the same sizes to"
                f" share a plane. Those of {name!r} are {sizes}, those of {label!r}"
                f" {other.fit.network.layer_sizes}."
            )
        probes = [first.thetas[0], first.thetas[-1], other.thetas[-1]]
        expected, found = first.objectives(probes), other.objectives(probes)
        if not np.allclose(expected, found, rtol=1e-4, equal_nan=True):
            raise ValueError(
                f"The estimators of {_CALLER} must minimise the same objective to share"
                f" a surface. With the same weights, that of {name!r} is"
                f" {expected[0]:.6g}, that of {label!r} {found[0]:.6g}: they differ in"
                " loss, activation, alpha, class weights, preprocessing, or in the rows"
                " that early stopping holds out (give both the same random_state)."
            )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} % of variance"
