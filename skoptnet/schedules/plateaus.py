"""Schedules that reduce the rate on a plateau of the loss."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from .._params import COUNT_FROM_ZERO, FACTOR, NOT_NEGATIVE, SHARE, StrOptions
from .base import Schedule
from .losses import fold


class Adaptive(Schedule):
    """Reduces the rate at each plateau, ``lr_schedule="adaptive"``.

    .. math:: \\epsilon_t = \\epsilon_0 \\cdot \\mathrm{factor}^{p}

    with :math:`p` the plateaus passed so far. A plateau is ``n_iter_no_change`` epochs
    in a row without an improvement by ``tol`` of the training loss, or of the
    validation score with ``early_stopping``. The first plateau at a rate of
    ``min_rate`` or less ends the training. The same as in scikit-learn. `Plateau` has
    its own patience and never ends training.

    Parameters
    ----------
    factor : float in (0, 1), default=0.2
        Factor on the rate at each plateau.
    min_rate : float >= 0, default=1e-6
        A plateau at this rate or below ends the training.

    Examples
    --------
    >>> from skoptnet.schedules import Adaptive, Clock
    >>> clock = Clock(update=900, epoch=90, updates_per_epoch=10, step=0, plateaus=3)
    >>> Adaptive(factor=0.5)(clock)
    0.125
    """

    constant_within_epoch = True
    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {
        "factor": FACTOR,
        "min_rate": NOT_NEGATIVE,
    }

    def __init__(self, *, factor: float = 0.2, min_rate: float = 1e-6):
        self.factor = factor
        self.min_rate = min_rate

    def __call__(self, clock):
        return self.factor**clock.plateaus

    def ends_at_plateau(self, rate):
        return rate <= self.min_rate


class Plateau(Schedule):
    """Reduces the rate on a plateau of a loss, ``lr_schedule="plateau"``.

    .. math::
        \\epsilon_t = \\epsilon_0
        \\max(\\mathrm{factor}^{p}, \\mathrm{min\\_factor})

    with :math:`p` the reductions so far. A loss is an improvement if it is below the
    best so far by more than ``threshold`` times that; after more than ``patience``
    epochs in a row without an improvement, the rate is reduced. Epochs are counted over
    all calls. The same as PyTorch's ``ReduceLROnPlateau`` (with ``mode="min"``,
    ``threshold_mode="rel"`` and ``eps=0``); Keras' ``ReduceLROnPlateau`` acts one epoch
    earlier and its threshold, ``min_delta``, is a difference.

    It never ends training. ``n_iter_no_change`` and ``tol`` of the estimator do, as
    under all schedules but `Adaptive`: set ``patience`` below ``n_iter_no_change``, or
    ``n_iter_no_change`` to infinity.

    Parameters
    ----------
    monitor : {"loss", "validation_loss"}, default="loss"
        The monitored loss, by its name in ``history_``. ``"validation_loss"`` needs
        ``early_stopping=True``, or ``X_val`` in ``fit``; epochs without one are not
        counted.
    factor : float in (0, 1), default=0.1
        Factor on the rate at each reduction.
    patience : int >= 0, default=5
        Epochs in a row without an improvement after which the next one reduces the
        rate.
    threshold : float in [0, 1], default=1e-4
        Relative improvement of the best loss that counts.
    cooldown : int >= 0, default=0
        Epochs after each reduction that are not counted.
    min_factor : float in [0, 1], default=0.0
        The least factor on the initial rate.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Plateau
    >>> schedule = Plateau(patience=1)
    >>> schedule(Clock(30, 3, 10, 0, losses=[0.5, 0.3, 0.3]))
    1.0
    >>> schedule(Clock(40, 4, 10, 0, losses=[0.5, 0.3, 0.3, 0.4]))
    0.1
    """

    constant_within_epoch = True
    _parameter_constraints: ClassVar[dict] = {
        "monitor": [StrOptions({"loss", "validation_loss"})],
        "factor": FACTOR,
        "patience": COUNT_FROM_ZERO,
        "threshold": SHARE,
        "cooldown": COUNT_FROM_ZERO,
        "min_factor": SHARE,
    }

    def __init__(
        self,
        *,
        monitor: str = "loss",
        factor: float = 0.1,
        patience: int = 5,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_factor: float = 0.0,
    ):
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.min_factor = min_factor

    @property
    def needs_validation(self):
        return self.monitor == "validation_loss"

    def __call__(self, clock):
        losses = clock.validation_losses if self.needs_validation else clock.losses
        counting = _Counting(self.patience, self.threshold, self.cooldown)
        falls = fold(losses, counting, _Counts()).falls
        return max(self.factor**falls, self.min_factor)


class _Counts(NamedTuple):
    """Counts of `Plateau` over the losses so far."""

    good: float = math.inf  # a loss below this is an improvement
    bad: int = 0
    cooling: int = 0
    falls: int = 0


class _Counting(NamedTuple):
    """The rule of `Plateau`, one loss after another.

    `Losses` keeps the counts of the losses already read, so each epoch costs the same.
    Any other sequence is read from the beginning.
    """

    patience: int
    threshold: float
    cooldown: int

    def __call__(self, counts: _Counts, losses: Iterable[float]) -> _Counts:
        good, bad, cooling, falls = counts
        for loss in losses:
            if math.isnan(loss):
                continue
            if loss < good:
                bad, good = 0, loss - self.threshold * abs(loss)
            else:
                bad += 1
            if cooling:
                cooling, bad = cooling - 1, 0
            if bad > self.patience:
                falls, cooling, bad = falls + 1, self.cooldown, 0
        return _Counts(good, bad, cooling, falls)
