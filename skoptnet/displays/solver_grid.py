"""Heat maps of the scores of a grid search over two parameters, a panel per solver."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Self

import numpy as np

from ._searches import Candidates, candidates_of, same
from ._style import COLORS, axes_given, label_outer, pyplot

#: How far down colours reach, in distances of the median score from the highest.
_FARTHEST = 10
#: Size of a cell, and greatest width of all panels together, in inches.
_CELL = (0.72, 0.5)
_WIDTH = 8.7
#: Width of a character of a tick label, in inches.
_CHARACTER = 0.085


class SolverGridDisplay:
    """Heat maps of the mean test score over two searched parameters, per solver.

    Made by `from_cv_results`; the constructor takes its result as plain numbers.

    Parameters
    ----------
    cells : dict of lists
        Lists of equal length, ready for `pandas.DataFrame`, with an entry per cell:
        ``panel``, ``x`` and ``y`` (labels), ``mean`` and ``std`` of the test scores
        over the folds (nan if a fit failed), ``n_failed`` folds, ``n_candidates`` from
        which the best one was chosen, and its ``params``.
    labels : dict of str
        Names of ``panel``, ``x``, ``y`` and ``score``.
    n_folds : int
        Number of folds.

    Attributes
    ----------
    ax_ : matplotlib Axes or array of them
        The axes of the panels; an array if there are several.
    figure_ : matplotlib Figure
        The figure.
    axes_ : dict of matplotlib Axes
        The axes by panel.
    images_ : dict of matplotlib AxesImage
        The heat maps by panel.
    texts_ : list of matplotlib Text
        The texts of the cells.
    best_ : matplotlib Rectangle or None
        The frame around the best cell; None if all fits failed.
    colorbar_ : matplotlib Colorbar or None
        The colour bar.

    See Also
    --------
    LossCurveDisplay : Curves of the candidates of a search.
    EpochSearchDisplay : Curves of all candidates of a search over epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.displays import SolverGridDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(), MLPClassifierX((10,), tol=0.02, random_state=0)
    ... )
    >>> search = GridSearchCV(
    ...     model,
    ...     {
    ...         "mlpclassifierx__solver": ["sgd", "adam"],
    ...         "mlpclassifierx__learning_rate_init": [0.1, 0.01],
    ...         "mlpclassifierx__batch_size": [10, 30],
    ...     },
    ... ).fit(X, y)
    >>> display = SolverGridDisplay.from_cv_results(search).plot()
    >>> list(display.axes_)
    ['sgd', 'adam']
    >>> display.images_["adam"].get_array().shape
    (2, 2)
    """

    def __init__(
        self,
        cells: Mapping[str, Sequence[Any]],
        *,
        labels: Mapping[str, str],
        n_folds: int,
    ):
        self.cells = cells
        self.labels = labels
        self.n_folds = n_folds

    @classmethod
    def from_cv_results(
        cls,
        search: Any,
        *,
        x: str | None = None,
        y: str | None = None,
        panels: str | None = "solver",
        where: Mapping[str, Any] | None = None,
        metric: str | None = None,
    ) -> Self:
        """Take the scores of a fitted search.

        If candidates differ in further parameters, each cell shows the best of them.

        Parameters
        ----------
        search : estimator
            A fitted `GridSearchCV`, `RandomizedSearchCV`, `HalvingGridSearchCV`,
            `HalvingRandomSearchCV`, `EpochHalvingGridSearchCV`,
            `EpochHalvingRandomSearchCV` or `EpochHyperbandSearchCV`. It is not changed.
            In a search by halving, a candidate counts with the last iteration that it
            reached; in one over epochs, with its best epoch.
        x, y : str or None, default=None
            The searched parameters of the two axes; None is the first unused one. A
            prefix may be left out: ``"batch_size"`` for ``"mlp__batch_size"``.
        panels : str or None, default="solver"
            The searched parameter with a panel for each value. None gives a single
            panel, and so does a solver that was not searched.
        where : dict or None, default=None
            Values of further parameters: ``{"alpha": 1e-4}`` keeps only candidates with
            this value, instead of the best over all values.
        metric : str or None, default=None
            The score, if there are several; None is that of ``refit``.

        Returns
        -------
        SolverGridDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If it is not a fitted search, or a parameter, value or score was not
            searched.
        """
        tried = candidates_of(search, "SolverGridDisplay.from_cv_results", metric)
        names = cls._roles(tried, x, y, panels)
        fixed = _fixed(tried, where)
        columns = ("panel", "x", "y", "mean", "std", "n_failed", "n_candidates")
        cells: dict[str, list] = {name: [] for name in (*columns, "params")}
        for axes in product(*(_ticks(tried, name) for name in names.values())):
            chosen = [
                (name, value)
                for name, (value, _) in zip(names.values(), axes, strict=True)
                if name
            ]
            members = tried.having(fixed | dict(chosen))
            row = dict(zip(names, (label for _, label in axes), strict=True))
            for name, value in (row | _scores(tried, members)).items():
                cells[name].append(value)
        labels = {role: tried.short(n) if n else "" for role, n in names.items()}
        return cls(
            cells,
            labels={**labels, "score": tried.score_label},
            n_folds=tried.scores.shape[1],
        )

    @staticmethod
    def _roles(tried: Candidates, x: Any, y: Any, panels: Any) -> dict[str, str | None]:
        """Return the parameters of panels and axes, None for those not used."""
        panel = None
        if panels is not None and (panels != "solver" or _is_searched(tried, "solver")):
            panel = tried.named(panels, "panels")
        given = {"x": x, "y": y}
        roles = {r: n and tried.named(n, r) for r, n in given.items()}
        taken = [panel, *roles.values()]
        left = [n for n in tried.names if n not in taken and len(tried.values(n)) > 1]
        for role in roles:
            if roles[role] is None and left:
                roles[role] = left.pop(0)
        if roles["x"] is None:
            # The solver alone was searched, or a single candidate.
            alone = [] if roles["y"] else tried.names
            roles["x"], panel = panel or next(iter(alone), None), None
        used = [n for n in (panel, *roles.values()) if n]
        if not used or len(set(used)) < len(used):
            raise ValueError(
                "panels, x and y must be different parameters that were searched:"
                f" {tried.names}. Got panels={panels!r}, x={x!r}, y={y!r}."
            )
        return {"panel": panel, "y": roles["y"], "x": roles["x"]}

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = "viridis",
        vmin: float | None = None,
        vmax: float | None = None,
        text: bool = True,
    ) -> Self:
        """Draw the heat maps.

        Parameters
        ----------
        ax : matplotlib Axes, array of Axes or None, default=None
            Where to draw: as many axes as there are panels, in their order. None makes
            a figure.
        cmap : str or matplotlib Colormap, default="viridis"
            The colormap, which the panels share.
        vmin, vmax : float or None, default=None
            The scores at the ends of the colormap. None is the lowest and the highest,
            but the lower end is at most ten times as far below the highest score as the
            median is, so that one bad score does not use up the colormap. Arrows at the
            colour bar mark scores beyond it.
        text : bool, default=True
            Whether cells contain their mean score, with the standard deviation over the
            folds. Cells with a failed fit always say so; cells without a candidate are
            empty.

        Returns
        -------
        self : object
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If there are fewer axes than panels.
        """
        panels = list(dict.fromkeys(self.cells["panel"]))
        xs = list(dict.fromkeys(self.cells["x"]))
        ys = list(dict.fromkeys(self.cells["y"]))
        axes = self._axes(ax, len(panels), xs, ys)
        self.figure_ = axes[0].figure
        self.ax_ = axes[0] if len(panels) == 1 else np.array(axes)
        self.axes_ = dict(zip(panels, axes, strict=True))
        self.images_: dict[str, Any] = {}
        self.texts_: list[Any] = []
        means = np.array(self.cells["mean"], dtype=float)
        means = means.reshape(len(panels), len(ys), len(xs))
        look = {"cmap": cmap, **_limits(means, vmin, vmax)}
        for panel, values in zip(panels, means, strict=True):
            self._draw(panel, values, xs, ys, look)
        if ax is None:
            label_outer(axes)
        for i, (panel, row, column) in enumerate(np.ndindex(means.shape)):
            if self.cells["n_candidates"][i] and (text or self.cells["n_failed"][i]):
                self._write(i, panels[panel], row, column)
        self.best_ = self.colorbar_ = None
        if not np.isnan(means).all():
            panel, row, column = map(
                int, np.unravel_index(np.nanargmax(means), means.shape)
            )
            self.best_ = self._frame(panels[panel], row, column)
            self.colorbar_ = self.figure_.colorbar(
                self.images_[panels[0]],
                ax=axes,
                label=f"mean test score ({self.labels['score']})\n"
                f"of {self.n_folds} folds",
                extend=_beyond(means, look),
            )
        return self

    def _axes(self, ax: Any, n: int, xs: list[str], ys: list[str]) -> list[Any]:
        plt = pyplot("SolverGridDisplay.plot")
        if ax is not None:
            return axes_given(ax, n, "panel")
        cell = max(_CELL[0], _CHARACTER * max(map(len, xs)))
        cells_wide, cells_high = max(cell * len(xs), 1.5), max(_CELL[1] * len(ys), 0.8)
        n_columns = min(n, max(1, int(_WIDTH / cells_wide)))
        n_rows = math.ceil(n / n_columns)
        n_columns = math.ceil(n / n_rows)
        width = cells_wide * n_columns + 1.9
        height = max((cells_high + 0.4) * n_rows + 0.7, 2.8)
        _, grid = plt.subplots(
            n_rows,
            n_columns,
            figsize=(width, height),
            layout="constrained",
            sharex=True,
            sharey=True,
            squeeze=False,
        )
        for spare in grid.flat[n:]:
            spare.set_axis_off()
        return list(grid.flat[:n])

    def _draw(self, panel: str, values: Any, xs: list, ys: list, look: Any) -> None:
        """Draw the heat map of a panel."""
        ax = self.axes_[panel]
        self.images_[panel] = ax.imshow(values, aspect="auto", origin="lower", **look)
        ax.set_xticks(range(len(xs)), xs)
        ax.set_yticks(range(len(ys)), ys)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(panel)
        ax.set_xlabel(self.labels["x"])
        ax.set_ylabel(self.labels["y"])

    def _write(self, i: int, panel: str, row: int, column: int) -> None:
        """Write the score into a cell, or that its fit failed."""
        ax, image = self.axes_[panel], self.images_[panel]
        mean, std = self.cells["mean"][i], self.cells["std"][i]
        failed = self.cells["n_failed"][i]
        color = ax.xaxis.label.get_color()
        words = f"{_in_short(mean)}\n± {_in_short(std)}"
        if failed:
            some = f"{failed} of {self.n_folds}\n" if failed < self.n_folds else ""
            words = f"{some}failed"
            ax.add_patch(_cell(row, column, hatch="///", fc="none", ec="0.5", lw=0))
        else:
            r, g, b, _ = image.cmap(image.norm(mean))
            color = "black" if 0.3 * r + 0.59 * g + 0.11 * b > 0.5 else "white"
        self.texts_.append(
            ax.text(
                column,
                row,
                words,
                ha="center",
                va="center",
                color=color,
                fontsize="x-small",
            )
        )

    def _frame(self, panel: str, row: int, column: int) -> Any:
        """Frame the best cell and print its panel's title in bold."""
        ax = self.axes_[panel]
        ax.set_title(panel, fontweight="bold")
        frame = _cell(row, column, fc="none", ec=COLORS[1], lw=3, clip_on=False)
        return ax.add_patch(frame)


