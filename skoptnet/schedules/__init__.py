"""Learning-rate schedules: factors on the initial rate over the training.

A schedule is a pure function of a `Clock`. It has no state, prints nothing and does not
depend on solvers or networks; every `Optimizer` works with every schedule. To add one,
write a class with ``__call__`` and add it to ``NAMED`` in ``warmup``.
"""

from .base import (
    Clock,
    FunctionSchedule,
    Schedule,
    as_schedule,
)
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
from .warmup import NAMED, Warmup

#: The names for ``lr_schedule=`` and their classes.
SCHEDULES: dict[str, type[Schedule]] = {**NAMED, "warmup": Warmup}

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "Clock",
    "Constant",
    "CosLog",
    "Cosine",
    "CosineRestarts",
    "ExponentialDecay",
    "FunctionSchedule",
    "InverseScaling",
    "InverseSqrt",
    "Linear",
    "OneCycle",
    "Piecewise",
    "Plateau",
    "Polynomial",
    "Schedule",
    "StepDecay",
    "Warmup",
    "as_schedule",
]
