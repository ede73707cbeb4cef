"""Learning-rate schedules: rates and momenta over the epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from numbers import Real
from typing import Any, Literal, Self, TypeAlias

from .._params import (
    COUNT,
    NOT_NEGATIVE,
    Function,
    Interval,
    Options,
    StrOptions,
    check_argument,
)
from .._types import ScheduleName
from ..estimators.wrapped import network_in
from ..schedules import SCHEDULES, Clock, Schedule, as_schedule
from ..training import Stopping, factor_of
from ._style import (
    axes_for,
    check_log,
    legend_beside,
    log_scale,
    pyplot,
    styles,
    tidy,
)

#: A schedule as the estimators take it, and the unit of the horizontal axis.
_Given: TypeAlias = ScheduleName | Schedule | Callable[[Clock], float]
_Unit: TypeAlias = Literal["epochs", "updates", "share"]

#: The units of the horizontal axis, and their labels.
UNITS = {
    "epochs": "epoch",
    "updates": "update",
    "share": "share of the planned epochs",
}
#: The default minibatch, here and in scikit-learn.
_ROWS_PER_UPDATE = 200
_NOT_NEGATIVE = [*NOT_NEGATIVE, Options(Real, {math.inf})]
_CONSTRAINTS: Mapping[str, list] = {
    "learning_rate_init": [Interval(Real, 0, math.inf, closed="neither"), None],
    "epochs": COUNT,
    "updates_per_epoch": COUNT,
    "samples_per_epoch": [*COUNT, None],
    "tol": _NOT_NEGATIVE,
    "n_iter_no_change": _NOT_NEGATIVE,
    "unit": [StrOptions(set(UNITS))],
}


class ScheduleDisplay:
    """Rates and momenta of learning-rate schedules.

    Made by `from_schedules`, from schedules alone, or `from_estimator`; the constructor
    takes their results as plain numbers.

    Parameters
    ----------
    curves : dict of dicts of lists
        For each schedule, by name: a dict of lists of equal length, ready for
        `pandas.DataFrame`, with an entry per update: ``update`` (number of updates
        before it), ``epochs`` (trained before it), ``share`` (of the planned epochs),
        ``rate``, and ``momentum`` if the schedule moves it.
    unit : {"epochs", "updates", "share"}, default="epochs"
        The unit of the horizontal axis.
    rate_label : str, default="learning rate"
        The label of the rates.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the rates.
    momentum_ax_ : matplotlib Axes or None
        The axes of the momenta.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        The rates.
    momentum_lines_ : list of matplotlib Line2D
        The momenta, of the schedules that move one.

    See Also
    --------
    LossCurveDisplay : Losses, with the rates of the training.

    Examples
    --------
    >>> from skoptnet import Warmup
    >>> from skoptnet.displays import ScheduleDisplay
    >>> display = ScheduleDisplay.from_schedules(
    ...     {"step": "step", "exponential": "exponential", "ramp": Warmup("cosine")},
    ...     learning_rate_init=0.1, epochs=40,
    ... ).plot()
    >>> display.curves["step"]["rate"][::200]
    [0.1, 0.05, 0.025, 0.0125]
    """

    # Set by drawing.
    ax_: Any
    momentum_ax_: Any
    figure_: Any
    lines_: list[Any]
    momentum_lines_: list[Any]

    def __init__(
        self,
        curves: Mapping[str, Mapping[str, Sequence[float]]],
        *,
        unit: str = "epochs",
        rate_label: str = "learning rate",
    ):
        self.curves = curves
        self.unit = unit
        self.rate_label = rate_label

    @classmethod
    def from_schedules(
        cls,
        schedules: _Given | Sequence[_Given] | Mapping[str, _Given],
        *,
        learning_rate_init: float | None = None,
        epochs: int = 200,
        updates_per_epoch: int = 20,
        samples_per_epoch: int | None = None,
        losses: Sequence[float] | None = None,
        validation_losses: Sequence[float] | None = None,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        unit: _Unit = "epochs",
    ) -> Self:
        """Compute the rates that schedules give to each update of a training.

        Parameters
        ----------
        schedules : str, Schedule, callable, or a list or dict of these
            A name stands for its class with the default parameters. The keys of a dict
            are the labels; in a list, these are the names, or the objects as printed.
        learning_rate_init : float in (0, inf) or None, default=None
            The initial rate. None draws the factors on it.
        epochs : int, default=200
            Number of epochs to draw, which is also the planned number of epochs.
        updates_per_epoch : int, default=20
            Number of updates in each epoch.
        samples_per_epoch : int or None, default=None
            Number of samples in each epoch, on which ``"invscaling"`` depends; None is
            200 per update.
        losses : sequence of float or None, default=None
            The training loss of each epoch, for schedules that depend on it, such as
            ``"plateau"`` and ``"adaptive"``; for instance ``loss_curve_`` of a fitted
            estimator. The last epoch may be missing, since no rate follows it.
        validation_losses : sequence of float or None, default=None
            The validation loss of each epoch, for
            ``Plateau(monitor="validation_loss")``.
        tol, n_iter_no_change : float and float, default=1e-4 and 10
            Definition of a plateau of the training loss for ``"adaptive"``, as in the
            estimators. Curves continue where the training would have ended.
        unit : {"epochs", "updates", "share"}, default="epochs"
            The unit of the horizontal axis.

        Returns
        -------
        ScheduleDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If something is not a schedule, or needs losses that are not given.
        """
        given = {
            "learning_rate_init": learning_rate_init,
            "epochs": epochs,
            "updates_per_epoch": updates_per_epoch,
            "samples_per_epoch": samples_per_epoch,
            "tol": tol,
            "n_iter_no_change": n_iter_no_change,
            "unit": unit,
        }
        for name, value in given.items():
            check_argument(
                "ScheduleDisplay.from_schedules", name, value, _CONSTRAINTS[name]
            )
        if samples_per_epoch is None:
            samples_per_epoch = updates_per_epoch * _ROWS_PER_UPDATE
        plan = _Plan(
            1.0 if learning_rate_init is None else float(learning_rate_init),
            range(epochs),
            epochs,
            updates_per_epoch,
            samples_per_epoch,
            _checked_losses("losses", losses, epochs),
            _checked_losses("validation_losses", validation_losses, epochs),
            tol,
            n_iter_no_change,
        )
        curves = {}
        for name, schedule in _named(schedules).items():
            try:
                curves[name] = plan.of(schedule)
            except _LossesRead as error:
                raise ValueError(
                    f"{error} must be given for {name!r}, whose rates depend on them."
                    f" Pass {error}= with one number per epoch, for instance from"
                    " history_ of a fitted estimator."
                ) from None
        label = "factor on learning_rate_init"
        return cls(
            curves,
            unit=unit,
            rate_label=label if learning_rate_init is None else "learning rate",
        )

    @classmethod
    def from_estimator(cls, estimator: Any, *, unit: _Unit = "epochs") -> Self:
        """Take the rates of a fitted estimator, and those that its schedule planned.

        The curve ``training`` is the rate of the last update of each epoch, as in
        ``history_``. The curve ``plan`` is that of every update up to ``max_iter`` (of
        the last call of ``fit``). There is no plan if the schedule depends on the
        losses.

        Parameters
        ----------
        estimator : estimator
            A fitted `MLPClassifierX` or `MLPRegressorX`, or a pipeline, search,
            `TransformedTargetRegressor` or `FrozenEstimator` that ends with one. It is
            not changed.
        unit : {"epochs", "updates", "share"}, default="epochs"
            The unit of the horizontal axis.

        Returns
        -------
        ScheduleDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If there is no such estimator, or it is not fitted or has no rates.
        """
        purpose = "ScheduleDisplay.from_estimator"
        check_argument(purpose, "unit", unit, _CONSTRAINTS["unit"])
        net = network_in(estimator, purpose)
        if net.learning_rate_ is None:
            raise ValueError(
                f"{purpose} needs a solver with learning rates. Got solver='lbfgs',"
                " which chooses its own step sizes."
            )
        history, n_epochs = net.history_, len(net.history_["epoch"])
        begun_at = n_epochs - net.n_iter_
        if net.stop_reason_ == "partial_fit":
            begun_at = 0
        planned = begun_at + net.max_iter
        n_updates = int(history["update"][-1] - ([0, *history["update"]][-2]))
        plan = _Plan(
            net.learning_rate_, range(begun_at, planned), planned, n_updates,
            round(net.t_ / n_epochs),
        )  # fmt: skip
        curves = {}
        schedule = net._part(as_schedule(net.lr_schedule), SCHEDULES)
        with suppress(_LossesRead):
            curves["plan"] = plan.of(schedule)
        trained = [epoch - 1 / n_updates for epoch in history["epoch"]]
        curves["training"] = {
            "update": [update - 1 for update in history["update"]],
            "epochs": trained,
            "share": [min(epochs / planned, 1.0) for epochs in trained],
            "rate": list(history["learning_rate"]),
        }
        return cls(curves, unit=unit)

    def plot(self, ax: Any = None, *, log: bool = False) -> Self:
        """Draw the rates, and below them the momenta, if a schedule moves them.

        Parameters
        ----------
        ax : matplotlib Axes, array of two Axes or None, default=None
            Where to draw the rates, or the rates and the momenta. None makes a figure
            with the axes needed.
        log : bool, default=False
            Whether the axis of the rates is logarithmic; rates of 0 are then not drawn.

        Returns
        -------
        self : object
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If ``ax`` is an array of another length, or ``log`` is True and no rate is
            above 0.
        """
        moved = {n: c for n, c in self.curves.items() if "momentum" in c}
        axes = self._axes(ax, bool(moved))
        self.ax_, self.momentum_ax_ = axes[0], axes[1] if len(axes) > 1 else None
        self.figure_ = self.ax_.figure
        looks = dict(zip(self.curves, styles(len(self.curves)), strict=True))
        self.lines_ = self._draw(self.ax_, self.curves, "rate", looks)
        self.ax_.set_ylabel(self.rate_label)
        if log:
            check_log(self.lines_)
            log_scale(self.ax_)
        else:
            self.ax_.set_ylim(bottom=0)
        self.momentum_lines_ = []
        if self.momentum_ax_:
            self.momentum_lines_ = self._draw(
                self.momentum_ax_, moved, "momentum", looks
            )
            self.momentum_ax_.set_ylabel("momentum")
        for each in axes:
            tidy(each)
        axes[-1].set_xlabel(UNITS[self.unit])
        legend_beside(self.ax_)
        return self

    def _axes(self, ax: Any, with_momenta: bool) -> list[Any]:
        if ax is None and with_momenta:
            figure = pyplot("ScheduleDisplay.plot").figure(
                figsize=(7.4, 5.2), layout="constrained"
            )
            return list(figure.subplots(2, 1, sharex=True, height_ratios=(3, 2)))
        if ax is None or hasattr(ax, "plot"):
            return [axes_for(ax, "ScheduleDisplay.plot", figsize=(7.4, 4))]
        axes = list(ax)
        if len(axes) != 2:
            raise ValueError(
                "ax must be axes for the rates, or two of them, for rates and momenta."
                f" Got {len(axes)}."
            )
        return axes

    def _draw(
        self, ax: Any, curves: Mapping[str, Any], column: str, looks: dict
    ) -> list[Any]:
        key = {"updates": "update"}.get(self.unit, self.unit)
        lines = []
        for name, curve in curves.items():
            points = name == "training" and "plan" in self.curves
            how = (
                {"linestyle": "", "marker": "o", "markersize": 3.5}
                if points
                else {"drawstyle": "steps-post", "linewidth": 1.8}
            )
            lines += ax.plot(
                curve[key],
                curve[column],
                label=name if name != "training" else "training (ends of epochs)",
                **{**looks[name], **how},
            )
        return lines


class _LossesRead(Exception):
    """A schedule has read losses that were not given."""


class _Unknown(Sequence):
    """Losses that were not given; reading them raises `_LossesRead`.

    Parameters
    ----------
    argument : str
        The argument by which they would be given.
    """

    def __init__(self, argument: str):
        self.argument = argument

    def __len__(self):
        raise _LossesRead(self.argument)

    def __getitem__(self, _):
        raise _LossesRead(self.argument)


class _Plan:
    """A planned training, for which schedules compute the rates.

    Parameters
    ----------
    rate : float
        The initial rate.
    epochs : range
        The epochs.
    planned : float
        The epoch at which the plan ends.
    n_updates, n_samples : int
        Number of updates and of samples in each epoch.
    losses, validation_losses : sequence of float or None
        The losses of the epochs, None if they are not known.
    tol, patience : float
        Definition of a plateau of the losses.
    """

    def __init__(
        self,
        rate: float,
        epochs: range,
        planned: float,
        n_updates: int,
        n_samples: int,
        losses: Sequence[float] | None = None,
        validation_losses: Sequence[float] | None = None,
        tol: float = 0.0,
        patience: float = math.inf,
    ):
        self.rate, self.epochs, self.planned = rate, epochs, planned
        self.n_updates, self.n_samples = n_updates, n_samples
        self.losses = _Unknown("losses") if losses is None else losses
        self.validation_losses = (
            _Unknown("validation_losses")
            if validation_losses is None
            else validation_losses
        )
        self.tol, self.patience = tol, patience

    def of(self, schedule: Schedule) -> dict[str, list[float]]:
        """Return the rate and the momentum of each update.

        Raises
        ------
        _LossesRead
            If the schedule depends on losses that are not known.
        """
        names = ["update", "epochs", "share", "rate"]
        names += ["momentum"] if schedule.moves_momentum else []
        rows: list[list[float]] = []
        stopping = Stopping(self.tol, self.patience)
        counts_plateaus = not schedule.ends_at_plateau(math.inf)
        for epoch in self.epochs:
            if counts_plateaus and rows:
                stopping.see(-self.losses[epoch - 1])
                if stopping.at_plateau and not schedule.ends_at_plateau(rows[-1][3]):
                    stopping.pass_plateau(epoch)
            elif counts_plateaus:
                len(self.losses)  # raises _LossesRead if they are not known
            for step in range(self.n_updates):
                clock = self._clock(epoch, step, stopping.n_plateaus)
                rate = self.rate * factor_of(schedule, clock)
                rows.append([clock.update, clock.epochs, clock.share(), rate])
                if schedule.moves_momentum:
                    momentum = schedule.momentum(clock)
                    rows[-1].append(math.nan if momentum is None else float(momentum))
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))

    def _clock(self, epoch: int, step: int, plateaus: int) -> Clock:
        return Clock(
            epoch * self.n_updates + step,
            epoch,
            self.n_updates,
            step,
            epoch * self.n_samples,
            plateaus,
            self.planned,
            _until(self.losses, epoch),
            _until(self.validation_losses, epoch),
        )


def _until(losses: Sequence[float], epoch: int) -> Sequence[float]:
    return losses if isinstance(losses, _Unknown) else losses[:epoch]


def _checked_losses(name: str, losses: Any, epochs: int) -> list[float] | None:
    if losses is None:
        return None
    try:
        values = [float(loss) for loss in losses]
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be numbers, one for each epoch, or None. Got {losses!r}."
        ) from None
    if len(values) < epochs - 1:
        raise ValueError(
            f"{name} must have a number for each of the {epochs} epochs except the last"
            f" one. Got {len(values)}. Pass epochs={len(values)} to draw these."
        )
    return values


def _named(given: Any) -> dict[str, Schedule]:
    """Return schedules by name, after checking each."""
    if isinstance(given, Mapping):
        pairs = [(str(name), schedule) for name, schedule in given.items()]
    else:
        one = isinstance(given, str) or callable(given)
        if not (one or isinstance(given, Iterable)):
            raise TypeError(
                "schedules must be a name, a Schedule object, a function of a Clock, or"
                f" a list or dict of these. Got {given!r} instead."
            )
        listed = [given] if one else list(given)
        pairs = [(_name(schedule), schedule) for schedule in listed]
    named = {name: _schedule(schedule) for name, schedule in pairs}
    if not pairs or len(named) < len(pairs):
        raise ValueError(
            "schedules must have one or more entries, with names that differ. Pass a"
            f" dict to choose the names. Got {[name for name, _ in pairs]}."
        )
    return named


def _name(schedule: Any) -> str:
    if isinstance(schedule, str):
        return schedule
    if isinstance(schedule, Schedule):
        return repr(schedule)
    return getattr(schedule, "__name__", type(schedule).__name__)


def _schedule(given: Any) -> Schedule:
    allowed = [StrOptions(set(SCHEDULES)), Schedule, Function()]
    check_argument("ScheduleDisplay.from_schedules", "schedules", given, allowed)
    schedule = SCHEDULES[given]() if isinstance(given, str) else as_schedule(given)
    schedule.check()
    return schedule
