"""Contour and 3D surface plots of heights on a grid, linear or logarithmic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Array
from ._style import pyplot

# Range of a logarithmic scale below the highest point, in powers of ten.
_DECADES = 5
# Approximate number of contour lines, and of those labelled with their height.
_LINES, _LABELS = 14, 6
# Multiples of powers of ten for the levels of a logarithmic scale, coarse to fine.
_MULTIPLES = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), np.arange(1, 10, 0.5))


class Terrain:
    """Heights on a grid, drawn as contours or as a surface.

    Parameters
    ----------
    x, y : arrays of shape (n_x,) and (n_y,)
        The grid.
    z : array of shape (n_y, n_x)
        The heights; values that are not finite are left out.
    log : bool
        Whether contour lines are evenly spaced in the logarithm of the height above
        ``lowest``.
    lowest : float
        The height that counts as 0 for the logarithm.
    levels : array-like or None
        The heights of the contour lines, increasing; None chooses round numbers.

    Attributes
    ----------
    levels : array
        The heights of the contour lines, increasing.
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
        """Return a grey colormap, light at low heights, where paths end."""
        from matplotlib.colors import ListedColormap

        greys = pyplot("A plot of paths").get_cmap("Greys")
        return ListedColormap(greys(np.linspace(0.0, 0.4, 256)))

    def draw_contour(self, ax: Any) -> Any:
        """Draw filled contours and labelled contour lines; return the lines."""
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
        """Draw the heights in 3D, and return the surface."""
        x, y = np.meshgrid(self.x, self.y)
        heights = np.ma.masked_invalid(self.heights(self.z.filled(np.nan)))
        ax.computed_zorder = False  # a path lies on the surface, not half below it
        if self.log:
            ticks = cube_root_ticks(float(heights.max()))
            ax.set_zticks(np.cbrt(ticks), [f"{self.lowest + v:.4g}" for v in ticks])
        return ax.plot_surface(
            x, y, heights.filled(np.nan), cmap=self.shades(), rcount=50, ccount=50,
            linewidth=0.2, edgecolor="0.45", alpha=0.9, zorder=1,
        )  # fmt: skip

    def heights(self, z: Any) -> Any:
        """Return the z coordinates of heights in 3D.

        With a logarithmic scale, they are the cube roots: these, too, spread out low
        heights, but are finite at 0.
        """
        return np.cbrt(np.subtract(z, self.lowest)) if self.log else np.asarray(z)


def cube_root_ticks(top: float) -> Array:
    """Return 0 and round numbers whose cube roots are well spaced up to ``top``."""
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
    """Return evenly spaced round numbers from ``low`` to ``high``."""
    from matplotlib.ticker import MaxNLocator

    if low == high:
        low, high = low - 0.5, high + 0.5
    locator = MaxNLocator(_LINES, steps=[1, 2, 2.5, 5, 10])
    levels = np.asarray(locator.tick_values(low, high))
    return levels[(low <= levels) & (levels <= high)]


def log_levels(low: float, high: float) -> Array:
    """Return round numbers from ``low`` to ``high``, about evenly spaced in log."""
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.log10(high) + 1)
    choices = []
    for multiples in _MULTIPLES:
        levels = np.outer(decades, multiples).ravel()
        choices.append(levels[(low <= levels) & (levels <= high)])
    best = min(choices, key=lambda levels: abs(len(levels) - _LINES))
    return best if len(best) > 2 else np.geomspace(low, high, _LINES)