def _cell(row: int, column: int, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, **look)


def _limits(means: Any, vmin: float | None, vmax: float | None) -> dict[str, float]:
    """Return the scores at the ends of the colormap."""
    known = means[~np.isnan(means)] if not np.isnan(means).all() else np.zeros(1)
    lowest, highest = known.min(), known.max()
    usual = highest - np.median(known)
    if usual > 0:
        lowest = max(lowest, highest - _FARTHEST * usual)
    return {
        "vmin": float(lowest if vmin is None else vmin),
        "vmax": float(highest if vmax is None else vmax),
    }


def _in_short(score: float) -> str:
    """Return a score as short text, even if it is huge."""
    return f"{score:.3f}" if abs(score) < 1000 else f"{score:.1e}"


def _beyond(means: Any, look: dict[str, Any]) -> str:
    """Return at which ends of the colormap there are scores beyond."""
    below = bool(np.nanmin(means) < look["vmin"])
    above = bool(np.nanmax(means) > look["vmax"])
    return {(True, False): "min", (False, True): "max", (True, True): "both"}.get(
        (below, above), "neither"
    )


def _ticks(tried: Candidates, name: str | None) -> list[tuple[Any, str]]:
    """Return the values of an axis and their labels; one empty pair for no axis."""
    if name is None:
        return [(None, "")]
    return list(zip(tried.values(name), tried.labels(name), strict=True))


