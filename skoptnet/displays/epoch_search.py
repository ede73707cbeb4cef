"""Learning curves of the candidates of a search over epochs, by rung."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from ._metrics import label_of_metric
from ._rungs import recorded_search, tables_of
from ._searches import UNSET
from ._style import (
    COLORS,
    Entries,
    axes_given,
    check_log,
    label_outer,
    legend_beside,
    legend_right,
    log_scale,
    pyplot,
    spans_decades,
    styles,
    tidy,
)

#: The curves to choose from: the score, or a loss.
_CURVES = ("score", "validation_loss", "loss")
#: The looks of lines, beside those of their groups, by how far their candidates came.
_LOOKS: dict[str, dict[str, Any]] = {
    "dropped": {"alpha": 0.5, "linewidth": 0.9, "zorder": 1.5},
    "last rung": {"alpha": 1.0, "linewidth": 1.4, "zorder": 2.0},
    "best": {"alpha": 1.0, "linewidth": 3.0, "zorder": 2.5, "linestyle": "-"},
}
#: The marker of the best epoch.
_DOT = {"marker": "o", "markersize": 9}


class EpochSearchDisplay:
    """Learning curves of all candidates of a search over epochs, by rung.

    Each line is the mean over the folds of a candidate, up to the epoch at which the
    search dropped it. Made by `from_search`; the constructor takes its result as plain
    numbers.

    Parameters
    ----------
    curves : dict of lists
        Lists of equal length, ready for `pandas.DataFrame`, with an entry per candidate
        and epoch: ``candidate`` (its number), ``epoch``, ``mean`` and ``std`` over the
        folds. A fold that has ended keeps its last value; the curve ends where a fold
        fails or diverges.
    candidates : dict of lists
        As above, with an entry per candidate: ``candidate``, ``bracket``, ``rung`` (the
        last that it reached, from 0), ``n_epochs`` of its longest training,
        ``outcome`` ("dropped", "last rung", "diverged" or "failed"), ``best_epoch``,
        ``is_best``, ``group`` (label), ``name`` (the parameters in which candidates
        differ) and ``params``.
    rungs : dict of lists
        As above, with an entry per rung: ``bracket``, ``rung``, ``epoch`` at which it
        ends, and ``n_candidates`` that were trained.
    labels : dict of str
        Names of ``curve`` and ``group``.
    n_folds : int
        Number of folds.

    Attributes
    ----------
    ax_ : matplotlib Axes or array of them
        The axes of the brackets; an array if there are several.
    figure_ : matplotlib Figure
        The figure.
    axes_ : dict of matplotlib Axes
        The axes by bracket.
    lines_ : dict of matplotlib Line2D
        The curves by candidate. One that failed in its first epoch has none.
    band_ : matplotlib collection or None
        The standard deviation of the best candidate over the folds.
    best_ : matplotlib Line2D or None
        The marker of its best epoch.
    crosses_ : list of matplotlib Line2D
        The markers where trainings failed or diverged.
    rung_lines_ : list of matplotlib Line2D
        The vertical lines between rungs.
    colorbar_ : matplotlib Colorbar or None
        The colour bar of groups that are many numbers.

    See Also
    --------
    SolverGridDisplay : The scores of the candidates over two of their parameters.
    LossCurveDisplay : Losses and scores of the best candidate of each group.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.displays import EpochSearchDisplay
    >>> from skoptnet.model_selection import EpochHalvingGridSearchCV, solver_grid
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierX((10,), max_iter=27, random_state=0)
    >>> grid = solver_grid(model, ["sgd", "adam"], n_rates=5)
    >>> search = EpochHalvingGridSearchCV(model, grid).fit(X, y)
    >>> display = EpochSearchDisplay.from_search(search, y="validation_loss").plot()
    >>> display.rungs["epoch"], display.rungs["n_candidates"]
    ([3, 9, 27], [10, 4, 2])
    >>> len(display.lines_)
    10
    """

    def __init__(
        self,
        curves: Mapping[str, Sequence[Any]],
        *,
        candidates: Mapping[str, Sequence[Any]],
        rungs: Mapping[str, Sequence[int]],
        labels: Mapping[str, str],
        n_folds: int,
    ):
        self.curves = curves
        self.candidates = candidates
        self.rungs = rungs
        self.labels = labels
        self.n_folds = n_folds

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        y: Literal["score", "validation_loss", "loss"] = "score",
        group_by: str | Sequence[str] | None = None,
        metric: str | None = None,
    ) -> Self:
        """Take the curves of a fitted search over epochs.

        Parameters
        ----------
        search : estimator
            A fitted `EpochHalvingGridSearchCV`, `EpochHalvingRandomSearchCV` or
            `EpochHyperbandSearchCV`. It is not changed.
        y : {"score", "validation_loss", "loss"}, default="score"
            The curve: the score of the held-out rows, their loss, or the loss of the
            training rows.
        group_by : str, list of str or None, default=None
            One or several searched parameters; each combination of values has a colour.
            A prefix may be left out: ``"solver"`` for ``"mlp__solver"``. None is the
            solver if it was searched, else the first parameter. An empty list gives all
            candidates one colour.
        metric : str or None, default=None
            The score, if the search has several; None is that of ``refit``.

        Returns
        -------
        EpochSearchDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If it is not a fitted search over epochs, or a parameter, curve or score is
            unknown.

        Notes
        -----
        If Ctrl-C ended the search, only candidates and rungs in its ``cv_results_`` are
        drawn; a candidate without a row in the last rung counts as dropped.
        """
        purpose = "EpochSearchDisplay.from_search"
        if y not in _CURVES:
            raise ValueError(
                f"The 'y' parameter of {purpose} must be one of {[*_CURVES]}. Got"
                f" {y!r} instead."
            )
        tried = recorded_search(search, purpose, metric)
        column, label = str(y), label_of_metric(y)
        if y == "score":
            column, label = tried.metric, f"{label} ({tried.score_label})"
        group = " and ".join(map(tried.short, tried.group_names(group_by)))
        return cls(
            **tables_of(search, tried, column, group_by),
            labels={"curve": label, "group": group},
            n_folds=search.n_splits_,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        brackets: int | Sequence[int] | None = None,
        log: bool | Literal["auto"] = "auto",
        log_epochs: bool | Literal["auto"] = "auto",
    ) -> Self:
        """Draw the curves, with a vertical line at the end of each rung.

        Candidates that were dropped are pale, those that reached the last rung are not.
        The best one is thick; its band is the standard deviation over the folds, and a
        dot marks its best epoch. A cross marks the last epoch before a training fails
        or diverges. The numbers above the axes count the candidates of each rung.

        Parameters
        ----------
        ax : matplotlib Axes, array of Axes or None, default=None
            Where to draw: as many axes as there are brackets, in their order. None
            makes a figure.
        brackets : int, list of int or None, default=None
            The brackets of Hyperband to draw, from 0; None draws all, each on its axes.
        log : bool or "auto", default="auto"
            Whether the axis of losses is logarithmic; "auto" makes it so if they are
            positive and differ by more than a factor of 8. Scores have a linear axis,
            unless this is True.
        log_epochs : bool or "auto", default="auto"
            Whether the axis of epochs is logarithmic, so that rungs are equally wide;
            "auto" makes it so if the last rung is more than 8 times as long as the
            first.

        Returns
        -------
        self : object
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If a bracket is unknown, there are fewer axes than brackets, or ``log`` is
            True and no value is above 0.
        """
        for name, value in (("log", log), ("log_epochs", log_epochs)):
            if value not in (True, False, "auto"):
                raise ValueError(
                    f"{name} must be True, False or 'auto'. Got {value!r} instead."
                )
        chosen = self._brackets(brackets)
        axes = _axes(ax, len(chosen))
        self.figure_ = axes[0].figure
        self.ax_ = axes[0] if len(axes) == 1 else np.array(axes)
        self.axes_ = dict(zip(chosen, axes, strict=True))
        self.lines_: dict[int, Any] = {}
        self.crosses_: list[Any] = []
        self.rung_lines_: list[Any] = []
        self.band_ = self.best_ = self.colorbar_ = None
        colors = self._colors()
        shown = [i for i, b in enumerate(self.candidates["bracket"]) if b in self.axes_]
        curves = {name: np.asarray(values) for name, values in self.curves.items()}
        for i in shown:
            self._draw(i, curves, colors[self.candidates["group"][i]])
        self._scale(log, log_epochs)
        self._mark_wrong(shown, colors)
        for bracket, own in self.axes_.items():
            self._draw_rungs(own, bracket)
        self._label(ax is None)
        self._legend(shown, colors, ax is None)
        return self

    @property
    def _is_loss(self) -> bool:
        return "loss" in self.labels["curve"].split()

    def _brackets(self, brackets: Any) -> list[int]:
        known = sorted(set(self.rungs["bracket"]))
        if brackets is None:
            return known
        given = list(brackets) if isinstance(brackets, Sequence) else [brackets]
        unknown = [bracket for bracket in given if bracket not in known]
        if unknown or not given or len(set(given)) < len(given):
            raise ValueError(
                f"brackets must be one or several different ones of {known}, or None."
                f" Got {brackets!r} instead."
            )
        return given

    def _colors(self) -> dict[str, dict[str, Any]]:
        """Return colour and dashes of each group; of many numbers, a colormap's."""
        groups = list(dict.fromkeys(self.candidates["group"]))
        numbers = {g: _number(g) for g in groups if g != UNSET}
        self._norm = None
        if len(numbers) <= len(COLORS) or any(map(math.isnan, numbers.values())):
            return dict(zip(groups, styles(len(groups)), strict=True))
        from matplotlib.colors import LogNorm, Normalize

        low, high = min(numbers.values()), max(numbers.values())
        is_log = spans_decades(numbers.values())
        self._norm = (LogNorm if is_log else Normalize)(low, high)
        cmap = pyplot("A plot").get_cmap("viridis")
        looks = {group: {"color": cmap(self._norm(x))} for group, x in numbers.items()}
        return {UNSET: {"color": "0.5"}, **looks}

    def _draw(self, i: int, curves: dict[str, Any], style: dict[str, Any]) -> None:
        """Draw the curve of a candidate, and the spread and best epoch of the best."""
        row = {name: values[i] for name, values in self.candidates.items()}
        own = np.flatnonzero(curves["candidate"] == row["candidate"])
        if not len(own):
            return
        ax = self.axes_[row["bracket"]]
        epochs, means, stds = (curves[name][own] for name in ("epoch", "mean", "std"))
        look = _LOOKS.get(_look_of(row), _LOOKS["dropped"])
        if len(epochs) == 1:  # a line of a single point would be invisible
            look = look | {"marker": "o", "markersize": 4}
        (line,) = ax.plot(epochs, means, label=row["name"], **(style | look))
        self.lines_[row["candidate"]] = line
        if not row["is_best"]:
            return
        self.band_ = ax.fill_between(
            epochs, means - stds, means + stds, linewidth=0, alpha=0.2,
            color=style["color"], zorder=1.8,
        )  # fmt: skip
        at = min(row["best_epoch"], len(epochs)) - 1
        (self.best_,) = ax.plot(
            epochs[at : at + 1], means[at : at + 1], color=style["color"], **_DOT,
            markeredgecolor=ax.get_facecolor(), linestyle="", zorder=4,
        )  # fmt: skip

    def _scale(self, log: bool | str, log_epochs: bool | str) -> None:
        """Choose scales and limits, so that trainings gone wrong do not matter."""
        outcomes = dict(
            zip(self.candidates["candidate"], self.candidates["outcome"], strict=True)
        )
        curves: dict[str, list] = {"dropped": [], "last rung": []}
        for number, line in self.lines_.items():
            curves.setdefault(outcomes[number], []).append(line.get_ydata())
        usual, last = curves["dropped"] + curves["last rung"], curves["last rung"]
        if log == "auto":
            log = self._is_loss and spans_decades(*usual)
        if log_epochs == "auto":
            epochs = self.rungs["epoch"]
            log_epochs = max(epochs) > 8 * min(epochs)
        if log:
            limits = _log_limits(usual)
        else:
            limits = _limits(usual, last, self._is_loss)
        if log:
            check_log(self.lines_.values())
        for ax in self.axes_.values():
            if limits:
                ax.set_ylim(*limits)
            if log:
                log_scale(ax)
            if log_epochs:
                log_scale(ax, "x")
            else:
                ax.xaxis.get_major_locator().set_params(integer=True)

    def _mark_wrong(self, shown: list[int], colors: dict) -> None:
        """Draw crosses where trainings failed or diverged, within the axes."""
        for i in shown:
            row = {name: values[i] for name, values in self.candidates.items()}
            if row["outcome"] not in ("diverged", "failed"):
                continue
            ax = self.axes_[row["bracket"]]
            low, high = ax.get_ylim()
            x, y = 1, high if self._is_loss else low
            if row["candidate"] in self.lines_:
                epochs, values = self.lines_[row["candidate"]].get_data()
                finite = values[np.isfinite(values)]
                x, y = epochs[-1], np.clip(finite[-1], low, high) if len(finite) else y
            self.crosses_ += ax.plot(
                [x], [y], "X", color=colors[row["group"]]["color"], markersize=8,
                markeredgecolor=ax.get_facecolor(), zorder=3, clip_on=False,
            )  # fmt: skip

    def _draw_rungs(self, ax: Any, bracket: int) -> None:
        """Draw the ends of the rungs of a bracket, and the numbers of candidates."""
        places: dict[int, list[str]] = {}
        rows = zip(*(self.rungs[n] for n in self.rungs), strict=True)
        for row in rows:
            rung = dict(zip(self.rungs, row, strict=True))
            if rung["bracket"] == bracket:
                places.setdefault(rung["epoch"], []).append(str(rung["n_candidates"]))
        for epoch in places:
            self.rung_lines_.append(
                ax.axvline(epoch, color="0.5", linestyle=":", linewidth=1, zorder=1)
            )
        top = ax.secondary_xaxis("top")
        top.set_xticks(list(places), [", ".join(counts) for counts in places.values()])
        top.tick_params(length=0, labelsize="small", colors="0.4")
        top.minorticks_off()
        top.spines[:].set_visible(False)
        several = len(set(self.rungs["bracket"])) > 1
        title = f"bracket {bracket}: " if several else ""
        ax.set_title(f"{title}candidates by rung", fontsize="medium")

    def _label(self, is_own: bool) -> None:
        axes = list(self.axes_.values())
        for ax in axes:
            tidy(ax)
            ax.set_xlabel("epoch")
            ax.set_ylabel(self.labels["curve"])
        if is_own and len(axes) > 1:
            label_outer(axes)

    def _legend(self, shown: list[int], colors: dict, is_own: bool) -> None:
        """Draw the legend of colours and looks beside the rightmost upper axes."""
        axes = list(self.axes_.values())
        if self._norm is not None:
            from matplotlib.cm import ScalarMappable

            self.colorbar_ = self.figure_.colorbar(
                ScalarMappable(self._norm, "viridis"), ax=axes, location="bottom",
                label=self.labels["group"], aspect=40, format="{x:g}",
            )  # fmt: skip
        groups = [self.candidates["group"][i] for i in shown]
        many = len(set(groups)) > 1 and self._norm is None
        named = [g for g in colors if g in groups and (many or g == UNSET)]
        entries = [(group, colors[group]) for group in named]
        grey = {"color": "0.5"}
        rows = [{n: v[i] for n, v in self.candidates.items()} for i in shown]
        looks = dict.fromkeys(map(_look_of, rows))
        for look, text in (("dropped", "dropped"), ("last rung", "in the last rung")):
            if look in looks:
                entries.append((text, {**grey, **_LOOKS[look]}))
        n_wrong = sum(row["outcome"] in ("diverged", "failed") for row in rows)
        if n_wrong:
            cross = {**grey, "marker": "X", "linestyle": ""}
            entries.append((f"failed or diverged: {n_wrong}", cross))
        if self.best_ is not None:
            entries += self._best_entries(rows, colors)
        title = self.labels["group"] if many else ""
        if is_own and len(axes) > 2:  # beside an axes, it would push the rows apart
            legend_right(self.figure_, entries, title)
        else:
            legend_beside(axes[min(1, len(axes) - 1)], entries, title)

    def _best_entries(self, rows: list[dict], colors: dict) -> Entries:
        """Return the entries of the best candidate: its looks, name and spread."""
        (best,) = (row for row in rows if row["is_best"])
        style = colors[best["group"]]
        nothing = {"linestyle": ""}
        band = {"color": style["color"], "alpha": 0.2, "linewidth": 8}
        return [
            (f"best, in epoch {best['best_epoch']}", style | _LOOKS["best"] | _DOT),
            *((part, nothing) for part in best["name"].split("; ") if part),
            (f"± its standard deviation\nover {self.n_folds} folds", band),
        ]


