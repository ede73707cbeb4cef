"""Schedules over a planned number of epochs: cosine, linear, one cycle, ..."""

from __future__ import annotations

import math
from abc import abstractmethod
from numbers import Integral
from typing import ClassVar

from .._params import (
    AT_LEAST_ONE,
    DECAY,
    EXPONENT,
    FACTOR,
    POSITIVE,
    SHARE,
    Interval,
)
from .base import Schedule
from .decays import half_cosine

_EPOCHS = [*POSITIVE, None]


class _Planned(Schedule):
    """Base class of the functions of the completed share of the planned run."""

    epochs: float | None

    @abstractmethod
    def at(self, share: float) -> float:
        """Return the factor at this share of the run, in [0, 1]."""

    def __call__(self, clock):
        return self.at(clock.share(self.epochs))

    def ends_as_planned(self, epochs):
        return self.epochs is None or epochs >= self.epochs


class Cosine(_Planned):
    """Cosine annealing, ``lr_schedule="cosine"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\left(f + (1 - f)
        \\frac{1 + \\cos(\\pi s)}{2}\\right)

    with :math:`f` the final factor and :math:`s` the completed share of the planned
    run. Source: `Loshchilov and Hutter (2017), SGDR
    <https://arxiv.org/abs/1608.03983>`__, without restarts. The same as PyTorch's
    ``CosineAnnealingLR``, whose ``eta_min`` is a rate, and the cosine decay of Keras
    and Optax (``alpha`` there is ``final`` here), all of which count updates up to a
    given end.

    Parameters
    ----------
    epochs : float > 0 or None, default=None
        Epochs, over all calls, after which the factor stays at ``final``. None is the
        planned run: it ends ``max_iter`` epochs after the call of `fit`; for
        `partial_fit`, after ``max_iter`` epochs in all. With None, a warm start extends
        the plan, so two trainings of k epochs differ from one of 2k; with a number they
        are the same.
    final : float in [0, 1], default=0.0
        The factor at the end.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Cosine
    >>> Cosine()(Clock(update=500, epoch=50, updates_per_epoch=10, step=0,
    ...                planned_epochs=100))
    0.5
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {"epochs": _EPOCHS, "final": SHARE}

    def __init__(self, *, epochs: float | None = None, final: float = 0.0):
        self.epochs = epochs
        self.final = final

    def at(self, share):
        return half_cosine(1, self.final, share)


class Linear(_Planned):
    """Linear decay, ``lr_schedule="linear"``.

    .. math:: \\epsilon_t = \\epsilon_0 (1 - (1 - f) s)

    with :math:`f` the final factor and :math:`s` the completed share of the planned
    run. The same as PyTorch's ``LinearLR`` with ``start_factor=1``, Optax'
    ``linear_schedule``, and Keras' ``PolynomialDecay`` with ``power=1``, all of which
    count updates.

    Parameters
    ----------
    epochs : float > 0 or None, default=None
        Epochs, over all calls, after which the factor stays at ``final``; None is the
        planned run. See `Cosine`.
    final : float in [0, 1], default=0.0
        The factor at the end.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Linear
    >>> Linear(final=0.5)(Clock(update=500, epoch=50, updates_per_epoch=10, step=0,
    ...                         planned_epochs=100))
    0.75
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {"epochs": _EPOCHS, "final": SHARE}

    def __init__(self, *, epochs: float | None = None, final: float = 0.0):
        self.epochs = epochs
        self.final = final

    def at(self, share):
        return 1 - (1 - self.final) * share


