"""Optimizer paths on a loss surface: contour plot, 3D, loss curves and animation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from .._params import StrOptions, check_argument
from .._types import Array
from ..surfaces import Surface
from . import _animation, _network_paths, _solver_paths
from ._style import (
    COLORS,
    axes_for,
    legend_beside,
    log_scale,
    pyplot,
    styles,
    tidy,
)
from ._terrain import Terrain

_PURPOSE = "OptimizerPathDisplay"
# Most markers on a path; longer paths have one only every few updates.
_MARKED = 200
# Minima are in Okabe and Ito's yellow, which no path has.
_STAR = {
    "marker": "*",
    "markersize": 15,
    "color": "#F0E442",
    "markeredgecolor": "black",
    "markeredgewidth": 0.8,
    "linestyle": "none",
}
_START = {
    "marker": "o",
    "markersize": 8,
    "color": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 1.2,
    "linestyle": "none",
}
# The legend is black on white, whatever the style, as contours are light, too.
_LEGEND = {
    "loc": "upper left",
    "borderaxespad": 0.0,
    "facecolor": "white",
    "labelcolor": "black",
    "framealpha": 1.0,
    "edgecolor": "0.8",
    "fontsize": "small",
}


class OptimizerPathDisplay:
    """Paths of solvers on a surface of two variables.

    Made by `from_solvers`, on a surface given by a formula, or by `from_estimator`, on
    a plane through the weights of a network.

    Parameters
    ----------
    x, y : arrays of shape (n_x,) and (n_y,)
        The grid.
    z : array of shape (n_y, n_x)
        The heights of the surface on the grid.
    points : dict of str to array of shape (n_points, 2)
        The path of each label, including its start.
    values : dict of str to array of shape (n_points,)
        The heights along the paths.
    rates : dict of str to array of shape (n_points - 1,), default=None
        The learning rate of each update, if known.
    best_rates : dict of str to float, default=None
        Initial learning rates for the legend; those that `from_solvers` found.
    diverged : collection of str, default=()
        The labels of paths that ended early because they diverged.
    minima : array-like of shape (n_minima, 3), default=()
        Known minima: x, y, height.
    log : bool, default=False
        Whether heights above ``lowest`` are drawn on a logarithmic scale, as contour
        lines and over updates. In 3D the scale is that of their cube roots.
    lowest : float, default=0.0
        The height that counts as 0 for the logarithm.
    levels : array-like, default=None
        The heights of the contour lines, increasing; None chooses round numbers.
    names : (str, str, str), default=("x", "y", "f(x, y)")
        The labels of the axes and of the heights.
    step_name : str, default="update"
        The name of a step from one point of a path to the next.
    title : str, default=""
        The title of the plot.

    Attributes
    ----------
    ax_, figure_ : Axes, Figure
        The axes and the figure of the last plot.
    lines_ : dict of str to Line2D
        The paths.
    ends_, start_, minima_ : dict of str to Line2D, Line2D, Line2D or None
        The markers of the ends, the starts and the minima.
    contour_, surface_ : QuadContourSet, Poly3DCollection
        The heights, as contours or in 3D.
    animation_ : FuncAnimation
        The animation made by `animate`.

    See Also
    --------
    skoptnet.surfaces.descend : A path as numbers.

    Examples
    --------
    >>> from skoptnet.displays import OptimizerPathDisplay
    >>> display = OptimizerPathDisplay.from_solvers(
    ...     "ravine", ["gd", "momentum"], n_updates=50
    ... )
    >>> display.best_rates
    {'gd': 0.02, 'momentum': 0.01}
    >>> display.points["gd"].shape
    (51, 2)
    >>> display.plot().ax_.get_xlabel()
    'x'
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        z: Array,
        points: Mapping[str, Array],
        values: Mapping[str, Array],
        *,
        rates: Mapping[str, Array] | None = None,
        best_rates: Mapping[str, float] | None = None,
        diverged: Collection[str] = (),
        minima: Any = (),
        log: bool = False,
        lowest: float = 0.0,
        levels: Any = None,
        names: tuple[str, str, str] = ("x", "y", "f(x, y)"),
        step_name: str = "update",
        title: str = "",
    ):
        self.x, self.y, self.z = x, y, z
        self.points, self.values, self.rates = points, values, rates
        self.best_rates, self.diverged, self.minima = best_rates, diverged, minima
        self.log, self.lowest, self.levels = log, lowest, levels
        self.names, self.step_name, self.title = names, step_name, title

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the animation, which cannot be pickled or copied."""
        return {k: v for k, v in vars(self).items() if k != "animation_"}

    # --------------------------------------------------------------------- constructors

    @classmethod
    def from_solvers(
        cls,
        surface: Surface | str | Any,
        solvers: Any,
        *,
        learning_rates: Any = "best",
        lr_schedule: Any = "constant",
        n_updates: int = 100,
        updates_per_epoch: int = 1,
        start: Sequence[float] | None = None,
        limits: Any = None,
        resolution: int = 200,
        random_state: Any = None,
    ) -> OptimizerPathDisplay:
        """Run solvers on a surface.

        Parameters
        ----------
        surface : Surface, str or callable
            The surface, a name in `skoptnet.surfaces.SURFACES`, or a function of x
            and y.
        solvers : str, Optimizer, list or dict
            Names of solvers or `Optimizer` objects; a dict gives each a label.
        learning_rates : float, "best", "auto" or dict, default="best"
            The initial learning rate of all solvers, or of each label.

            - "best": the rate of a grid, 1, 2, 5, 10, ... times 0.0001, up to 500, with
              which the solver descends fastest, without leaps across the plot (see
              `skoptnet.surfaces.best_learning_rate`). It is shown in the legend, and
              stored in ``best_rates``. The search takes about 20 times as long as the
              path.
            - "auto": the solver's default for regression, which is chosen for networks
              and may be small here.
            - A dict: labels that it leaves out get "best".
        lr_schedule : str, Schedule, callable or dict, default="constant"
            The schedule of all solvers, or of each label.
        n_updates : int > 0, default=100
            Number of updates.
        updates_per_epoch : int > 0, default=1
            Number of updates in an epoch, for the schedule.
        start : pair of float, optional
            Start of the paths; by default the start of the surface.
        limits : ((x_min, x_max), (y_min, y_max)), optional
            Limits of the plot. By default those of the surface, widened to include the
            start; if the surface has none, the extent of the paths. If it has none, the
            best rates are those whose paths stay within limits given here.
        resolution : int > 1, default=200
            Number of points of the grid along each axis.
        random_state : int, RandomState instance or None, default=None
            Source of the surface's noise, if it has any; with an int, all solvers get
            the same noise.

        Returns
        -------
        OptimizerPathDisplay
            The paths.
        """
        return cls(
            **_solver_paths.arguments(
                surface, solvers, learning_rates, lr_schedule, limits, resolution,
                n_updates=n_updates, updates_per_epoch=updates_per_epoch, start=start,
                random_state=random_state,
            )
        )  # fmt: skip

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        weights: Any = None,
        resolution: int = 40,
        margin: float = 0.3,
    ) -> OptimizerPathDisplay:
        """Train networks and show their paths on a plane through their weights.

        The plane goes through the final weights (their mean, if there are several
        paths) along the first two principal directions of all weights about them (`Li,
        Xu, Taylor, Studer and Goldstein, 2018 <https://arxiv.org/abs/1712.09913>`__,
        *Visualizing the Loss Landscape of Neural Nets*). The axis labels give each
        direction's share of the squared distances. The surface shows the objective on
        this plane; ``values`` are the objective of the weights themselves, which may
        lie off the plane.

        Parameters
        ----------
        estimator : MLPClassifierX, MLPRegressorX or dict
            The network to train, or a dict of several by label, with the same layer
            sizes and objective. Clones are trained, without callbacks; with the same
            int as ``random_state`` they start from the same weights. A
            `sklearn.pipeline.Pipeline`, a `sklearn.compose.TransformedTargetRegressor`
            or a fitted search (its ``best_estimator_``) may contain the network; its
            other steps are fitted once.
        X : array-like of shape (n_samples, n_features)
            The rows, as for ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, as for ``fit``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, as for ``fit``.
        weights : array of shape (n_points, P) or dict, default=None
            Recorded weights of a training, or of each label: a row per epoch, the
            initial weights included, with W_1, b_1, W_2, b_2, ... raveled. Then only
            one epoch is trained, to obtain the objective.
        resolution : int > 1, default=40
            Number of points of the grid along each axis; each point takes a pass over
            the rows.
        margin : float >= 0, default=0.3
            Margin around the paths, as a share of their extent.

        Returns
        -------
        OptimizerPathDisplay
            The paths, a point per epoch. ``values`` are the objective of the whole
            training set, with penalties and without dropout. A path ends before its
            objective exceeds 1000 times that of the start.
        """
        return cls(
            **_network_paths.arguments(
                estimator, X, y, sample_weight, weights, resolution, margin
            )
        )

    # ------------------------------------------------------------------------- plotting

    def plot(
        self,
        ax: Any = None,
        kind: str = "contour",
        *,
        view: tuple[float, float] = (40.0, -60.0),
    ) -> OptimizerPathDisplay:
        """Draw the surface and the paths.

        Each marker is an update; in paths of more than 200 updates, only every second,
        third, ... update is marked. Paths that leave the plot are cut off at its edge,
        and the legend says so.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw, three-dimensional for ``kind="3d"``; None makes a figure.
        kind : {"contour", "3d"}, default="contour"
            Whether to draw a contour plot or a surface in 3D.
        view : (float, float), default=(40.0, -60.0)
            The view point in 3D: elevation and azimuth, in degrees.

        Returns
        -------
        OptimizerPathDisplay
            The display itself.
        """
        check_argument("plot", "kind", kind, [StrOptions({"contour", "3d"})])
        in_space = kind == "3d"
        self.ax_ = ax = self._axes(ax, in_space)
        self.figure_ = ax.figure
        terrain = Terrain(self.x, self.y, self.z, self.log, self.lowest, self.levels)
        if in_space:
            self.surface_ = terrain.draw_surface(ax)
            ax.view_init(*view)
            ax.set_box_aspect((4, 4, 2.6), zoom=0.9)
            ax.locator_params(axis="x", nbins=6)
            ax.locator_params(axis="y", nbins=6)
            ax.set_zlabel(self.names[2], labelpad=8)
        else:
            self.contour_ = terrain.draw_contour(ax)
            ax.plot([], [], color="0.35", linewidth=0.5, label=self.names[2])
        self._draw_paths(ax, terrain if in_space else None)
        ax.set(xlabel=self.names[0], ylabel=self.names[1], title=self.title)
        ax.set(xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))
        place = (1.12 if in_space else 1.01, 1.0)
        ax.legend(**_LEGEND, bbox_to_anchor=place)
        return self

    def plot_values(self, ax: Any = None) -> OptimizerPathDisplay:
        """Draw the heights over the updates.

        Heights far above those in `plot`, from paths that diverge, are cut off.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        OptimizerPathDisplay
            The display itself.
        """
        self.ax_ = ax = axes_for(ax, _PURPOSE, figsize=(7, 4))
        self.figure_ = ax.figure
        self.lines_ = {}
        base = self.lowest if self.log else 0.0
        looks = styles(len(self.points))
        for look, (label, values) in zip(looks, self.values.items(), strict=True):
            heights = np.asarray(values) - base
            if self.log:
                heights = np.where(heights > 0, heights, np.nan)
            if look["color"] == COLORS[-1]:  # black would vanish on a dark background
                look["color"] = ax.xaxis.label.get_color()
            text = self._legend_text(label)
            (self.lines_[label],) = ax.plot(heights, label=text, **look)
        tidy(ax)
        name = self.names[2] if base == 0 else f"{self.names[2]} above the lowest"
        ax.set(xlabel=f"{self.step_name}s", ylabel=name, title=self.title)
        if self.log:
            ax.set_yscale("log")
        top = np.ma.masked_invalid(self.z).max() - base
        if ax.get_ylim()[1] > 10 * top > 0:
            shown = np.concatenate([line.get_ydata() for line in self.lines_.values()])
            low = np.nanmin(shown)
            margin = 0.05 * (top - low)
            ax.set_ylim(0.5 * low if self.log else low - margin, top + margin)
        if self.log:
            log_scale(ax)
        legend_beside(ax)
        return self

    def animate(
        self,
        path: Any = None,
        *,
        kind: str = "contour",
        frames: int | None = None,
        fps: float = 10.0,
        dpi: float = 100.0,
        ax: Any = None,
        view: tuple[float, float] = (40.0, -60.0),
    ) -> Any:
        """Animate the paths.

        Parameters
        ----------
        path : str or path, default=None
            The file to save it in, with the suffix ".gif", ".mp4" (which needs ffmpeg)
            or ".html" (a page with a player). The figure is then closed.
        kind : {"contour", "3d"}, default="contour"
            See `plot`.
        frames : int > 1, default=None
            Number of frames, evenly spread over the updates; None makes one for each
            update, but at most 50.
        fps : float > 0, default=10.0
            Frames per second.
        dpi : float > 0, default=100.0
            Resolution, in pixels per inch, of the file and of the player in a notebook.
        ax : Axes, default=None
            See `plot`.
        view : (float, float), default=(40.0, -60.0)
            See `plot`.

        Returns
        -------
        matplotlib.animation.FuncAnimation
            The animation; keep a reference to it while it is shown. As the last line of
            a notebook cell, it is a player that starts by itself, in place of the
            figure. The resolution is reduced if the size would exceed matplotlib's
            ``rcParams["animation.embed_limit"]``.
        """
        pyplot(_PURPOSE)  # raises an error without matplotlib
        file = None if path is None else _animation.check_path(path, "animate")
        last = max(len(points) for points in self.points.values()) - 1
        if frames is None:
            frames = max(2, min(last + 1, 50))
        _solver_paths.check_count(frames, "frames", "animate")
        for name, value in (("fps", fps), ("dpi", dpi)):
            _solver_paths.check_positive(value, name, "animate")
        from ._player import PathAnimation

        self.plot(ax, kind, view=view)
        figure, counter = self.figure_, self._counter(self.ax_, kind == "3d")
        drawn = [
            (line, np.array(_data(line)), self.ends_[label])
            for label, line in self.lines_.items()
        ]

        def draw(step: float) -> list[Any]:
            step = int(step)
            for line, data, end in drawn:
                _set_data(line, data[:, : step + 1])
                _set_data(end, data[:, min(step, data.shape[1] - 1)][:, None])
            counter.set_text(f"{self.step_name} {step}")
            return [counter, *self.lines_.values(), *self.ends_.values()]

        steps = np.linspace(0, last, frames).round().astype(int)
        self.animation_ = PathAnimation(figure, draw, steps, fps, dpi, [self.start_])
        if ax is None:  # one layout for all frames
            figure.canvas.draw()
            figure.set_layout_engine("none")
        if file is not None:
            _animation.save(self.animation_, file, fps, dpi, self.title)
            if ax is None:
                pyplot(_PURPOSE).close(figure)
        return self.animation_

    def to_html(self, *, fps: float = 10.0, dpi: float = 100.0, **settings: Any) -> str:
        """Return the animation as HTML: a player with all frames in it.

        Parameters
        ----------
        fps : float > 0, default=10.0
            Frames per second.
        dpi : float > 0, default=100.0
            Resolution, in pixels per inch.
        **settings : dict
            Further arguments of `animate`, without ``path``.

        Returns
        -------
        str
            A fragment of HTML, to embed in a page.
        """
        animation = self.animate(fps=fps, dpi=dpi, **settings)
        html = _animation.self_playing(animation.player())
        if settings.get("ax") is None:
            pyplot(_PURPOSE).close(self.figure_)
        return html

    # -------------------------------------------------------------------------- details

    def _axes(self, ax: Any, in_space: bool) -> Any:
        if ax is None:
            if not in_space:
                return axes_for(None, _PURPOSE, figsize=(7.5, 4.5))
            # Matplotlib's layouts do not take the extent of 3D labels into account.
            figure = pyplot(_PURPOSE).figure(figsize=(8, 5))
            return figure.add_axes((0.05, 0.06, 0.58, 0.86), projection="3d")
        if (ax.name == "3d") != in_space:
            have, need = ("two", "three") if in_space else ("three", "two")
            raise ValueError(
                f"The 'ax' parameter of plot has {have} dimensions, but kind="
                f"{'3d' if in_space else 'contour'!r} needs {need}. Axes of three"
                " dimensions: plt.subplots(subplot_kw={'projection': '3d'})."
            )
        return ax

    def _draw_paths(self, ax: Any, terrain: Terrain | None) -> None:
        self.lines_, self.ends_ = {}, {}
        for look, label in zip(styles(len(self.points)), self.points, strict=True):
            data = list(np.asarray(self.points[label], dtype=float).T)
            if terrain:
                data.append(terrain.heights(self.values[label]))
            shown = self._shown(label, in_space=terrain is not None)
            data = [np.where(shown, d, np.nan) for d in data]
            every = -(-len(data[0]) // _MARKED)
            (self.lines_[label],) = ax.plot(
                *data, label=self._legend_text(label), **look, linewidth=1.5,
                marker="o", markersize=3, markevery=every, zorder=3,
            )  # fmt: skip
            (self.ends_[label],) = ax.plot(
                *(d[-1:] for d in data), linestyle="none", marker="D", markersize=7,
                color=look["color"], markeredgecolor="white", zorder=5,
            )  # fmt: skip
        self.start_ = self._mark_starts(ax, terrain)
        self.minima_ = self._mark_minima(ax, terrain)

    def _mark_starts(self, ax: Any, terrain: Terrain | None) -> Any:
        """Draw a ring where paths start, one ring if they start together."""
        starts = {
            tuple(self.points[label][0]): self.values[label][0] for label in self.points
        }
        data = np.array(list(starts)).T
        if terrain:
            data = np.vstack([data, terrain.heights(np.array(list(starts.values())))])
        return ax.plot(*data, label="start", zorder=4, **_START)[0]

    def _mark_minima(self, ax: Any, terrain: Terrain | None) -> Any:
        """Draw a star at each known minimum, if there are any."""
        x, y, z = np.asarray(self.minima, dtype=float).reshape(-1, 3).T
        if not len(x):
            return None
        data = (x, y, terrain.heights(z)) if terrain else (x, y)
        name = "minimum" if len(x) == 1 else "minima"
        return ax.plot(*data, label=name, zorder=2, **_STAR)[0]

    def _inside(self, label: str) -> Array:
        """Return which points of a path lie inside the plot."""
        x, y = np.asarray(self.points[label]).T
        return (
            (self.x[0] <= x) & (x <= self.x[-1]) & (self.y[0] <= y) & (y <= self.y[-1])
        )

    def _shown(self, label: str, in_space: bool) -> Array:
        """Return which points of a path are drawn.

        In 3D, points outside the plot are left out. A contour plot cuts off lines at
        its edge, but lines between points far outside would cross it.
        """
        inside = self._inside(label)
        if in_space:
            return inside
        if not inside.any():
            return np.ones_like(inside)
        left = np.flatnonzero(inside)[-1] + 1
        return np.arange(len(inside)) <= left

    def _legend_text(self, label: str) -> str:
        """Return a label, its best rate, and where its path leaves or diverges."""
        rate = (self.best_rates or {}).get(label)
        text = label if rate is None else f"{label}, rate {rate:g}"
        end = self._early_end(label)
        return f"{text} ({end})" if end else text

    def _early_end(self, label: str) -> str:
        """Return where a path leaves the plot or diverges, "" if it does not."""
        inside = self._inside(label)
        if not inside[-1]:
            left = int(np.flatnonzero(inside)[-1]) + 1 if inside.any() else 0
            if not left:
                return "outside"
            return f"leaves at {self.step_name} {left}"
        if label in self.diverged:
            return f"diverges at {self.step_name} {len(inside)}"
        return ""

    def _counter(self, ax: Any, in_space: bool) -> Any:
        """Return the text of an animation that shows the update."""
        place = {
            "x": 0.02, "y": 0.98, "s": "", "transform": ax.transAxes, "va": "top",
            "zorder": 6, "color": "black",
            "bbox": {"facecolor": "white", "edgecolor": "0.8", "boxstyle": "round"},
        }  # fmt: skip
        return ax.text2D(**place) if in_space else ax.text(**place)


def _data(line: Any) -> Any:
    """Return the coordinates of a line in 2D or 3D."""
    return line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data()


def _set_data(line: Any, data: Array) -> None:
    if hasattr(line, "set_data_3d"):
        line.set_data_3d(*data)
    else:
        line.set_data(*data)
