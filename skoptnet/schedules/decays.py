"""Schedules without a planned end: step, exponential, cosine with restarts, ..."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import ClassVar

from .._params import (
    AT_LEAST_ONE,
    EXPONENT,
    FACTOR_OR_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    InvalidParameterError,
    brief,
    satisfies,
)
from .base import Schedule


class Constant(Schedule):
    """Constant rate, ``lr_schedule="constant"``.

    .. math:: \\epsilon_t = \\epsilon_0

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Constant
    >>> Constant()(Clock(update=70, epoch=7, updates_per_epoch=10, step=0))
    1.0
    """

    constant_within_epoch = True
    reads_losses = False

    def __call__(self, clock):
        return 1.0


class _Decay(Schedule):
    """Base class of the decays by ``decay_rate`` per ``decay_epochs`` epochs."""

    reads = ("decay_rate", "decay_epochs")
    _parameter_constraints: ClassVar[dict] = {
        "decay_rate": FACTOR_OR_ONE,
        "decay_epochs": POSITIVE,
    }

    def __init__(self, *, decay_rate: float = 0.5, decay_epochs: float = 10):
        self.decay_rate = decay_rate
        self.decay_epochs = decay_epochs


class StepDecay(_Decay):
    """Step decay, ``lr_schedule="step"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\cdot
        \\mathrm{decay\\_rate}^{\\lfloor e / \\mathrm{decay\\_epochs} \\rfloor}

    with :math:`e` the epochs finished so far. Source: the lecture. The same as
    PyTorch's ``StepLR``.

    Parameters
    ----------
    decay_rate : float in (0, 1], default=0.5
        Factor of each step.
    decay_epochs : float > 0, default=10
        Epochs between two steps.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, StepDecay
    >>> StepDecay()(Clock(update=250, epoch=25, updates_per_epoch=10, step=0))
    0.25
    """

    constant_within_epoch = True
    reads_losses = False

    def __call__(self, clock):
        return self.decay_rate ** (clock.epoch // self.decay_epochs)


class ExponentialDecay(_Decay):
    """Exponential decay with every update, ``lr_schedule="exponential"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\cdot \\mathrm{decay\\_rate}^{
        t / (\\mathrm{decay\\_epochs} \\cdot \\mathrm{updates\\_per\\_epoch})}

    with :math:`t` the updates made so far. Source: the lecture. The same as the
    exponential decay of Keras and Optax; PyTorch's ``ExponentialLR`` agrees at the ends
    of epochs.

    Parameters
    ----------
    decay_rate : float in (0, 1], default=0.5
        Factor per ``decay_epochs`` epochs.
    decay_epochs : float > 0, default=10
        Epochs in which the rate is multiplied by ``decay_rate``.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, ExponentialDecay
    >>> ExponentialDecay()(Clock(update=200, epoch=20, updates_per_epoch=10, step=0))
    0.25
    """

    reads_losses = False

    def __call__(self, clock):
        return self.decay_rate ** (clock.epochs / self.decay_epochs)


class InverseScaling(Schedule):
    """Inverse scaling by the samples seen, ``lr_schedule="invscaling"``.

    .. math::
        \\epsilon_t = \\frac{\\epsilon_0}{(N + 1)^{\\mathrm{power\\_t}}}

    with :math:`N` the samples seen in the finished epochs, repetitions included,
    regardless of their weights. As in scikit-learn, the unit is the sample: the rate
    falls far after the first epoch and slowly later.

    Parameters
    ----------
    power_t : float in [0, 1000], default=0.5
        The exponent.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, InverseScaling
    >>> clock = Clock(update=10, epoch=1, updates_per_epoch=10, step=0, samples=99)
    >>> InverseScaling()(clock)
    0.1
    """

    constant_within_epoch = True
    reads_losses = False
    reads = ("power_t",)
    _parameter_constraints: ClassVar[dict] = {
        "power_t": EXPONENT,
    }

    def __init__(self, *, power_t: float = 0.5):
        self.power_t = power_t

    def __call__(self, clock):
        try:
            return 1 / (clock.samples + 1) ** self.power_t
        except OverflowError:  # too large for a float
            return 0.0


class Piecewise(Schedule):
    """Piecewise constant rate, ``lr_schedule="piecewise"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\prod_{i :\\, m_i \\le e} f_i

    with :math:`e` the epochs finished so far and :math:`m_i` the milestones. Source:
    `He, Zhang, Ren and Sun (2016) <https://arxiv.org/abs/1512.03385>`__. Their rates
    fall to a tenth after half and after three quarters of the training, as these do
    with ``max_iter=200``. The same as Optax' ``piecewise_constant_schedule``, whose
    boundaries are updates, and with a single factor as PyTorch's ``MultiStepLR``;
    Keras' ``PiecewiseConstantDecay`` takes the rates themselves.

    Parameters
    ----------
    milestones : increasing sequence of float > 0, default=(100, 150)
        Epochs, over all calls, after which the rate changes.
    factor : float >= 0 or sequence of these, default=0.1
        Factor on the rate at each milestone: one number for all, or one for each.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Piecewise
    >>> schedule = Piecewise(milestones=[10, 30], factor=[0.5, 0.1])
    >>> schedule(Clock(update=350, epoch=35, updates_per_epoch=10, step=0))
    0.05
    """

    constant_within_epoch = True
    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {
        "milestones": ["array-like"],
        "factor": [*NOT_NEGATIVE, "array-like"],
    }

    def __init__(
        self,
        *,
        milestones: Sequence[float] = (100, 150),
        factor: float | Sequence[float] = 0.1,
    ):
        self.milestones = milestones
        self.factor = factor

    def check(self):
        super().check()
        milestones, factor = _items(self.milestones), self.factor
        if not (
            all(satisfies(m, POSITIVE) for m in milestones)
            and all(m < n for m, n in pairwise(milestones))
        ):
            raise InvalidParameterError(
                "The 'milestones' parameter of Piecewise must be an increasing sequence"
                " of floats in the range (0, inf), epochs all of them."
                f" Got {brief(self.milestones)} instead."
            )
        if isinstance(factor, Iterable) and not (
            all(satisfies(f, NOT_NEGATIVE) for f in _items(factor))
            and len(_items(factor)) == len(milestones)
        ):
            raise InvalidParameterError(
                "The 'factor' parameter of Piecewise must be a float in the range"
                f" [0, inf), or one for each of the {len(milestones)} milestones."
                f" Got {brief(factor)} instead."
            )

    def __call__(self, clock):
        passed = sum(m <= clock.epoch for m in self.milestones)
        if isinstance(self.factor, Iterable):
            return math.prod(self.factor[:passed])
        return self.factor**passed


class CosineRestarts(Schedule):
    """Cosine annealing with restarts, ``lr_schedule="cosine_restarts"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\left(f + (1 - f)
        \\frac{1 + \\cos(\\pi\\, T / T_i)}{2}\\right)

    with :math:`f` the final factor, :math:`T` the epochs since the last restart,
    including the finished part of the current one, and :math:`T_i` the epochs between
    that restart and the next: ``period`` at first, ``multiplier`` times as many after
    each restart. Source: `Loshchilov and Hutter (2017), SGDR
    <https://arxiv.org/abs/1608.03983>`__. The same as PyTorch's
    ``CosineAnnealingWarmRestarts``, stepped after each update by its share of the
    epoch, and Keras' ``CosineDecayRestarts`` with ``m_mul=1``, whose periods are
    updates.

    Parameters
    ----------
    period : float > 0, default=10
        Epochs from the start to the first restart.
    multiplier : float >= 1, default=2
        Factor on the period at each restart. With 10 and 2, restarts come after 10,
        30, 70 and 150 epochs, counted over all calls.
    final : float in [0, 1], default=0.0
        Factor on the initial rate at the end of each period.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, CosineRestarts
    >>> schedule = CosineRestarts(period=10, multiplier=2)
    >>> [round(schedule(Clock(e, e, 1, 0)), 6) for e in (0, 5, 10, 20, 30)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {
        "period": POSITIVE,
        "multiplier": AT_LEAST_ONE,
        "final": SHARE,
    }

    def __init__(
        self, *, period: float = 10, multiplier: float = 2, final: float = 0.0
    ):
        self.period = period
        self.multiplier = multiplier
        self.final = final

    def __call__(self, clock):
        T, T_i = clock.epochs, self.period
        if self.multiplier == 1:
            T %= T_i
        while T_i <= T:
            T -= T_i
            T_i *= self.multiplier
        return half_cosine(1, self.final, T / T_i)


class InverseSqrt(Schedule):
    """Warm-up, then inverse square root decay, ``lr_schedule="inverse_sqrt"``.

    .. math::
        \\epsilon_t = \\epsilon_0
        \\min\\left(\\frac{n}{w}, \\sqrt{\\frac{w}{n}}\\right)

    with :math:`n` the epochs trained after this update, including the finished part of
    the current one, and :math:`w` the epochs of the warm-up, at whose end the rate is
    the initial one. Source: `Vaswani et al. (2017)
    <https://arxiv.org/abs/1706.03762>`__. They count updates (:math:`n = t + 1`) and
    set the peak by the width of their network; here the factor at the peak is 1.

    Parameters
    ----------
    warmup : float > 0, default=5
        :math:`w`, epochs of the warm-up.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, InverseSqrt
    >>> schedule = InverseSqrt(warmup=5)
    >>> [schedule(Clock(e, e, 1, 0)) for e in (0, 4, 19)]
    [0.2, 1.0, 0.5]
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {"warmup": POSITIVE}

    def __init__(self, *, warmup: float = 5):
        self.warmup = warmup

    def __call__(self, clock):
        n, w = clock.epochs_after, self.warmup
        return min(n / w, math.sqrt(w / n))


def half_cosine(start: float, end: float, share: float) -> float:
    """Interpolate from ``start`` to ``end`` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _items(given: Iterable) -> list:
    """Return the items of a sequence; an array without axes is its own item."""
    return [given] if getattr(given, "ndim", 1) == 0 else list(given)
