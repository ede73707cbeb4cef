"""Test functions for optimization: Rosenbrock, Beale, Himmelblau and others.

Each is written as in its source.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .._params import POSITIVE, Function, StrOptions, check_argument
from .base import Surface


def quadratic(m: float = 1.0, M: float = 25.0, *, noise: float = 0.0) -> Surface:
    """Return a ravine: a quadratic with two curvatures.

    .. math:: f(x, y) = \\frac12 (m x^2 + M y^2)

    Its minimum is f(0, 0) = 0. Gradient descent needs a rate below 2 / M, with which it
    is slow along x, where the curvature is m.

    Parameters
    ----------
    m, M : float > 0
        The curvatures along x and along y.
    noise : float >= 0, default=0.0
        See `Surface`. On a quadratic this models minibatches: if rows differ in their
        minimum but not in their curvature, the gradient of a minibatch is that of f
        plus a random vector that does not depend on the point.

    Returns
    -------
    Surface
        The surface.
    """
    for name, value in (("m", m), ("M", M)):
        check_argument("quadratic", name, value, POSITIVE)

    return Surface(
        partial(_ravine, m=m, M=M),
        partial(_ravine_gradient, m=m, M=M),
        name="ravine",
        start=(-9.0, 2.0),
        limits=((-10.0, 3.0), (-3.0, 3.0)),
        minima=[(0, 0)],
        noise=noise,
    )


def _ravine(x, y, m, M):
    return 0.5 * (m * x**2 + M * y**2)


def _ravine_gradient(x, y, m, M):
    return m * x, M * y


def rosenbrock(x, y):
    """Rosenbrock's valley.

    .. math:: f(x, y) = (1 - x)^2 + 100 (y - x^2)^2

    A valley along the parabola y = x^2, flat along it and steep across; its minimum is
    f(1, 1) = 0. Source: `Rosenbrock (1960) <https://doi.org/10.1093/comjnl/3.3.175>`__,
    *An Automatic Method for Finding the Greatest or Least Value of a Function*, with
    his start (-1.2, 1).
    """
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _rosenbrock_gradient(x, y):
    return -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)


def beale(x, y):
    """Beale's function.

    .. math::
        f(x, y) = (1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2

    Plateaus, a narrow curved valley and very steep corners; its minimum is
    f(3, 0.5) = 0. Source: Beale (1958), *On an Iterative Method for Finding a Local
    Minimum of a Function of More than One Variable*; as number 5 in `Moré, Garbow and
    Hillstrom (1981) <https://doi.org/10.1145/355934.355936>`__, *Testing Unconstrained
    Optimization Software*, whose start is (1, 1).
    """
    return sum((c - x + x * y**k) ** 2 for k, c in _BEALE)


_BEALE = ((1, 1.5), (2, 2.25), (3, 2.625))


def _beale_gradient(x, y):
    inner = [(k, c - x + x * y**k) for k, c in _BEALE]
    return (
        sum(2 * r * (y**k - 1) for k, r in inner),
        sum(2 * r * k * x * y ** (k - 1) for k, r in inner),
    )


def himmelblau(x, y):
    """Himmelblau's function: four minima of the same depth.

    .. math:: f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2

    f = 0 at (3, 2), (-2.805118, 3.131313), (-3.779310, -3.283186) and
    (3.584428, -1.848127). Source: Himmelblau (1972), *Applied Nonlinear Programming*.
    """
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _himmelblau_gradient(x, y):
    a, b = x**2 + y - 11, x + y**2 - 7
    return 4 * x * a + 2 * b, 2 * a + 4 * y * b


def saddle(x, y):
    """A saddle point between two minima.

    .. math:: f(x, y) = \\frac12 x^2 - \\frac12 y^2 + \\frac14 y^4

    At the saddle point (0, 0) the curvatures are 1 along x and -1 along y; the minima
    are f(0, 1) = f(0, -1) = -1/4. On a path that starts at y = 0 the gradient along y
    is zero. Source: `Nesterov (2004)
    <https://doi.org/10.1007/978-1-4419-8853-9>`__, *Introductory Lectures on Convex
    Optimization*, example 1.2.2, where it shows that gradient descent may end at a
    point that is not a minimum.
    """
    return 0.5 * x**2 - 0.5 * y**2 + 0.25 * y**4


def _saddle_gradient(x, y):
    return x, y**3 - y


def local_minima(x, y):
    """The six-hump camel: minima of three depths.

    .. math::
        f(x, y) = \\left(4 - 2.1 x^2 + \\frac{x^4}{3}\\right) x^2
        + x y + (4 y^2 - 4) y^2

    By depth, each with its mirror image (-x, -y): f(0.089842, -0.712656) = -1.031628,
    f(1.703607, -0.796084) = -0.215464 and f(1.607105, 0.568651) = 2.104250.
    Source: Dixon and Szegö (1978), *The Global Optimization Problem: An Introduction*.
    """
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def _local_minima_gradient(x, y):
    return 8 * x - 8.4 * x**3 + 2 * x**5 + y, x + 16 * y**3 - 8 * y


_CAMEL = np.array(
    [
        (0.08984201310031807, -0.7126564030207396),
        (1.7036067149699807, -0.7960835686726251),
        (1.6071047529201976, 0.5686514548841313),
    ]
)

#: Test functions of textbooks, by name.
SURFACES: dict[str, Surface] = {
    "ravine": quadratic(1.0, 80.0),
    "rosenbrock": Surface(
        rosenbrock,
        _rosenbrock_gradient,
        start=(-1.2, 1.0),
        limits=((-1.8, 1.8), (-0.6, 2.2)),
        minima=[(1, 1)],
        log=True,
    ),
    "beale": Surface(
        beale,
        _beale_gradient,
        start=(1.0, 1.0),
        limits=((-0.5, 4.0), (-1.0, 1.6)),
        minima=[(3, 0.5)],
        log=True,
    ),
    "himmelblau": Surface(
        himmelblau,
        _himmelblau_gradient,
        start=(0.0, 0.0),
        limits=((-5.0, 5.0), (-5.0, 5.0)),
        minima=[
            (3, 2),
            (-2.8051180869527448, 3.1313125182505730),
            (-3.7793102533777469, -3.2831859912861694),
            (3.5844283403304917, -1.8481265269644034),
        ],
        log=True,
    ),
    "saddle": Surface(
        saddle,
        _saddle_gradient,
        start=(-1.5, 0.01),
        limits=((-2.0, 1.2), (-1.6, 1.6)),
        minima=[(0, 1), (0, -1)],
    ),
    "local_minima": Surface(
        local_minima,
        _local_minima_gradient,
        start=(1.95, 1.0),
        limits=((-2.1, 2.1), (-1.15, 1.15)),
        minima=np.vstack([_CAMEL, -_CAMEL]).tolist(),
        levels=[-1, -0.75, -0.5, 0, 0.5, 1, 1.5, 2, 2.15, 2.25, 2.5, 3, 4, 6],
    ),
    "noisy": quadratic(1.0, 4.0, noise=2.0),
}
SURFACES["noisy"].name = "noisy"


def as_surface(given: Any, caller: str) -> Surface:
    """Return the surface that a name or a function stands for.

    Parameters
    ----------
    given : Surface, str or callable
        A surface, a name in `SURFACES`, or a function of x and y.
    caller : str
        The function that was called, for the error message.

    Returns
    -------
    Surface
        The surface.
    """
    allowed = [StrOptions(set(SURFACES)), Surface, Function()]
    check_argument(caller, "surface", given, allowed)
    if isinstance(given, str):
        return SURFACES[given]
    return given if isinstance(given, Surface) else Surface(given)
