"""The solvers, in order of complexity, each written as in its source.

An optimizer holds hyperparameters only. What it remembers between updates is a
`State`, made by `Optimizer.start` and owned by the run in training. So one optimizer
object can serve many fits, and none of them changes it.

This package knows nothing of networks, minibatches, schedules or estimators: a solver
sees the flat vector ``theta``, a gradient ``g`` of the same shape and a
``rate``. To add one, write a class with ``memory``, ``default_learning_rate`` and
``step``, and add it to `OPTIMIZERS`.

- ``base``: the contract
- ``textbook``: the seven of the textbook
- ``adaptive``: relatives of RMSProp
- ``adam``: Adam's descendants
- ``recent``: those of recent years
"""

from .adam import AdaMax, AdamW, AMSGrad, NAdam, RAdam
from .adaptive import Adadelta, CenteredRMSProp, RMSPropNesterov
from .base import Optimizer, State
from .recent import AdaBelief, Adan, Lion, Muon, ScheduleFreeAdamW, Yogi
from .textbook import SGD, AdaGrad, Adam, GradientDescent, Momentum, Nesterov, RMSProp

#: The seven of the textbook, by name.
TEXTBOOK: dict[str, type[Optimizer]] = {
    "gd": GradientDescent,
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}

#: The names ``solver=`` takes, and the class each stands for.
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
