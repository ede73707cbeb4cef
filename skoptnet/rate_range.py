"""Learning-rate range test (Smith, 2017).

The rate rises from update to update, from one that changes nothing to one at which
training diverges, and the loss of each minibatch is recorded. Source: `Smith (2017)
<https://arxiv.org/abs/1506.01186>`__, *Cyclical Learning Rates for Training Neural
Networks*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.base import clone
from sklearn.utils import check_random_state

from ._params import COUNT, NOT_NEGATIVE, POSITIVE, Interval, check_argument
from ._sklearn import without_callbacks
from ._types import Array
from .estimators.base import MLP
from .estimators.fitting import fit_watched
from .estimators.wrapped import inputs_of_network, network_in
from .training import Watcher

#: The rule suggests the rate at which the loss has completed this share of its fall.
SHARE_OF_FALL = 0.75
# A run has diverged after _IN_A_ROW losses above _TIMES the initial loss, which is the
# mean over the first updates, the share _INITIAL of all.
_IN_A_ROW, _TIMES, _INITIAL = 3, 4.0, 0.1

_CONSTRAINTS: Mapping[str, list] = {
    "min_rate": POSITIVE,
    "max_rate": POSITIVE,
    "n_updates": [Interval(Integral, 10, None, closed="left")],
    "n_seeds": COUNT,
    "smoothing": NOT_NEGATIVE,
    "random_state": ["random_state"],
}


@dataclass(repr=False, eq=False)
class RateRangeResult:
    """Result of `learning_rate_range_test`.

    Parameters
    ----------
    rates : ndarray of shape (n_updates,)
        The learning rate of each update.
    losses : ndarray of shape (n_seeds, n_updates)
        The loss of each update's minibatch, before the update; nan from where a run
        diverged.
    smoothed : ndarray of shape (n_seeds, n_updates)
        The smoothed losses.
    suggested_rates : ndarray of shape (n_seeds,)
        The rate that each run suggests; nan where its loss did not fall.
    diverged_at : ndarray of shape (n_seeds,)
        The rate at which each run diverged; nan where it did not.
    seeds : ndarray of shape (n_seeds,)
        The ``random_state`` of the estimator in each run.

    See Also
    --------
    LearningRateRangeDisplay : The result as a plot.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX, learning_rate_range_test
    >>> result = learning_rate_range_test(
    ...     MLPClassifierX(), *load_iris(return_X_y=True), random_state=0
    ... )
    >>> low, high = result.interval
    >>> low <= result.suggested_rate <= high
    True
    >>> list(result.to_dict())
    ['seed', 'update', 'rate', 'loss', 'smoothed']
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggested_rates: Array
    diverged_at: Array
    seeds: Array

    @property
    def suggested_rate(self) -> float:
        """The median over the runs, on a logarithmic scale; nan if no run has one.

        Runs without a suggestion do not count.
        """
        known = self._known
        return float(np.exp(np.median(np.log(known)))) if len(known) else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The lowest and the highest rate that a run suggests."""
        known = self._known
        if not len(known):
            return math.nan, math.nan
        return float(known.min()), float(known.max())

    @property
    def remarks(self) -> tuple[str, ...]:
        """Warnings about the result, a sentence each; empty if there are none."""
        remarks = []
        n_seeds, n_none = len(self.seeds), int(np.isnan(self.suggested_rates).sum())
        if n_none:
            remarks.append(
                f"The loss did not fall in {n_none} of {n_seeds} runs; lower min_rate."
            )
        n_falling = sum(
            bool(math.isnan(end) and np.argmin(smoothed) == len(smoothed) - 1)
            for end, smoothed in zip(self.diverged_at, self.smoothed, strict=True)
        )
        if n_falling:
            remarks.append(
                f"The loss still fell at the highest rate in {n_falling} of"
                f" {n_seeds} runs; raise max_rate."
            )
        low, high = self.interval
        if high > 10 * low:
            remarks.append(
                "The rates that the runs suggest differ by more than a factor of ten;"
                " plot the curves, and raise n_updates if they are noisy."
            )
        return tuple(remarks)

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the curves as lists of equal length, one run after the other.

        Returns
        -------
        dict of lists
            ``seed``, ``update`` (from 1), ``rate``, ``loss`` and ``smoothed``, ready
            for `pandas.DataFrame`.
        """
        n_seeds, n_updates = self.losses.shape
        return {
            "seed": np.repeat(self.seeds, n_updates).tolist(),
            "update": np.tile(np.arange(1, n_updates + 1), n_seeds).tolist(),
            "rate": np.tile(self.rates, n_seeds).tolist(),
            "loss": self.losses.ravel().tolist(),
            "smoothed": self.smoothed.ravel().tolist(),
        }

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"RateRangeResult(suggested_rate={self.suggested_rate:.3g},"
            f" interval=({low:.3g}, {high:.3g}), n_seeds={len(self.seeds)},"
            f" n_updates={len(self.rates)})"
        )

    def __str__(self) -> str:
        """Return a summary in a few lines."""
        first, last = self.rates[[0, -1]]
        n_seeds = len(self.seeds)
        runs = f"{n_seeds} run{'s' if n_seeds > 1 else ''}"
        suggested, diverged = "No rate can be suggested.", "No run diverged."
        if len(self._known):
            low, high = self.interval
            suggested = f"Suggested learning_rate_init: {self.suggested_rate:.3g}"
            suggested += f" ({low:.3g} to {high:.3g} over the runs)."
        ends = self.diverged_at[~np.isnan(self.diverged_at)]
        if len(ends):
            diverged = f"Diverged: {len(ends)} of {runs}, first at {ends.min():.3g}."
        lines = [
            f"Learning-rate range test: {runs} of {len(self.rates)} updates at rates"
            f" from {first:.3g} to {last:.3g}.",
            suggested,
            diverged,
        ]
        return "\n".join([*lines, *self.remarks])

    @property
    def _known(self) -> Array:
        return self.suggested_rates[~np.isnan(self.suggested_rates)]


