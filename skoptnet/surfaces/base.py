"""Surface: a function of two variables with its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from .._params import NOT_NEGATIVE, Function, check_argument
from .._types import Array

# The step h that balances both errors of a central difference, h^2 and eps / h.
_DIFFERENCE = float(np.cbrt(np.finfo(float).eps))

Limits = tuple[tuple[float, float], tuple[float, float]]


class Surface:
    """A function of two variables with its gradient, and settings for its plot.

    Parameters
    ----------
    f : callable
        ``f(x, y)``. It may take arrays, or single numbers only.
    gradient : callable, optional
        ``gradient(x, y)``, which returns the two partial derivatives. By default they
        are central differences of ``f`` with a step of 6e-6 (times the coordinate,
        if that is above 1); for a function of curvature and values around 1, these are
        accurate to about ten digits.
    name : str, optional
        The name of the surface; by default, that of ``f``.
    start : pair of float, default=(0.0, 0.0)
        The default start of paths.
    limits : ((x_min, x_max), (y_min, y_max)), optional
        Limits of plots; by default, the extent of the paths.
    minima : sequence of pairs, default=()
        The known minima.
    log : bool, default=False
        Whether plots show the heights above the lowest minimum on a logarithmic scale.
    levels : sequence of float, optional
        Heights of the contour lines, increasing; by default, plots choose round
        numbers.
    noise : float >= 0, default=0.0
        Standard deviation of the noise that `descend` adds to both derivatives at each
        update.

    Examples
    --------
    >>> from skoptnet.surfaces import Surface, descend
    >>> bowl = Surface(lambda x, y: x**2 + 3 * y**2, start=(2, 1))
    >>> bowl.gradient(1.0, 1.0).round(6)
    array([2., 6.])
    >>> descend(bowl, "gd", learning_rate=0.1, n_updates=3).points.round(3)
    array([[2.   , 1.   ],
           [1.6  , 0.4  ],
           [1.28 , 0.16 ],
           [1.024, 0.064]])
    """

    def __init__(
        self,
        f: Callable[[Any, Any], Any],
        gradient: Callable[[Any, Any], Any] | None = None,
        *,
        name: str | None = None,
        start: Sequence[float] = (0.0, 0.0),
        limits: Sequence[Sequence[float]] | None = None,
        minima: Sequence[Sequence[float]] = (),
        log: bool = False,
        levels: Sequence[float] | None = None,
        noise: float = 0.0,
    ):
        check_argument("Surface", "f", f, [Function()])
        check_argument("Surface", "gradient", gradient, [Function(), None])
        check_argument("Surface", "noise", noise, NOT_NEGATIVE)
        self._f, self._gradient = f, gradient
        given = getattr(f, "__name__", type(f).__name__)
        self.name = name or ("f" if given == "<lambda>" else given)
        self.start = as_point("Surface", "start", start)
        self.limits = None if limits is None else as_limits("Surface", limits)
        self.minima = _as_minima(minima)
        self.log, self.noise = bool(log), float(noise)
        self.levels = None if levels is None else _as_levels(levels)

    def __call__(self, x: Any, y: Any) -> Array:
        """Return the heights at some points.

        Parameters
        ----------
        x, y : float or array
            Their coordinates.

        Returns
        -------
        array
            The heights, of the broadcast shape of x and y; not finite where the
            function is not.
        """
        return _everywhere(self._f, x, y)[0]

    def gradient(self, x: Any, y: Any) -> Array:
        """Return the two partial derivatives at some points, without noise.

        Parameters
        ----------
        x, y : float or array
            Their coordinates.

        Returns
        -------
        array
            The derivatives with respect to x and y, of shape (2, ...) with the
            broadcast shape of x and y.
        """
        if self._gradient is not None:
            return _everywhere(self._gradient, x, y, n=2)
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        derivatives = []
        for along in (0, 1):
            at = (x, y)[along]
            h = _DIFFERENCE * np.maximum(1, np.abs(at))
            ahead, behind = at + h, at - h
            first, second = (
                self(p, y) if along == 0 else self(x, p) for p in (ahead, behind)
            )
            with np.errstate(all="ignore"):
                derivatives.append((first - second) / (ahead - behind))
        return np.array(derivatives)

    def with_noise(self, noise: float) -> Surface:
        """Return the same surface with noisy gradients.

        Parameters
        ----------
        noise : float >= 0
            See `Surface`.

        Returns
        -------
        Surface
            The other surface.
        """
        check_argument("Surface", "noise", noise, NOT_NEGATIVE)
        twin = copy(self)
        twin.noise = float(noise)
        return twin

    @property
    def lowest(self) -> float:
        """The height of the lowest known minimum; nan if none is known."""
        return float(min(self(*self.minima.T), default=math.nan))

    def __repr__(self) -> str:
        return f"<Surface {self.name!r}>"


def _everywhere(function: Callable, x: Any, y: Any, n: int = 1) -> Array:
    """Return n values of a function at some points, by one call or one per point."""
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    with np.errstate(all="ignore"):
        if x.ndim:
            try:
                values = np.array(_as_tuple(function(x, y), n), dtype=float)
                if values.shape == (n, *x.shape):
                    return values
            except (TypeError, ValueError, OverflowError):
                pass  # it takes single numbers only; other errors are raised below
        values = np.empty((n, x.size))
        for i, point in enumerate(zip(x.ravel(), y.ravel(), strict=True)):
            try:
                values[:, i] = _as_tuple(function(*point), n)
            except OverflowError:
                values[:, i] = np.inf
    return values.reshape(n, *x.shape)


def _as_tuple(returned: Any, n: int) -> Any:
    return (returned,) if n == 1 else returned


def as_point(caller: str, name: str, given: Any) -> Array:
    """Return a pair of finite numbers as an array, or raise an error."""
    try:
        point = np.array(given, dtype=float)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.shape != (2,) or not np.isfinite(point).all():
        raise ValueError(
            f"The {name!r} parameter of {caller} must be two finite numbers (x, y)."
            f" Got {given!r} instead."
        )
    return point


def _as_minima(given: Any) -> Array:
    """Return pairs of finite numbers as an array of two columns, or raise an error."""
    try:
        minima = np.array(given, dtype=float)
    except (TypeError, ValueError):
        minima = np.full((1, 2), np.nan)
    if minima.size == 0:
        return minima.reshape(0, 2)
    if minima.shape != (len(minima), 2) or not np.isfinite(minima).all():
        raise ValueError(
            "The 'minima' parameter of Surface must be a sequence of pairs (x, y) of"
            f" finite numbers. Got {given!r} instead."
        )
    return minima


def _as_levels(given: Any) -> Array:
    """Return finite, increasing numbers as an array, or raise an error."""
    try:
        levels = np.array(given, dtype=float)
    except (TypeError, ValueError):
        levels = np.empty(0)
    finite = np.isfinite(levels).all()
    if (
        levels.ndim != 1
        or not levels.size
        or not finite
        or (np.diff(levels) <= 0).any()
    ):
        raise ValueError(
            "The 'levels' parameter of Surface must be finite, rising numbers, or None."
            f" Got {given!r} instead."
        )
    return levels


def as_limits(caller: str, given: Any) -> Limits:
    """Return limits of x and y as pairs of float, or raise an error."""
    try:
        (x_min, x_max), (y_min, y_max) = np.array(given, dtype=float).tolist()
    except (TypeError, ValueError):
        x_min, x_max, y_min, y_max = (math.nan,) * 4
    if not (
        -math.inf < x_min < x_max < math.inf and -math.inf < y_min < y_max < math.inf
    ):
        raise ValueError(
            f"The 'limits' parameter of {caller} must be ((x_min, x_max), (y_min,"
            f" y_max)), finite and rising. Got {given!r} instead."
        )
    return (x_min, x_max), (y_min, y_max)
