"""Neural networks for scikit-learn users, with seven textbook optimizers."""

from ._version import __version__
from ._versions import show_versions
from .estimators import MLPClassifierX, MLPRegressorX
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
from .schedules import Constant, ExponentialDecay, Schedule, StepDecay

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "Constant",
    "ExponentialDecay",
    "GradientDescent",
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
