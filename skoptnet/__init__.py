"""Neural networks for scikit-learn users, with textbook optimizers."""

from ._version import __version__
from ._versions import show_versions
from .activations import ELU, Activation, LeakyReLU
from .estimators import HiddenActivations, MLPClassifierX, MLPRegressorX
from .optimizers import (
    SGD,
    AdaBelief,
    AdaGrad,
    Adam,
    Adan,
    GradientDescent,
    Lion,
    Momentum,
    Muon,
    Nesterov,
    Optimizer,
    RMSProp,
    ScheduleFreeAdamW,
    Yogi,
)
from .schedules import (
    Adaptive,
    Constant,
    ExponentialDecay,
    InverseScaling,
    Schedule,
    StepDecay,
)

__all__ = [
    "ELU",
    "SGD",
    "Activation",
    "AdaBelief",
    "AdaGrad",
    "Adam",
    "Adan",
    "Adaptive",
    "Constant",
    "ExponentialDecay",
    "GradientDescent",
    "HiddenActivations",
    "InverseScaling",
    "LeakyReLU",
    "Lion",
    "MLPClassifierX",
    "MLPRegressorX",
    "Momentum",
    "Muon",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "ScheduleFreeAdamW",
    "StepDecay",
    "Yogi",
    "__version__",
    "show_versions",
]