class Polynomial(_Planned):
    """Polynomial decay, ``lr_schedule="polynomial"``.

    .. math:: \\epsilon_t = \\epsilon_0 (f + (1 - f) (1 - s)^{\\mathrm{power}})

    with :math:`f` the final factor and :math:`s` the completed share of the planned
    run. The same as Keras' ``PolynomialDecay`` and Optax' ``polynomial_schedule``, and
    with ``final=0`` as PyTorch's ``PolynomialLR``; they count updates, and their
    default power is 1.

    Parameters
    ----------
    epochs : float > 0 or None, default=None
        Epochs, over all calls, after which the factor stays at ``final``; None is the
        planned run. See `Cosine`.
    power : float in [0, 1000], default=2.0
        The exponent.
    final : float in [0, 1], default=0.0
        The factor at the end.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Polynomial
    >>> Polynomial(power=2)(Clock(update=500, epoch=50, updates_per_epoch=10, step=0,
    ...                           planned_epochs=100))
    0.25
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {
        "epochs": _EPOCHS,
        "power": EXPONENT,
        "final": SHARE,
    }

    def __init__(
        self, *, epochs: float | None = None, power: float = 2.0, final: float = 0.0
    ):
        self.epochs = epochs
        self.power = power
        self.final = final

    def at(self, share):
        return self.final + (1 - self.final) * (1 - share) ** self.power


class OneCycle(_Planned):
    """One-cycle policy, ``lr_schedule="one_cycle"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\cdot \\begin{cases}
        h(1 / \\mathrm{div\\_factor},\\ 1;\\ s / p) & s < p \\\\
        h(1,\\ 1 / \\mathrm{final\\_div};\\ (s - p) / (1 - p)) & s \\ge p
        \\end{cases}
        \\quad\\text{with}\\quad h(a, b; s) = b + (a - b) \\frac{1 + \\cos(\\pi s)}{2}

    with :math:`s` the completed share of the planned run and :math:`p` the share at
    which the rate peaks. If the solver has a momentum (``"momentum"``, ``"nesterov"``)
    or a ``beta_1`` (``"adam"``), it moves the opposite way in the same two phases, from
    ``max_momentum`` to ``base_momentum`` and back, in place of the solver's own.
    Source: `Smith and Topin (2018), Super-Convergence
    <https://arxiv.org/abs/1708.07120>`__. Their phases are linear.

    PyTorch's ``OneCycleLR`` has the same two phases of cosines, but reaches peak and
    end one update earlier, and its ``final_div_factor`` refers to the first rate: it is
    ``final_div / div_factor``. Optax' ``cosine_onecycle_schedule`` is similar, without
    the momentum.

    Parameters
    ----------
    epochs : float > 0 or None, default=None
        Epochs, over all calls, after which the rate stays at its last value; None is
        the planned run. See `Cosine`.
    pct_start : float in (0, 1), default=0.3
        Share of these epochs in which the rate rises.
    div_factor : float >= 1, default=25.0
        The peak, ``learning_rate_init``, divided by the first rate.
    final_div : float >= 1, default=250000.0
        The peak divided by the last rate.
    cycle_momentum : bool, default=True
        Whether to change the momentum.
    base_momentum, max_momentum : float in [0, 1), default=0.85 and 0.95
        The momentum at the peak and at both ends.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, OneCycle
    >>> peak = Clock(update=300, epoch=30, updates_per_epoch=10, step=0,
    ...              planned_epochs=100)
    >>> OneCycle()(peak), OneCycle().momentum(peak)
    (1.0, 0.85)
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {
        "epochs": _EPOCHS,
        "pct_start": FACTOR,
        "div_factor": AT_LEAST_ONE,
        "final_div": AT_LEAST_ONE,
        "cycle_momentum": ["boolean"],
        "base_momentum": DECAY,
        "max_momentum": DECAY,
    }

    def __init__(
        self,
        *,
        epochs: float | None = None,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div: float = 25e4,
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
    ):
        self.epochs = epochs
        self.pct_start = pct_start
        self.div_factor = div_factor
        self.final_div = final_div
        self.cycle_momentum = cycle_momentum
        self.base_momentum = base_momentum
        self.max_momentum = max_momentum

    def at(self, share):
        return self._in_two_phases(1 / self.div_factor, 1, 1 / self.final_div, share)

    @property
    def moves_momentum(self):
        return self.cycle_momentum

    def momentum(self, clock):
        if not self.cycle_momentum:
            return None
        most, least = self.max_momentum, self.base_momentum
        return self._in_two_phases(most, least, most, clock.share(self.epochs))

    def _in_two_phases(
        self, start: float, peak: float, end: float, share: float
    ) -> float:
        p = self.pct_start
        if share < p:
            return half_cosine(start, peak, share / p)
        return half_cosine(peak, end, (share - p) / (1 - p))


class CosLog(_Planned):
    """Cosine cycles of doubling length, ``lr_schedule="coslog"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\cdot \\tfrac{1}{2} \\left(1 - \\cos\\left(2 \\pi
        \\log_2(1 + (2^k - 1) s)\\right)\\right)

    with :math:`k` the cycles and :math:`s` the completed share of the planned run. Each
    cycle is twice as long as the one before, rises from 0 to the initial rate and falls
    to 0 again. Source: `Holzmüller, Grinsztajn and Steinwart (2024), RealMLP
    <https://arxiv.org/abs/2407.04491>`__. They count updates; as there, the first
    update is made at rate 0. PyTorch, Keras and Optax have no counterpart.

    Parameters
    ----------
    epochs : float > 0 or None, default=None
        Epochs, over all calls, at which the last cycle ends and the factor stays at 0;
        None is the planned run. See `Cosine`.
    cycles : int in [1, 30], default=4
        :math:`k`, the number of cycles.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, CosLog
    >>> schedule = CosLog(cycles=2, epochs=30)
    >>> [round(schedule(Clock(e, e, 1, 0)), 6) for e in (0, 10, 30)]
    [0.0, 0.0, 0.0]
    >>> round(schedule(Clock(18, 18, 1, 0)), 2)
    1.0
    """

    reads_losses = False
    _parameter_constraints: ClassVar[dict] = {
        "epochs": _EPOCHS,
        "cycles": [Interval(Integral, 1, 30, closed="both")],
    }

    def __init__(self, *, epochs: float | None = None, cycles: int = 4):
        self.epochs = epochs
        self.cycles = cycles

    def at(self, share):
        log = math.log2(1 + (2**self.cycles - 1) * share)
        return (1 - math.cos(2 * math.pi * log)) / 2

    def cycle_ends(self, epochs: float) -> list[int]:
        """Return the epochs, counted from 1, in which the cycles end.

        Parameters
        ----------
        epochs : float
            The planned run; the parameter of the same name, if set, takes its place.

        Returns
        -------
        list of int
            One for each cycle.

        Examples
        --------
        >>> from skoptnet import CosLog
        >>> CosLog(cycles=4).cycle_ends(128)
        [9, 26, 60, 128]
        """
        total = epochs if self.epochs is None else self.epochs
        longest = 2**self.cycles - 1
        return [
            math.ceil(total * (2**cycle - 1) / longest)
            for cycle in range(1, self.cycles + 1)
        ]
