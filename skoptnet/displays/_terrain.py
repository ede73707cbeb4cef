"""How heights are drawn: on which scale, at which levels, as contours or in space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Array
from ._style import pyplot

# So many powers of ten below the highest point, heights on a logarithmic scale end.
_DECADES = 5
# About so many contour lines, and so many of them with their height beside.
_LINES, _LABELS = 14, 6
# What levels of a logarithmic scale are multiples of, from coarse to fine.
_MULTIPLES = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), np.arange(1, 10, 0.5))


class Terrain:
    """Heights on a grid, and how to draw them.

    Parameters
    ----------
    x, y : arrays of shape (n_x,) and (n_y,)
        The grid.
    z : array of shape (n_y, n_x)
        The heights; what is not finite is left out.
    log : bool
        Whether contour lines are evenly apart in the logarithm of the height above
        ``lowest``.
    lowest : float
        The height that counts as 0 there.
    levels : array-like or None
        The heights of the contour lines, rising; None chooses round ones.

    Attributes
    ----------
    levels : array
        The heights of the contour lines, rising.
    """

    def __init__(
        self, x: Array, y: Array, z: Array, log: bool, lowest: float, levels: Any = None
    ):
        self.x, self.y, self.lowest = x, y, lowest
        self.z = np.ma.masked_invalid(z)
        above = (self.z - lowest).compressed()
        above = above[above > 0]
        self.log = bool(log and above.size and above.max() > above.min())
        if levels is not None:
            self.levels = np.asarray(levels, dtype=float)
        elif self.log:
            least = max(float(above.min()), float(above.max()) * 10.0**-_DECADES)
            self.levels = lowest + log_levels(least, float(above.max()))
        else:
            self.levels = even_levels(float(self.z.min()), float(self.z.max()))

    def shades(self) -> Any:
        """Return a colour map: light where it is low, where paths end."""
        from matplotlib.colors import ListedColormap

        greys = pyplot("A picture of paths").get_cmap("Greys")
        return ListedColormap(greys(np.linspace(0.0, 0.4, 256)))

    def draw_contour(self, ax: Any) -> Any:
        """Fill the picture by height, draw lines with their heights; return them."""
        from matplotlib.colors import BoundaryNorm

        shades = self.shades()
        norm = BoundaryNorm(self.levels, shades.N, extend="both")
        grid = self.x, self.y, self.z
        ax.contourf(
            *grid, levels=self.levels, cmap=shades, norm=norm, extend="both", zorder=0
        )
        lines = ax.contour(
            *grid, levels=self.levels, colors="0.35", linewidths=0.5,
            linestyles="solid", zorder=0.5,
        )  # fmt: skip
        named = self.levels[:: -(-len(self.levels) // _LABELS)]
        ax.clabel(lines, levels=named, fmt="{:.3g}".format, fontsize=7)
        return lines

    def draw_surface(self, ax: Any) -> Any:
        """Draw the heights in space, and return the surface."""
        x, y = np.meshgrid(self.x, self.y)
        heights = np.ma.masked_invalid(self.heights(self.z.filled(np.nan)))
        ax.computed_zorder = False  # a path lies on the surface, not half below it
        if self.log:
            ticks = apart(float(heights.max()))
            ax.set_zticks(np.cbrt(ticks), [f"{self.lowest + v:.4g}" for v in ticks])
        return ax.plot_surface(
            x, y, heights.filled(np.nan), cmap=self.shades(), rcount=50, ccount=50,
            linewidth=0.2, edgecolor="0.45", alpha=0.9, zorder=1,
        )  # fmt: skip

    def heights(self, z: Any) -> Any:
        """Return where heights are drawn in space.

        Where contour lines are those of a logarithm, this is the cube root: it, too,
        tells low heights apart, and it has a lowest point.
        """
        return np.cbrt(np.subtract(z, self.lowest)) if self.log else np.asarray(z)


def apart(top: float) -> Array:
    """Return 0 and round numbers whose cube roots, up to ``top``, are well apart."""
    ticks: list[float] = []
    for multiples in ((1,), (1, 2, 5)):
        ticks = [0.0]
        for tick in np.outer(10.0 ** np.arange(-9, 10), multiples).ravel():
            if np.cbrt(ticks[-1]) + 0.15 * top <= np.cbrt(tick) <= top:
                ticks.append(float(tick))
        if len(ticks) > 3:
            break
    return np.array(ticks)


def even_levels(low: float, high: float) -> Array:
    """Return round numbers from ``low`` to ``high``, evenly apart."""
    from matplotlib.ticker import MaxNLocator

    if low == high:
        low, high = low - 0.5, high + 0.5
    locator = MaxNLocator(_LINES, steps=[1, 2, 2.5, 5, 10])
    levels = np.asarray(locator.tick_values(low, high))
    return levels[(low <= levels) & (levels <= high)]


def log_levels(low: float, high: float) -> Array:
    """Return round numbers from ``low`` to ``high`` at steps that grow with them."""
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.log10(high) + 1)
    choices = []
    for multiples in _MULTIPLES:
        levels = np.outer(decades, multiples).ravel()
        choices.append(levels[(low <= levels) & (levels <= high)])
    best = min(choices, key=lambda levels: abs(len(levels) - _LINES))
    return best if len(best) > 2 else np.geomspace(low, high, _LINES)
