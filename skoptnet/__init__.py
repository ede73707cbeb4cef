"""Neural networks for scikit-learn users, with textbook optimizers."""

from ._version import __version__
from ._versions import show_versions
from .activations import ELU, Activation, LeakyReLU
from .estimators import HiddenActivations, MLPClassifierX, MLPRegressorX
from .optimizers import (
    SGD,
    AdaGrad,
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
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
    "AdaGrad",
    "Adam",
    "Adaptive",
    "Constant",
    "ExponentialDecay",
    "GradientDescent",
    "HiddenActivations",
    "InverseScaling",
    "LeakyReLU",
    "MLPClassifierX",
    "MLPRegressorX",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "StepDecay",
    "__version__",
    "show_versions",
]
