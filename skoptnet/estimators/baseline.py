"""Comparison with the best constant: has a network learnt, and if not, why?"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._types import Array
from ..compiled import hidden_activations, outputs
from ..losses import Loss
from ..network import Network
from ..optimizers import SGD, GradientDescent, Momentum
from ..training import Outcome, TrainingSet
from .convergence_warnings import feature_name

#: A network has learnt if its loss is below this fraction of the best constant's.
_LEARNT = 0.999

#: Below this fraction, even the loss of a noisy epoch is clear evidence.
_CLEARLY = 0.9

#: A network has left its start if its loss is below this fraction of that before.
_MOVED = 0.99

#: The best constant is exact if its loss is below this fraction of that of an output 0.
_EXACT = 1e-12

#: Then, a network has learnt if its loss is below this fraction of that of an output 0.
_LEARNT_A_CONSTANT = 0.5

#: A loss has risen if it is above this many times an earlier one.
_RISEN = 1.1

#: The logarithm of odds for a class that never occurs.
_FAR = 1e4

#: Features, of which the largest may be this many times the smallest, or 1.
_ALIKE = 1e3

#: Targets, whose mean and deviation may be this many times 1, or their deviation this
#: fraction of it.
_NEAR_ONE = 100.0

#: Rows that are enough to compare losses if they differ by more than `_DOUBT`, rows
#: that are enough in any case, and the maximum number of targets of the latter.
_ROWS, _MANY_ROWS, _TARGETS = 2000, 100_000, 2**23
_DOUBT = 0.1

#: Rows that are enough to tell the scales of features and the use of hidden units.
_FEW_ROWS = 1000


def mean_loss(network: Network, theta: Array, data: TrainingSet) -> float:
    """Return the weighted mean of the losses of the rows, without a penalty."""
    z = outputs(network, theta, data.X, data.rows)
    return _mean_of(network.loss, z, data.select(data.Y), data.weights)


def constant_loss(network: Network, data: TrainingSet) -> float:
    """Return the mean loss of the constant prediction that has the least."""
    Y, w, k = data.select(data.Y), data.weights, network.layer_sizes[-1]
    with np.errstate(divide="ignore"):
        z = network.loss.constant(Y, w, k, np)
    z = np.where(np.isinf(z), np.copysign(_FAR, z), z)
    return _loss_of_outputs(network, z, data)


def _loss_of_outputs(network: Network, z: Array, data: TrainingSet) -> float:
    """Return the mean loss of the same raw outputs, of shape (1, k), for all rows."""
    Y, w, z = data.select(data.Y), data.weights, z.astype(data.X.dtype)
    if Y.ndim == 1:  # rows of the same class have the same loss
        w = np.bincount(Y, weights=w)
        Y = np.arange(len(w))
    return _mean_of(network.loss, np.repeat(z, len(Y), axis=0), Y, w)


def _mean_of(loss: Loss, z: Array, Y: Array, w: Array | None) -> float:
    with np.errstate(all="ignore"):
        losses = loss.value(z, Y, np).astype(np.float64)
        return float(np.average(losses, weights=w))


def _sample(data: TrainingSet, n_rows: int) -> TrainingSet:
    """Return rows at equal distances, in the order given, at most ``n_rows``."""
    step = -(-len(data) // n_rows)
    if step == 1:
        return data
    rows = np.arange(len(data)) if data.rows is None else data.rows
    sample = data.subset(rows[::step])
    w = sample.weights
    return sample if w is None or w.any() else data


def _enough(network: Network, least: float, data: TrainingSet) -> float:
    """Return the loss below which a network has learnt.

    A constant that is exact, as for a target that never varies, cannot be beaten: the
    network then has to halve the loss of raw outputs 0, with which training begins.
    """
    at_zero = _loss_of_outputs(network, np.zeros((1, network.layer_sizes[-1])), data)
    if at_zero == 0:  # zero is the constant
        return math.inf
    if least <= _EXACT * at_zero:
        return _LEARNT_A_CONSTANT * at_zero
    return _LEARNT * least


class _Rows:
    """Some training rows of a fit, and their mean losses, computed when needed."""

    def __init__(self, fit: Any, data: TrainingSet):
        self.fit, self.data = fit, data

    def sample(self, n_rows: int) -> _Rows:
        """Return at most ``n_rows`` of them; they themselves if they are few."""
        data = _sample(self.data, n_rows)
        return self if data is self.data else _Rows(self.fit, data)

    @cached_property
    def loss(self) -> float:
        """The loss of the network."""
        return mean_loss(self.fit.network, self.fit.run.theta, self.data)

    @cached_property
    def untrained_loss(self) -> float:
        """The loss of the network before training."""
        return mean_loss(self.fit.network, self.fit.untrained(), self.data)

    @cached_property
    def constant_loss(self) -> float:
        """The loss of the best constant."""
        return constant_loss(self.fit.network, self.data)


def failure_of(fit: Any, outcome: Outcome, curve: list[float]) -> str:
    """Return the reason why a network has learnt nothing, "" if it has learnt.

    A network has learnt nothing if it is no better than a constant or, if training
    ended as early as possible, than the untrained network, which may be better than a
    constant by chance.

    Training losses, which include penalties, are compared first. Only if they are not
    conclusive, the network predicts training rows: a few, or in doubt more.

    Parameters
    ----------
    fit : Fit
        A call of ``fit`` that has ended.
    outcome : Outcome
        How training ended.
    curve : list of float
        Its training losses.
    """
    k = fit.network.layer_sizes[-1]
    n_many = min(_MANY_ROWS, max(_ROWS, _TARGETS // k))
    many = _Rows(fit, fit.data).sample(n_many)
    if fit.model.loss_ < _CLEARLY * many.constant_loss:
        return _of_flat_start(outcome, curve, many)
    rows = many.sample(_ROWS)
    if not abs(rows.loss - rows.constant_loss) > _DOUBT * rows.constant_loss:
        rows = many  # also if a loss is not finite
    if rows.loss < _enough(fit.network, rows.constant_loss, rows.data):
        return _of_flat_start(outcome, curve, rows)
    return (
        "The network predicts its training rows no better than the best constant does:"
        f" its loss is {rows.loss:.4g}, that of the constant {rows.constant_loss:.4g}."
        f" {_reasons(outcome, curve, rows)}"
    )


def _of_flat_start(outcome: Outcome, curve: list[float], rows: _Rows) -> str:
    """Return the reason if training "converged" at its start, otherwise ""."""
    fit = rows.fit
    at_once = len(curve) <= fit.model.n_iter_no_change + 1
    if outcome.reason != "converged" or fit.continues or not at_once:
        return ""
    if fit.initial_rate is None:  # L-BFGS, whose convergence is that of the gradient
        return ""
    few = rows.sample(_ROWS)
    if few.loss < _MOVED * few.untrained_loss or few.untrained_loss <= _EXACT:
        return ""
    return (
        "The network predicts its training rows no better than the untrained network"
        f" did: its loss is {few.loss:.4g}, that of the untrained one"
        f" {few.untrained_loss:.4g}."
        f" {_reasons(outcome, curve, few)}"
    )


def _reasons(outcome: Outcome, curve: list[float], rows: _Rows) -> str:
    """Return the likely reasons why a network has learnt nothing, in a sentence."""
    fit, few = rows.fit, rows.sample(_FEW_ROWS)
    reasons = _of_targets(fit.model, rows.data) + _of_features(fit.model, few.data)
    reasons += _of_hidden_units(fit, fit.run.theta, few.data)
    reasons += _of_high_rate(curve, few)
    reasons = reasons or [_of_epochs(fit, outcome, len(curve))]
    if len(reasons) == 1:
        return f"Likely reason: {reasons[0]}"
    numbered = " ".join(f"({i}) {reason}" for i, reason in enumerate(reasons, 1))
    return f"Likely reasons: {numbered}"


def _of_targets(model: Any, data: TrainingSet) -> list[str]:
    """Return a sentence if a regressor trains on targets in an unsuitable unit."""
    if getattr(model, "normalize_y", True):
        return []
    Y = data.select(data.Y).astype(np.float64)
    largest = np.abs(Y).max() or 1.0
    U, w = Y / largest, data.weights
    center = np.average(U, axis=0, weights=w)
    variance = np.average((U - center) ** 2, axis=0, weights=w)
    mean, deviation = largest * np.abs(center), largest * np.sqrt(variance)
    # With a logarithmic link, the deviation follows from the mean.
    has_log_link = model.out_activation_ == "exp"
    size = mean if has_log_link else np.maximum(mean, deviation)
    unit = mean if has_log_link else deviation
    with np.errstate(divide="ignore"):
        too_small = np.where(deviation > 0, -np.log(unit), 0)
        distance = np.maximum(np.log(size), too_small)
    worst = int(np.argmax(distance))
    if distance[worst] <= np.log(_NEAR_ONE):
        return []
    target = "y" if len(mean) == 1 else f"column {worst} of y"
    return [
        f"The values of {target} are far from 1: the size of their mean is"
        f" {mean[worst]:.3g}, their deviation {deviation[worst]:.3g}. Set"
        " normalize_y=True."
    ]


def _of_features(model: Any, data: TrainingSet) -> list[str]:
    """Return a sentence about unsuitable scales of the features, if there are any."""
    scales = _feature_scales(data)
    used = np.flatnonzero(scales > 0)
    if not len(used):
        return ["All features are zero."]
    if not issparse(data.X) and not np.ptp(data.select(data.X), axis=0).any():
        return ["All features are constant."]
    low, high = (used[pick(scales[used])] for pick in (np.argmin, np.argmax))
    names = [f"{feature_name(model, j)} (about {scales[j]:.1g})" for j in (low, high)]
    if scales[high] > _ALIKE * scales[low]:
        problem = f"The scales of the features differ, from {names[0]} to {names[1]}."
    elif scales[high] > _ALIKE or scales[high] < 1 / _ALIKE:
        problem = f"The scales of the features are far from 1: {names[1]}."
    else:
        return []
    return [f"{problem} Put a StandardScaler before the network, in a Pipeline."]


def _feature_scales(data: TrainingSet) -> Array:
    """Return the root mean square of the values of each feature that are not 0."""
    X = abs(data.select(data.X).astype(np.float64))
    largest = X.max()
    if issparse(X):
        largest = largest or 1.0
        squares = np.asarray((X / largest).power(2).sum(axis=0)).ravel()
        counts = np.bincount(X.nonzero()[1], minlength=X.shape[1])
    else:
        squares = ((X / (largest or 1.0)) ** 2).sum(axis=0)
        counts = np.count_nonzero(X, axis=0)
    return largest * np.sqrt(squares / np.maximum(counts, 1))


def _of_hidden_units(fit: Any, theta: Array, data: TrainingSet) -> list[str]:
    """Return a sentence about a hidden layer whose outputs never vary."""
    network, X = fit.network, data.select(data.X)
    lower = "alpha" if fit.initial_rate is None else "learning_rate_init or alpha"
    values = X.data if issparse(X) else X - X[:1]  # SciPy's methods would change X
    if not values.any():  # constant features have been named already
        return []
    for layer in range(len(network.layer_sizes) - 2):
        a = hidden_activations(network, theta, X, layer).astype(np.float64)
        if (np.ptp(a, axis=0) <= 1e-3 * np.abs(a).max(axis=0)).all():
            kind = "dead" if not a.any() else "saturated"
            return [
                f"All units of hidden layer {layer} are {kind}: their outputs are the"
                f" same for all rows. Standardise the features, or lower {lower}."
            ]
    return []


def _of_high_rate(curve: list[float], rows: _Rows) -> list[str]:
    """Return a sentence if the loss has risen during training, or above its start."""
    fit, rate = rows.fit, rows.fit.initial_rate
    if rate is None or not curve:  # no epoch, if the first one diverged
        return []
    end, start, at_start = curve[-1], min(curve), ""
    if end <= _RISEN * start:
        if fit.continues:  # from weights that were trained
            return []
        at_start = " of the untrained network"
        end, start = rows.loss, rows.untrained_loss
        if end <= _RISEN * max(start, rows.constant_loss):
            return []
    return [
        f"The learning rate {rate:g} is too high: the loss has risen to {end:.4g}, from"
        f" {start:.4g}{at_start}. Lower learning_rate_init."
    ]


def _of_epochs(fit: Any, outcome: Outcome, n: int) -> str:
    """Return a sentence about the learning rate or the number of epochs."""
    rate = fit.initial_rate
    if outcome.reason == "diverged":
        return "Training diverged before it could learn."
    if outcome.reason == "max_iter":
        cure = "max_iter" if rate is None else "max_iter or learning_rate_init"
        return f"There were too few epochs, {n}. Raise {cure}."
    if outcome.reason == "callback":
        epochs = "1 epoch" if n == 1 else f"{n} epochs"
        return f"A callback ended training after {epochs}, perhaps too early."
    if outcome.reason == "converged" and rate is not None:
        cure = "Raise learning_rate_init or lower tol."
        if isinstance(fit.parts.optimizer, (GradientDescent, SGD, Momentum)):
            cure = "Raise learning_rate_init, lower tol, or choose solver='adam'."
        return (
            f"The learning rate {rate:g} is too low for solver={fit.model.solver!r} to"
            f" leave a flat start: the loss fell by less than tol per epoch. {cure}"
        )
    return "The features may say nothing about y, or alpha may be too high."