def learning_rate_range_test(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    min_rate: float = 1e-5,
    max_rate: float = 10.0,
    n_updates: int = 200,
    n_seeds: int = 5,
    smoothing: float = 0.2,
    random_state: Any = None,
) -> RateRangeResult:
    """Suggest a learning rate from short trainings at rising rates.

    Each run trains a copy of the estimator as its ``fit`` would: with its solver, loss,
    minibatches, penalties, dropout and weights, without the rows that
    ``early_stopping`` holds out. Only the rates differ: they rise exponentially from
    ``min_rate`` to ``max_rate``, one per update. ``lr_schedule`` is not used, nor the
    momentum that it may move. Neither the estimator nor the data are changed.

    The **suggested rate** of a run is the first at which its smoothed loss has
    completed three quarters of its fall from the first rate to the minimum. Higher
    rates still lower the loss in the test, but from weights that lower rates have
    trained; training that starts with such a rate may diverge. The result is the median
    over the runs.

    A run **ends early** as soon as a loss or a weight is not finite, or three losses
    in a row are more than four times the initial loss (exactly: exceed it by three
    times the mean absolute value of the first tenth of the losses).

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The network to train; or a `sklearn.pipeline.Pipeline`,
        `sklearn.compose.TransformedTargetRegressor` or fitted search (its
        ``best_estimator_``) that ends with one, whose other steps are fitted once. The
        solver has learning rates, so it is not ``"lbfgs"``.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows, for the network.
    min_rate : float > 0, default=1e-5
        The first rate. It should be too low to change the loss.
    max_rate : float > min_rate, default=10.0
        The last rate, unless a run diverges earlier. It should be too high to train.
    n_updates : int >= 10, default=200
        Number of updates, over as many epochs as they take. With more updates a run
        trains longer at each rate, so the suggestion is lower: by a quarter of a decade
        for twice as many.
    n_seeds : int >= 1, default=5
        Number of runs. They differ in initial weights, minibatches and dropout.
    smoothing : float >= 0, default=0.2
        Standard deviation, in decades of the rate, of the Gaussian weights with which
        neighbouring losses are averaged.
    random_state : int, RandomState instance or None, default=None
        The source of the runs' seeds. With an int, calls give the same result. The
        estimator's own ``random_state`` is not used.

    Returns
    -------
    RateRangeResult
        The rates, the losses, the suggested rate and its spread over the runs.

    Raises
    ------
    ValueError
        If an argument, a parameter of the estimator or the data cannot be used.
    TypeError
        If there is no `MLPClassifierX` or `MLPRegressorX` to train.

    See Also
    --------
    LearningRateRangeDisplay : The same as a plot.

    Notes
    -----
    Smith reads two rates off the accuracy curve: where it begins to rise, and where it
    becomes ragged. fastai and PyTorch Lightning suggest a single one: the rate of the
    steepest descent of the loss, or a tenth of the rate of its minimum. The first
    depends on noise; the second depends on how long training survives rates that are
    too high. The rate at which most of the fall is done is more reliable: for four
    solvers on twelve data sets, trained with early stopping, it was 1.1 points of 100
    behind the best rate on average, the others 5.2 and 2.1 (median: 0.5, 0.7 and 0.6),
    the solvers' default rates 1.7 (0.5). docs/rate_range.md has the method and the
    results.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skoptnet import MLPClassifierX, learning_rate_range_test
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifierX((50,), solver="momentum", batch_size=32)
    >>> result = learning_rate_range_test(model, X / 16, y, random_state=0)
    >>> bool(0.01 < result.suggested_rate < 1)
    True
    >>> model = model.set_params(learning_rate_init=result.suggested_rate)
    """
    purpose = "learning_rate_range_test"
    arguments = {
        "min_rate": min_rate,
        "max_rate": max_rate,
        "n_updates": n_updates,
        "n_seeds": n_seeds,
        "smoothing": smoothing,
        "random_state": random_state,
    }
    for name, value in arguments.items():
        check_argument(purpose, name, value, _CONSTRAINTS[name])
    if min_rate >= max_rate:
        raise ValueError(
            "The 'max_rate' parameter of learning_rate_range_test must be above"
            f" min_rate, which is {min_rate!r}. Got {max_rate!r} instead."
        )
    network = network_in(estimator, purpose, fitted=False)
    if isinstance(network.solver, str) and network.solver == "lbfgs":
        raise ValueError(
            "learning_rate_range_test needs a solver with learning rates. Got"
            " solver='lbfgs', which chooses its own step sizes."
        )
    X, y = inputs_of_network(estimator, X, y, purpose)
    rates = np.geomspace(float(min_rate), float(max_rate), int(n_updates))
    rng = check_random_state(random_state)
    seeds = rng.randint(np.iinfo(np.int32).max, size=int(n_seeds))
    losses = np.array(
        [_run(network, X, y, sample_weight, rates, int(seed)) for seed in seeds]
    )
    decades = math.log10(max_rate / min_rate) / (len(rates) - 1)
    smoothed = np.array([_smoothed(run, smoothing / decades) for run in losses])
    return RateRangeResult(
        rates,
        losses,
        smoothed,
        np.array([suggestion(rates, run) for run in smoothed]),
        np.array([_end(rates, run) for run in losses]),
        seeds,
    )


