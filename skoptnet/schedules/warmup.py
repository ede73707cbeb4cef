"""Linear warm-up before any other schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from .._params import POSITIVE, Function, StrOptions
from .base import Clock, Schedule, as_schedule
from .decays import (
    Constant,
    CosineRestarts,
    ExponentialDecay,
    InverseScaling,
    InverseSqrt,
    Piecewise,
    StepDecay,
)
from .planned import Cosine, CosLog, Linear, OneCycle, Polynomial
from .plateaus import Adaptive, Plateau

#: The schedules that a `Warmup` takes by name.
NAMED: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
    "piecewise": Piecewise,
    "cosine_restarts": CosineRestarts,
    "inverse_sqrt": InverseSqrt,
    "plateau": Plateau,
    "cosine": Cosine,
    "linear": Linear,
    "polynomial": Polynomial,
    "one_cycle": OneCycle,
    "coslog": CosLog,
}


class Warmup(Schedule):
    """Linear warm-up before another schedule, ``lr_schedule="warmup"``.

    .. math:: \\epsilon_t = \\min(n / w, 1) \\cdot \\epsilon_t^{\\mathrm{schedule}}

    with :math:`n` the epochs trained after this update, including the finished part of
    the current one, and :math:`w` the epochs of the warm-up: the rate of the first
    update is not 0, and the ramp ends with the last update of the warm-up. Source:
    `Goyal et al. (2017) <https://arxiv.org/abs/1706.02677>`__. The ramp multiplies the
    other schedule, which runs from the start. Optax' ``warmup_cosine_decay_schedule``
    and PyTorch's ``SequentialLR`` start the other schedule after the ramp instead. The
    momentum is that of the other schedule.

    Parameters
    ----------
    schedule : str, Schedule or callable, default="constant"
        The other schedule. A name stands for its class with default parameters; the
        estimator's ``decay_rate``, ``decay_epochs`` and ``power_t`` are ignored. A
        callable takes a `Clock` and returns the factor.
    epochs : float > 0, default=5
        :math:`w`, epochs of the warm-up.

    Examples
    --------
    >>> from skoptnet import Cosine, MLPClassifierX, Warmup
    >>> MLPClassifierX(lr_schedule=Warmup(Cosine(final=0.01), epochs=10))
    MLPClassifierX(lr_schedule=Warmup(epochs=10, schedule=Cosine(final=0.01)))
    """

    _parameter_constraints: ClassVar[dict] = {
        "schedule": [StrOptions(set(NAMED)), Schedule, Function()],
        "epochs": POSITIVE,
    }

    def __init__(
        self,
        schedule: str | Schedule | Callable[[Clock], float] = "constant",
        *,
        epochs: float = 5,
    ):
        self.schedule = schedule
        self.epochs = epochs

    def check(self):
        super().check()
        self._inner.check()

    @property
    def _inner(self) -> Schedule:
        if isinstance(self.schedule, str):
            return NAMED[self.schedule]()
        return as_schedule(self.schedule)

    def __call__(self, clock):
        return min(clock.epochs_after / self.epochs, 1) * self._inner(clock)

    def momentum(self, clock):
        return self._inner.momentum(clock)

    @property
    def reads_losses(self):
        return self._inner.reads_losses

    @property
    def moves_momentum(self):
        return self._inner.moves_momentum

    def ends_at_plateau(self, rate):
        return self._inner.ends_at_plateau(rate)

    def ends_as_planned(self, epochs):
        return self._inner.ends_as_planned(epochs)

    @property
    def needs_validation(self):
        return self._inner.needs_validation
