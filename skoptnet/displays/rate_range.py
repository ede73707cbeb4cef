"""Plot of a learning-rate range test: losses over the rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._params import described
from .._types import Array
from ..rate_range import RateRangeResult, learning_rate_range_test
from ._style import COLORS, axes_for, legend_beside, log_scale, tidy


class LearningRateRangeDisplay:
    """Losses of a learning-rate range test, and the suggested rate.

    Made by `from_estimator`, which runs the test, or by `from_result`.

    Parameters
    ----------
    rates : array of shape (n_updates,)
        The learning rate of each update.
    losses : array of shape (n_seeds, n_updates)
        The loss of each update's minibatch; nan from where a run diverged.
    smoothed : array of shape (n_seeds, n_updates)
        The smoothed losses.
    suggested_rate : float
        The suggested rate; nan if there is none.
    interval : (float, float)
        The lowest and the highest rate that a run suggests.
    diverged_at : array of shape (n_seeds,)
        The rate at which each run diverged; nan where it did not.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    loss_lines_, smoothed_lines_ : list of matplotlib Line2D
        The curves, one per run.
    suggestion_ : matplotlib Line2D or None
        The suggested rate.
    interval_ : matplotlib Polygon or None
        The band of the interval.
    divergence_ : matplotlib Line2D or None
        Crosses where runs diverged.

    See Also
    --------
    learning_rate_range_test : The test, and the rule of the suggestion.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.displays import LearningRateRangeDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = LearningRateRangeDisplay.from_estimator(
    ...     MLPClassifierX((50,), solver="momentum", batch_size=32),
    ...     X / 16,
    ...     y,
    ...     random_state=0,
    ... )
    >>> display.plot().ax_.get_xlabel()
    'learning rate'
    """

    def __init__(
        self,
        *,
        rates: Array,
        losses: Array,
        smoothed: Array,
        suggested_rate: float,
        interval: tuple[float, float],
        diverged_at: Array,
    ):
        self.rates = np.asarray(rates)
        self.losses = np.asarray(losses)
        self.smoothed = np.asarray(smoothed)
        self.suggested_rate = suggested_rate
        self.interval = interval
        self.diverged_at = np.asarray(diverged_at)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, **options: Any
    ) -> LearningRateRangeDisplay:
        """Run a learning-rate range test.

        Parameters
        ----------
        estimator : estimator
            As for `learning_rate_range_test`. It is not changed.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        **options : dict
            Further arguments of `learning_rate_range_test`.

        Returns
        -------
        LearningRateRangeDisplay
            The display, not yet drawn.
        """
        return cls.from_result(learning_rate_range_test(estimator, X, y, **options))

    @classmethod
    def from_result(cls, result: RateRangeResult) -> LearningRateRangeDisplay:
        """Take the result of `learning_rate_range_test`.

        Parameters
        ----------
        result : RateRangeResult
            The result.

        Returns
        -------
        LearningRateRangeDisplay
            The display, not yet drawn.
        """
        if not isinstance(result, RateRangeResult):
            raise TypeError(
                f"{cls.__name__}.from_result needs the result of"
                f" learning_rate_range_test. Got {described(result)} instead. For an"
                " estimator, X and y, use from_estimator."
            )
        return cls(
            rates=result.rates,
            losses=result.losses,
            smoothed=result.smoothed,
            suggested_rate=result.suggested_rate,
            interval=result.interval,
            diverged_at=result.diverged_at,
        )

    def plot(self, ax: Any = None) -> LearningRateRangeDisplay:
        """Draw the losses, thin and light, and the smoothed losses over them.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : LearningRateRangeDisplay
            The display, with the attributes above.
        """
        self.ax_ = ax = axes_for(ax, type(self).__name__)
        self.figure_ = ax.figure
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss before the update")
        self._draw_losses(ax)
        self._draw_suggestion(ax)
        self._draw_divergence(ax)
        log_scale(ax, "x")
        tidy(ax)
        legend_beside(ax)
        return self

    def _draw_losses(self, ax: Any) -> None:
        blue, sky = COLORS[0], COLORS[5]
        self.loss_lines_ = [
            ax.plot(self.rates, run, color=sky, alpha=0.6, linewidth=0.6)[0]
            for run in self.losses
        ]
        self.smoothed_lines_ = [
            ax.plot(self.rates, run, color=blue, linewidth=1.5)[0]
            for run in self.smoothed
        ]
        self.loss_lines_[0].set_label("minibatches")
        self.smoothed_lines_[0].set_label("smoothed")
        low, high = _range_shown(self.smoothed)
        margin = 0.05 * (high - low)
        ax.set_ylim(low - margin, high + margin)

    def _draw_suggestion(self, ax: Any) -> None:
        orange, (low, high) = COLORS[1], self.interval
        self.suggestion_ = self.interval_ = None
        if np.isfinite(self.suggested_rate):
            self.suggestion_ = ax.axvline(
                self.suggested_rate, color=orange, linestyle="--",
                label=f"suggested:\n{self.suggested_rate:.2g}",
            )  # fmt: skip
        if low < high:
            self.interval_ = ax.axvspan(
                low, high, color=orange, alpha=0.3, linewidth=0,
                label=f"by {len(self.smoothed)} runs:\n{low:.2g} to {high:.2g}",
            )  # fmt: skip

    def _draw_divergence(self, ax: Any) -> None:
        ended = np.isfinite(self.diverged_at)
        self.divergence_ = None
        if not ended.any():
            return
        last = [_last(run) for run in self.smoothed[ended]]
        (self.divergence_,) = ax.plot(
            self.diverged_at[ended], np.minimum(last, _range_shown(self.smoothed)[1]),
            "x", color=COLORS[2], markersize=7, markeredgewidth=2,
            label=f"diverged:\n{ended.sum()} of {len(ended)}",
        )  # fmt: skip


def _range_shown(smoothed: Array) -> tuple[float, float]:
    """Return the range of losses to show: no further above the start than below."""
    known = smoothed[np.isfinite(smoothed)]
    if not known.size or known.min() == known.max():
        return 0.0, 1.0
    low, high, start = known.min(), known.max(), np.nanmax(smoothed[:, 0])
    return low, min(high, 2 * start - low) if start > low else high


def _last(run: Array) -> float:
    """Return a run's last loss, nan if it has none."""
    known = run[np.isfinite(run)]
    return float(known[-1]) if len(known) else np.nan
