"""`check_activation`: conformance checks of an activation."""

from __future__ import annotations

import math

import numpy as np

from .._types import Array
from ..activations import Activation
from .contract import (
    Check,
    Report,
    clones,
    examine,
    parameters,
    pickles,
    require,
    unchanged,
)

_Z = np.linspace(-5, 5, 60).reshape(20, 3) + 0.0123  # no round numbers


def check_activation(
    activation: Activation, *, raise_on_failure: bool = True
) -> Report:
    """Check that an activation keeps the contract of `Activation`.

    Parameters
    ----------
    activation : Activation
        The activation, with the parameters to check it with. Only copies of it are
        used.
    raise_on_failure : bool, default=True
        Whether to raise an error if checks fail. Otherwise, the report has them in
        ``failures``.

    Returns
    -------
    Report
        The result of each check; print it to read it.

    Raises
    ------
    AssertionError
        If checks fail, with a line for each: its name, what was found, and how to fix
        it.

    Examples
    --------
    >>> from skoptnet import LeakyReLU
    >>> from skoptnet.testing import check_activation
    >>> check_activation(LeakyReLU(slope=0.3))
    <LeakyReLU(slope=0.3) keeps the contract: 8 checks passed>
    """
    report = examine(activation, Activation, _CHECKS)
    if raise_on_failure:
        report.raise_failures()
    return report


def _values_and_slopes(activation: Activation, z: Array = _Z) -> Array:
    """Return sigma(z) and sigma'(z), stacked."""
    a, slope = z.copy(), np.ones_like(z)
    activation.forward(a, np)
    activation.backward(z.copy() if activation.needs_z else a.copy(), slope, np)
    return np.stack([a, slope])


def _computes(activation: Activation) -> None:
    for dtype in (np.float32, np.float64):
        both = _values_and_slopes(activation, _Z.astype(dtype))
        require(
            np.isfinite(both).all(),
            f"In {np.dtype(dtype)}, sigma or its derivative is not finite in [-5, 5].",
            "Both must be finite.",
        )


def _fits_together(activation: Activation) -> None:
    h = 1e-6
    slope = _values_and_slopes(activation)[1]
    above, below = (_values_and_slopes(activation, _Z + d)[0] for d in (h, -h))
    numerical = (above - below) / (2 * h)
    require(
        np.allclose(slope, numerical, rtol=1e-6, atol=1e-8),
        "The largest difference to a numerical derivative is"
        f" {np.abs(slope - numerical).max():.3g}.",
        "backward must multiply delta, in place, by the derivative of forward. If the"
        " derivative cannot be computed from a, set needs_z = True to get z.",
    )


def _treats_rows_alone(activation: Activation) -> None:
    rows = slice(4, 9)
    require(
        np.array_equal(
            _values_and_slopes(activation, _Z[rows]),
            _values_and_slopes(activation)[:, rows],
        ),
        "Some rows alone give other values than together with the others.",
        "The values of a row must not depend on other rows.",
    )


def _bounds_draws(activation: Activation) -> None:
    bound = activation.draw_bound(30, 20)
    require(
        0 < bound < math.inf,
        f"draw_bound(30, 20) returned {bound!r}.",
        "It must be positive and finite.",
    )


_CHECKS = (
    Check("parameters", parameters),
    Check("clone", clones),
    Check("values", _computes),
    Check("derivative", _fits_together, ("values",)),
    Check("rows", _treats_rows_alone, ("values",)),
    Check("draws", _bounds_draws),
    Check(
        "unchanged",
        unchanged(_values_and_slopes, "An activation must not change in use."),
        ("values",),
    ),
    Check("pickling", pickles(_values_and_slopes), ("clone", "values")),
)