def _look_of(row: dict[str, Any]) -> str:
    return "best" if row["is_best"] else row["outcome"]


def _number(label: str) -> float:
    """Return the number that a label is, nan if it is none."""
    try:
        return float(label)
    except ValueError:
        return math.nan


def _axes(ax: Any, n: int) -> list[Any]:
    """Return ``n`` axes: those given, or those of a new figure, in two columns."""
    plt = pyplot("EpochSearchDisplay.plot")
    if ax is not None:
        return axes_given(ax, n, "bracket")
    n_rows = math.ceil(n / 2)
    size = (8.2, 4.6) if n == 1 else (9.6, 2.9 * n_rows + 0.6)
    _, grid = plt.subplots(
        n_rows, min(n, 2), figsize=size, layout="constrained",
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for spare in grid.flat[n:]:
        spare.set_axis_off()
    return list(grid.flat[:n])


def _limits(
    curves: Sequence[Any], last: Sequence[Any], is_loss: bool
) -> tuple[float, float] | None:
    """Return the limits of the vertical axis; None leaves matplotlib's.

    It shows the curves of the ``last`` rung, and where the better half of ``curves``
    ends; but it reaches at most ten times as far from the best value as the median of
    the last rung.
    """
    finite = [curve[np.isfinite(curve)] for curve in curves]
    finite = [curve for curve in finite if len(curve)]
    if not finite or not last:
        return None
    values, shown = np.concatenate(finite), np.concatenate(last)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return None
    usual = float(np.median([curve[-1] for curve in finite]))
    middle = float(np.nanmedian(shown))
    if is_loss:
        high = max(usual, min(float(np.nanmax(shown)), low + 10 * (middle - low)))
    else:
        low = min(usual, max(float(np.nanmin(shown)), high - 10 * (high - middle)))
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _log_limits(curves: Sequence[Any]) -> tuple[float, float] | None:
    """Return the limits of a logarithmic axis that shows all positive values."""
    positive = [curve[np.isfinite(curve) & (curve > 0)] for curve in curves]
    values = np.concatenate([*positive, np.empty(0)])
    return (values.min() / 1.1, values.max() * 1.1) if len(values) else None