def suggestion(
    rates: Array, smoothed: Array, share_of_fall: float = SHARE_OF_FALL
) -> float:
    """Return the first rate at which the loss has done a share of its fall."""
    lowest = np.nanargmin(smoothed) if np.isfinite(smoothed).any() else 0
    if lowest == 0:
        return math.nan
    fallen = smoothed[0] - smoothed[: lowest + 1]
    return float(rates[np.argmax(fallen >= share_of_fall * fallen[-1])])


# One run.


def _run(network: MLP, X: Any, y: Any, w: Any, rates: Array, seed: int) -> Array:
    """Train a copy, an update at each rate; return the losses of the minibatches."""
    recorder = _Recorder(len(rates))
    copy = without_callbacks(clone(network)).set_params(
        learning_rate_init=1.0,
        lr_schedule=lambda clock: float(rates[min(clock.update, len(rates) - 1)]),
        max_iter=len(rates),
        n_iter_no_change=np.inf,
        random_state=seed,
        return_train_score=False,
        refit_all=False,
        verbose=False,
        warm_start=False,
    )
    try:
        fit_watched(copy, X, y, w, lambda _: recorder)
    except _Ended:
        return recorder.losses
    raise KeyboardInterrupt  # else the recorder ends the training


class _Ended(Exception):
    """Ends the training: all updates are made, or the run has diverged."""


class _Recorder(Watcher):
    """Records the loss of each update, and ends the training.

    Attributes
    ----------
    losses : array of shape (n_updates,)
        The losses; nan for updates that the run has not reached, or after it diverged.
    """

    sees_updates = True

    def __init__(self, n_updates: int):
        self.losses = np.full(n_updates, math.nan)
        self.n_initial = math.ceil(_INITIAL * n_updates)
        self.done = 0

    def after_update(self, loss, rate):
        self.losses[self.done] = loss
        self.done += 1
        initial = self.losses[: min(self.n_initial, self.done)]
        limit = initial.mean() + (_TIMES - 1) * np.abs(initial).mean()
        last = self.losses[max(0, self.done - _IN_A_ROW) : self.done]
        if len(last) == _IN_A_ROW and (last > limit).all():
            last[...] = math.nan
            raise _Ended
        if self.done == len(self.losses):
            raise _Ended

    def after_divergence(self):
        raise _Ended


# Curves.


def _smoothed(losses: Array, width: float) -> Array:
    """Return the losses averaged with Gaussian weights; ``width`` is in updates."""
    smoothed, known = losses.copy(), losses[~np.isnan(losses)]
    if width and len(known):
        n = len(known)
        options = {"mode": "constant", "radius": min(math.ceil(4 * width), n)}
        # Weights beyond the ends do not count: divide by the sum of those within.
        share = gaussian_filter1d(np.ones(n), width, **options)
        smoothed[:n] = gaussian_filter1d(known, width, **options) / share
    return smoothed


def _end(rates: Array, losses: Array) -> float:
    """Return the rate at which a run diverged, nan if it did not."""
    lost = np.isnan(losses)
    return float(rates[lost.argmax()]) if lost.any() else math.nan