def _fixed(tried: Candidates, where: Any) -> dict[str, Any]:
    """Return the fixed values of further parameters, after checking each."""
    if not isinstance(where, Mapping | None):
        raise TypeError(
            "where must be a dict of values by the name of their parameter, or None."
            f" Got {where!r} instead."
        )
    fixed = {}
    for given, value in (where or {}).items():
        name = tried.named(given, "where")
        if not any(same(value, known) for known in tried.values(name)):
            raise ValueError(
                f"where must have a value of {given!r} that was searched:"
                f" {tried.values(name)}. Got {value!r} instead."
            )
        fixed[name] = value
    return fixed


def _is_searched(tried: Candidates, name: str) -> bool:
    return any(n.rpartition("__")[2] == name for n in tried.names)


def _scores(tried: Candidates, members: list[int]) -> dict[str, Any]:
    """Return the contents of a cell: the scores of the best of its candidates."""
    if not members:
        nothing = {"mean": math.nan, "std": math.nan, "n_failed": 0}
        return {**nothing, "n_candidates": 0, "params": None}
    best = tried.best(members)
    scores = tried.scores[best]
    return {
        "mean": float(scores.mean()),
        "std": float(scores.std()),
        "n_failed": int(np.isnan(scores).sum()),
        "n_candidates": len(members),
        "params": tried.params[best],
    }
