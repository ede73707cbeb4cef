"""Solvers (optimizers): gradient descent, momentum, Adam and others.

An optimizer holds hyperparameters only. Its state between updates is a `State`, made by
`Optimizer.start` and owned by the training run. So one optimizer object can serve many
fits, and none of them changes it.

Solvers do not depend on networks, minibatches, schedules or estimators: a solver gets
the flat vector ``theta``, a gradient ``g`` of the same shape and a ``rate``. To add
one, write a class with ``memory``, ``default_learning_rate`` and ``step``, and add it
to `OPTIMIZERS`.

- ``base``: the base class
- ``textbook``: the seven solvers of the textbook
- ``adaptive``: relatives of RMSProp
- ``adam``: variants of Adam
- ``recent``: recent solvers
- ``update``: applies one step of any of them
"""

from .adam import AdaMax, AdamW, AMSGrad, NAdam, RAdam
from .adaptive import Adadelta, CenteredRMSProp, RMSPropNesterov
from .base import Optimizer, State
from .recent import AdaBelief, Adan, Lion, Muon, ScheduleFreeAdamW, Yogi
from .textbook import SGD, AdaGrad, Adam, GradientDescent, Momentum, Nesterov, RMSProp

#: The seven solvers of the textbook, by name.
TEXTBOOK: dict[str, type[Optimizer]] = {
    "gd": GradientDescent,
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}

#: The names for ``solver=`` and their classes.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    **TEXTBOOK,
    "adadelta": Adadelta,
    "rmsprop_nesterov": RMSPropNesterov,
    "centered_rmsprop": CenteredRMSProp,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "adamax": AdaMax,
    "nadam": NAdam,
    "radam": RAdam,
    "yogi": Yogi,
    "adabelief": AdaBelief,
    "adan": Adan,
    "lion": Lion,
    "schedule_free_adamw": ScheduleFreeAdamW,
    "muon": Muon,
}

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "TEXTBOOK",
    "AMSGrad",
    "AdaBelief",
    "AdaGrad",
    "AdaMax",
    "Adadelta",
    "Adam",
    "AdamW",
    "Adan",
    "CenteredRMSProp",
    "GradientDescent",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Optimizer",
    "RAdam",
    "RMSProp",
    "RMSPropNesterov",
    "ScheduleFreeAdamW",
    "State",
    "Yogi",
]
