"""Loss curves: losses, scores and learning rate over the epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self

from .._types import Data
from ..estimators.wrapped import network_in
from ..model_selection.base import EpochSearch
from ._curves import (
    curves_of_candidates,
    curves_of_groups,
    curves_of_scores,
    curves_of_trainings,
)
from ._fitted import training_of, training_or_none
from ._metrics import (
    LOSSES,
    label_of_metric,
    looks_of,
    metrics_in,
    needs_of,
    scores_by_name,
)
from ._rungs import recorded_trainings
from ._searches import candidates_of, trainings_of
from ._spreads import check_spread
from ._style import (
    LINES,
    axes_below,
    axes_for,
    check_log,
    legend_above,
    legend_beside,
    log_scale,
    spans_decades,
    styles,
    tidy,
)


class LossCurveDisplay:
    """Loss curves of one or several trainings, or of the fits of a search.

    Made by `from_estimator`, `from_estimators`, `from_cross_validate` or
    `from_cv_results`; the constructor takes their results as plain numbers.

    Parameters
    ----------
    curves : dict of dicts of lists
        For each training, or group of trainings, by name: a dict of lists of equal
        length, ready for `pandas.DataFrame`. The first is the horizontal axis,
        ``epoch`` or ``candidate``. The others are metrics as in ``history_`` of the
        estimators; those of a group are medians, with the spread in columns such as
        ``loss_low`` and ``loss_high``.
    stops : dict of lists or None, default=None
        How the trainings ended: ``name``, ``kept_epoch`` (whose weights are kept; nan
        for a group), ``stop_reason``, and ``params`` of the best candidates of a
        search.
    labels : dict of str or None, default=None
        Names of the metrics: ``{"epoch": "epoch", "loss": "cross-entropy"}``.
    spread : str, default=""
        Meaning of lines and bands that are medians and spreads, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the losses or, if there are none, of the scores.
    score_ax_ : matplotlib Axes or None
        The axes of scores beside losses.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        The curves: for each name, in the order of ``show``.
    bands_ : list of matplotlib collections
        The spreads around the curves.
    marks_ : list of matplotlib Line2D
        The markers of kept epochs and divergences.
    rate_ax_ : matplotlib Axes or None
        The axes of the rates.
    rate_lines_ : list of matplotlib Line2D
        The rates.

    See Also
    --------
    EpochSearchDisplay : Curves of all candidates of a search over epochs.
    ScheduleDisplay : Learning rates alone, also before a training.
    SolverGridDisplay : Scores of a search over two of its parameters.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.displays import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierX(max_iter=500, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(model).plot(rate=True)
    >>> display.ax_.get_ylabel()
    'training loss (cross-entropy + L2 penalty)'
    >>> display.curves["MLPClassifierX"]["loss"] == model.loss_curve_
    True
    """

    # Set by drawing.
    ax_: Any
    score_ax_: Any
    figure_: Any
    lines_: list[Any]
    bands_: list[Any]
    marks_: list[Any]
    rate_ax_: Any
    rate_lines_: list[Any]

    def __init__(
        self,
        curves: Mapping[str, Mapping[str, Sequence[float]]],
        *,
        stops: Mapping[str, Sequence[Any]] | None = None,
        labels: Mapping[str, str] | None = None,
        spread: str = "",
    ):
        self.curves = curves
        self.stops = stops
        self.labels = labels
        self.spread = spread

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None) -> Self:
        """Take the curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `MLPClassifierX` or `MLPRegressorX`, or a pipeline, search,
            `TransformedTargetRegressor` or `FrozenEstimator` that ends with one. It is
            not changed.
        name : str or None, default=None
            Its name in the plot; None is the name of its class.

        Returns
        -------
        LossCurveDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If there is no such estimator, or if it is not fitted.
        """
        net = network_in(estimator, "LossCurveDisplay.from_estimator")
        named = {name or type(net).__name__: training_of(net)}
        return cls(**curves_of_trainings(named))

    @classmethod
    def from_estimators(cls, estimators: Mapping[Any, Any]) -> Self:
        """Take the curves of several fitted estimators, to compare them.

        Parameters
        ----------
        estimators : dict
            Estimators by name, each as for `from_estimator`.

        Returns
        -------
        LossCurveDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If one of them is not such an estimator, or is not fitted.
        """
        purpose = "LossCurveDisplay.from_estimators"
        _check_named(estimators, f"{purpose} needs", "estimators")
        trainings = {
            str(name): training_of(network_in(estimator, purpose))
            for name, estimator in estimators.items()
        }
        return cls(**curves_of_trainings(trainings))

    @classmethod
    def from_cross_validate(
        cls,
        results: Mapping[Any, Any],
        *,
        spread: Literal["quartiles", "range"] = "quartiles",
    ) -> Self:
        """Take the median and the spread over the folds of a cross-validation.

        Parameters
        ----------
        results : dict
            Result of `sklearn.model_selection.cross_validate` with
            ``return_estimator=True``; or several of these by name.
        spread : {"quartiles", "range"}, default="quartiles"
            The band: from the first to the third quartile of the folds, or from the
            lowest to the highest.

        Returns
        -------
        LossCurveDisplay
            The display, not yet drawn. A training that ended early keeps its last
            metrics up to the end of the longest.

        Raises
        ------
        ValueError
            If estimators are missing, or no fold was fitted.
        """
        purpose = "LossCurveDisplay.from_cross_validate"
        check_spread(spread)
        if isinstance(results, Mapping) and "fit_time" in results:
            results = {"cross-validation": results}
        _check_named(results, f"{purpose} needs", "results of cross_validate")
        groups = {}
        for name, result in results.items():
            if "estimator" not in result:
                raise ValueError(
                    f"{purpose} needs the fitted estimators, which the results of"
                    f" {name!r} lack. Call cross_validate with return_estimator=True."
                )
            groups[str(name)] = [
                training_or_none(fold, purpose) for fold in result["estimator"]
            ]
        return cls(**curves_of_groups(groups, spread, "folds"))

    @classmethod
    def from_cv_results(
        cls,
        search: Any,
        X: Data = None,
        y: Data = None,
        *,
        group_by: str | Sequence[str] | None = None,
        candidates: Literal["best", "all"] = "best",
        spread: Literal["quartiles", "range"] = "quartiles",
        metric: str | None = None,
        cv: Any = None,
        fit_params: Mapping[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> Self:
        """Compare the candidates of a search, grouped by a parameter.

        scikit-learn's searches keep the test scores of all their fits, but no loss
        curves. Without data, the scores are drawn: the candidates of each group, best
        first, with the median and the spread over the folds. If the line of a group
        stays flat for long and falls only slightly, its other parameters matter little.

        With ``X`` and ``y``, clones of the candidates are fitted again on the training
        rows of the same splits, and the median and the spread of their loss curves are
        drawn. If ``random_state`` of the estimator is an int, the curves are those of
        the search.

        A search over epochs has recorded its curves. They are drawn without data, and
        without fits; a candidate that was dropped keeps its last metrics.

        Parameters
        ----------
        search : estimator
            A fitted `GridSearchCV`, `RandomizedSearchCV`, `HalvingGridSearchCV`,
            `HalvingRandomSearchCV`, `EpochHalvingGridSearchCV`,
            `EpochHalvingRandomSearchCV` or `EpochHyperbandSearchCV`. It is not changed.
            In a search by halving, the last iteration of a candidate counts; fitted
            again, it gets all rows and all epochs.
        X, y : array-like or None, default=None
            The data of the search, to fit clones. With a search over epochs, this shows
            how the candidates that were dropped would have continued.
        group_by : str, list of str or None, default=None
            One or several searched parameters; each combination of values is a group.
            The prefix is optional: ``"solver"`` for ``"mlp__solver"``. None is the
            solver if it was searched, else the first parameter.
        candidates : {"best", "all"}, default="best"
            For loss curves, which candidates of each group: the one with the best mean
            score, or all; the spread is then over folds and candidates.
        spread : {"quartiles", "range"}, default="quartiles"
            The band: from the first to the third quartile, or from the lowest to the
            highest.
        metric : str or None, default=None
            The score, if the search has several; None is that of ``refit``.
        cv : splitter, iterable, int or None, default=None
            Splits for the clones; None uses those of the search, which must be
            repeatable.
        fit_params : dict or None, default=None
            The further arguments of ``fit`` of the search (``sample_weight``,
            ``groups``).
        n_jobs : int or None, default=None
            Number of parallel fits, as in the search.

        Returns
        -------
        LossCurveDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If it is not a fitted search, a parameter or score was not searched, the
            splits cannot be repeated, or all fits failed.
        """
        purpose = "LossCurveDisplay.from_cv_results"
        check_spread(spread)
        if candidates not in ("best", "all"):
            raise ValueError(
                f"The 'candidates' parameter of {purpose} must be 'best' or 'all'. Got"
                f" {candidates!r} instead."
            )
        if (X is None) != (y is None):
            raise ValueError(
                f"{purpose} needs X and y to fit clones, or neither to draw the scores"
                f" of the search. Got only {'X' if y is None else 'y'}."
            )
        tried = candidates_of(search, purpose, metric)
        groups = tried.groups(group_by)
        if X is None and not isinstance(search, EpochSearch):
            return cls(**curves_of_scores(tried, groups, spread))
        if X is None:
            train = partial(recorded_trainings, search, tried)
        else:
            options = {"cv": cv, "fit_params": fit_params, "n_jobs": n_jobs}
            train = partial(
                trainings_of, search, tried, X=X, y=y, purpose=purpose, **options
            )
        return cls(**curves_of_candidates(tried, groups, candidates, spread, train))

    def plot(
        self,
        ax: Any = None,
        *,
        show: str | Sequence[str] | None = None,
        rate: bool = False,
        log: bool | Literal["auto"] = "auto",
    ) -> Self:
        """Draw the curves.

        A dot marks the epoch whose weights are kept, a cross the last epoch before a
        divergence.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        show : str, list of str or None, default=None
            The metrics to draw:

            - losses: ``"loss"`` (an average over the epoch), ``"train_loss"``,
              ``"validation_loss"``;
            - scores: ``"validation_score"``, ``"train_score"`` or, of several scorers,
              a name such as ``"validation_roc_auc"``;
            - losses and scores, for a single training: the scores are drawn below;
            - None: all losses of a single training and, in a new figure, the scores of
              several scorers below; of several trainings, the first available metric.
        rate : bool, default=False
            Whether to draw the learning rate, too (of the last update of each epoch),
            on a second axis.
        log : bool or "auto", default="auto"
            Whether the axis of losses is logarithmic; ``"auto"`` makes it so if the
            losses are positive and differ by more than a factor of 8.

        Returns
        -------
        self : object
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If there is no such metric, or ``log`` is True and none of its values is
            above 0.
        """
        if log not in (True, False, "auto"):
            raise ValueError(f"log must be True, False or 'auto'. Got {log!r} instead.")
        columns, scores = self._columns(show, alone=ax is None)
        if rate:
            self._check_rates()
        many = len(self.curves) > 1
        size = (8.2 if many and rate else 7.4, 6.6 if scores else 4.4)
        ax = axes_for(ax, "LossCurveDisplay.plot", figsize=size)
        self.ax_, self.figure_, self.score_ax_ = ax, ax.figure, None
        self.lines_, self.bands_, self.marks_ = [], [], []
        self.rate_ax_, self.rate_lines_ = None, []
        if scores:
            self.score_ax_ = axes_below(ax, "LossCurveDisplay.plot")
        looks = self._looks(columns)
        self._draw_all(ax, columns, looks)
        self._scale(columns, log)
        if rate:
            self._draw_rates(looks, columns[0])
        self._legend(columns, looks)
        if scores:
            self._draw_scores(scores)
        return self

    def _draw_scores(self, scores: list[str]) -> None:
        """Draw the scores of a training below its losses."""
        ax, (name,) = self.score_ax_, self.curves
        styles_ = looks_of(scores, beside=True)
        looks = {
            (name, column): look for column, look in zip(scores, styles_, strict=True)
        }
        self._draw_all(ax, scores, looks)
        ax.set_xlabel(self.ax_.get_xlabel())
        self.ax_.set_xlabel("")
        ax.set_ylabel(self._label(scores[0]) if len(scores) == 1 else "score")
        legend_above(ax, self._named_entries(scores, looks))

    def _draw_all(self, ax: Any, columns: list[str], looks: dict) -> None:
        """Draw metrics of all trainings that have them."""
        for name, curve in self.curves.items():
            for column in columns:
                if column in curve:
                    self._draw(ax, name, column, looks[name, column])
        tidy(ax)

    def _columns(self, show: Any, alone: bool) -> tuple[list[str], list[str]]:
        """Return the metrics to draw, and the scores to draw below them.

        ``alone`` tells whether they have a figure of their own.
        """
        known = metrics_in(column for curve in self.curves.values() for column in curve)
        losses = [column for column in known if column in LOSSES]
        single = len(self.curves) == 1
        if show is None:
            scores = scores_by_name(known) if single and alone else []
            return (losses, scores) if single and losses else (known[:1], [])
        one = isinstance(show, str) or not isinstance(show, Iterable)
        columns = [show] if one else list(show)
        for column in columns:
            if column not in known:
                raise ValueError(
                    f"show must be one or several of {known}, the metrics of these"
                    f" curves. Got {column!r} instead.{needs_of(column)}"
                )
        if not columns:
            raise ValueError(f"show must name at least one metric. Got {show!r}.")
        scores = [column for column in columns if column not in LOSSES]
        losses = [column for column in columns if column in LOSSES]
        if losses and scores and not single:
            raise ValueError(
                "show must be losses or scores, not both, for several trainings. Got"
                f" {show!r} instead. Draw them one after the other, on axes of their"
                " own."
            )
        return (losses, scores) if losses else (scores, [])

    def _check_rates(self) -> None:
        if not any("learning_rate" in curve for curve in self.curves.values()):
            raise ValueError(
                "rate must be False here: there are no learning rates, as with"
                " solver='lbfgs', which chooses its steps itself, and with scores of a"
                " search. Got rate=True."
            )

    def _looks(self, columns: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
        """Return colour and dashes of each curve."""
        if len(self.curves) == 1:
            name = next(iter(self.curves))
            return {
                (name, column): look
                for column, look in zip(columns, looks_of(columns), strict=True)
            }
        looks = {}
        for name, style in zip(self.curves, styles(len(self.curves)), strict=True):
            for i, column in enumerate(columns):
                dashes = {"linestyle": _dashes(i)} if len(columns) > 1 else {}
                looks[name, column] = {**style, **dashes}
        return looks

    def _draw(self, ax: Any, name: str, column: str, style: dict[str, Any]) -> None:
        """Draw a curve with its spread and its markers."""
        curve = self.curves[name]
        x, values = self._x(name), curve[column]
        places = "candidate" in curve
        self.lines_ += ax.plot(
            x,
            values,
            label=f"{name}: {column}",
            marker="o" if places else None,
            markersize=3.5,
            linewidth=1.8,
            **style,
        )
        if f"{column}_low" in curve:
            low, high = curve[f"{column}_low"], curve[f"{column}_high"]
            self.bands_.append(
                ax.fill_between(
                    x, low, high, color=style["color"], alpha=0.18, linewidth=0
                )
            )
        stop = self._stop(name)
        kept = stop.get("kept_epoch", math.nan)
        at = [i for i, epoch in enumerate(x) if epoch == kept]
        if stop.get("stop_reason") == "diverged":
            self._mark(ax, (x[-1], values[-1]), "X", style)
        for i in at:
            self._mark(ax, (x[i], values[i]), "o", style)

    def _mark(
        self, ax: Any, at: tuple[float, float], marker: str, style: dict[str, Any]
    ) -> None:
        self.marks_ += ax.plot(
            *([value] for value in at),
            marker,
            color=style["color"],
            markeredgecolor=ax.get_facecolor(),
            markersize=8,
            zorder=3,
        )

    def _x(self, name: str) -> Sequence[float]:
        return next(iter(self.curves[name].values()))

    def _stop(self, name: str) -> dict[str, Any]:
        """Return how a training ended, an empty dict if that is not known."""
        if self.stops is None or name not in self.stops["name"]:
            return {}
        i = list(self.stops["name"]).index(name)
        return {key: values[i] for key, values in self.stops.items()}

    def _label(self, column: str) -> str:
        """Return the label of the axis of a metric."""
        unit, label = (self.labels or {}).get(column), label_of_metric(column)
        return f"{label} ({unit})" if unit else label

    def _scale(self, columns: list[str], log: bool | str) -> None:
        ax = self.ax_
        first = next(iter(next(iter(self.curves.values()))))
        ax.set_xlabel((self.labels or {}).get(first, first))
        ax.xaxis.get_major_locator().set_params(integer=True)
        many = "loss" if columns[0] in LOSSES else "score"
        ax.set_ylabel(self._label(columns[0]) if len(columns) == 1 else many)
        if log == "auto":
            drawn = (line.get_ydata() for line in self.lines_)
            log = columns[0] in LOSSES and spans_decades(*drawn)
        if log:
            check_log(self.lines_)
            log_scale(ax)

    def _draw_rates(self, looks: dict, column: str) -> None:
        """Draw the rates on a second axis, thin and dotted."""
        self.rate_ax_ = ax = self.ax_.twinx()
        for name, curve in self.curves.items():
            if "learning_rate" not in curve:
                continue
            color = looks[name, column]["color"]
            if len(self.curves) == 1:
                color = styles(3)[-1]["color"]
            self.rate_lines_ += ax.plot(
                self._x(name),
                curve["learning_rate"],
                color=color,
                linestyle=":",
                linewidth=1.2,
                drawstyle="steps-pre",
                label=f"{name}: learning_rate",
            )
        ax.set_ylabel("learning rate")
        ax.spines["top"].set_visible(False)
        if spans_decades(*(line.get_ydata() for line in self.rate_lines_)):
            log_scale(ax)
        else:
            ax.set_ylim(bottom=0)

    def _legend(self, columns: list[str], looks: dict) -> None:
        """Draw the legend of colours, dashes and markers."""
        entries = self._named_entries(columns, looks)
        plain = {"color": "0.5", "linestyle": ""}
        drawn = {mark.get_marker() for mark in self.marks_}
        if "o" in drawn:
            entries.append(("weights kept", {**plain, "marker": "o"}))
        if "X" in drawn:
            entries.append(("diverged after this epoch", {**plain, "marker": "X"}))
        if self.rate_lines_:
            color = self.rate_lines_[0].get_color() if len(self.curves) == 1 else "0.5"
            entries.append(("learning rate", {"color": color, "linestyle": ":"}))
        if len(self.curves) == 1:
            title = "\n".join(filter(None, (self._named(*self.curves), self.spread)))
            legend_above(self.ax_, entries, title)
        else:
            gap = 0.9 if self.rate_lines_ else 0.1
            legend_beside(self.ax_, entries, self.spread, gap)

    def _named(self, name: str) -> str:
        end = self._stop(name).get("stop_reason")
        return f"{name} ({end})" if end else name

    def _named_entries(
        self, columns: list[str], looks: dict
    ) -> list[tuple[str, dict[str, Any]]]:
        if len(self.curves) == 1:
            return [
                (self._label(c), looks[next(iter(self.curves)), c]) for c in columns
            ]
        if len(columns) == 1:
            return [
                (self._named(name), looks[name, columns[0]]) for name in self.curves
            ]
        colors = [
            (self._named(name), {"color": looks[name, columns[0]]["color"]})
            for name in self.curves
        ]
        return colors + [
            (self._label(column), {"color": "0.5", "linestyle": _dashes(i)})
            for i, column in enumerate(columns)
        ]


def _dashes(i: int) -> Any:
    """Return the dashes of the i-th metric of several trainings."""
    return LINES[i % len(LINES)]


def _check_named(given: Any, needs: str, what: str) -> None:
    if not isinstance(given, Mapping) or not given:
        raise TypeError(
            f"{needs} a dict of {what} by name. Got {type(given).__name__} instead."
        )
