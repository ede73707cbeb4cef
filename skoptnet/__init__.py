"""Neural networks for scikit-learn users, with the optimizers of the textbook.

The estimators are `MLPClassifierX` and `MLPRegressorX`; for data frames,
`TabularMLPClassifier` and `TabularMLPRegressor` do well at their defaults. The
transformers are `HiddenActivations` and `TabularPreprocessor`. Solvers
(`skoptnet.optimizers`), learning rate schedules (`skoptnet.schedules`) and activations
(`skoptnet.activations`) are objects that you can configure, search, and write yourself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .activations import ELU, Activation, LeakyReLU
from .estimators import (
    ArrayBlocks,
    HiddenActivations,
    MLPClassifierX,
    MLPRegressorX,
    ParquetBlocks,
)
from .optimizers import (
    SGD,
    AdaBelief,
    Adadelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    Adan,
    AMSGrad,
    CenteredRMSProp,
    GradientDescent,
    Lion,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    RAdam,
    RMSProp,
    RMSPropNesterov,
    ScheduleFreeAdamW,
    Yogi,
)
from .schedules import (
    Adaptive,
    Constant,
    Cosine,
    CosineRestarts,
    CosLog,
    ExponentialDecay,
    InverseScaling,
    InverseSqrt,
    Linear,
    OneCycle,
    Piecewise,
    Plateau,
    Polynomial,
    Schedule,
    StepDecay,
    Warmup,
)

if TYPE_CHECKING:
    from ._versions import show_versions
    from .rate_range import RateRangeResult, learning_rate_range_test
    from .tabular import TabularMLPClassifier, TabularMLPRegressor, TabularPreprocessor

__all__ = [
    "ELU",
    "SGD",
    "AMSGrad",
    "Activation",
    "AdaBelief",
    "AdaGrad",
    "AdaMax",
    "Adadelta",
    "Adam",
    "AdamW",
    "Adan",
    "Adaptive",
    "ArrayBlocks",
    "CenteredRMSProp",
    "Constant",
    "CosLog",
    "Cosine",
    "CosineRestarts",
    "ExponentialDecay",
    "GradientDescent",
    "HiddenActivations",
    "InverseScaling",
    "InverseSqrt",
    "LeakyReLU",
    "Linear",
    "Lion",
    "MLPClassifierX",
    "MLPRegressorX",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "OneCycle",
    "Optimizer",
    "ParquetBlocks",
    "Piecewise",
    "Plateau",
    "Polynomial",
    "RAdam",
    "RMSProp",
    "RMSPropNesterov",
    "RateRangeResult",
    "Schedule",
    "ScheduleFreeAdamW",
    "StepDecay",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "TabularPreprocessor",
    "Warmup",
    "Yogi",
    "__version__",
    "learning_rate_range_test",
    "show_versions",
]

# The modules of these names are imported when one of them is first used: `import
# skoptnet` takes less time.
_MODULES = {
    "RateRangeResult": "rate_range",
    "TabularMLPClassifier": "tabular",
    "TabularMLPRegressor": "tabular",
    "TabularPreprocessor": "tabular",
    "learning_rate_range_test": "rate_range",
    "show_versions": "_versions",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    elif name in _MODULES.values():  # as after an ordinary import
        value = import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES.values()})
