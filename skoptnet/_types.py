"""Names for the types that every room shares; nothing here runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike as ArrayLike

#: A dense array. NumPy's today; the code keeps to operations that other array
#: libraries with in-place arithmetic offer too.
Array: TypeAlias = np.ndarray

#: Rows of features: a dense array or a SciPy CSR container.
Rows: TypeAlias = Any

#: The module that the arrays come from (``numpy``), called ``xp`` everywhere.
Namespace: TypeAlias = Any

#: Data as users pass them: whatever scikit-learn's validation reads.
Data: TypeAlias = Any

#: Blocks of rows that can be read again and again: tuples (X, y) or (X, y, w).
Blocks: TypeAlias = Iterable[Any] | Callable[[], Iterator[Any]]

#: Numbers as users pass them: Python's or NumPy's.
Int: TypeAlias = int | np.integer[Any]
Float: TypeAlias = float | np.floating[Any] | np.integer[Any]
Bool: TypeAlias = bool | np.bool_

#: ``random_state=`` of an estimator.
RandomState: TypeAlias = Int | np.random.RandomState | None


class Splitter(Protocol):
    """A splitter of `sklearn.model_selection`, or a custom one."""

    def split(self, X: Any, y: Any, /) -> Any: ...

    @property
    def get_n_splits(self) -> Any: ...


#: ``scoring=`` of an estimator: a score, names of scores, or scores by name.
Scoring: TypeAlias = (
    str
    | Callable[..., Any]
    | Sequence[str]
    | Mapping[str, str | Callable[..., Any] | None]
    | None
)

#: How scikit-learn's metadata routing is to treat an argument.
Request: TypeAlias = bool | str | None

#: A metric of every epoch, by name.
History: TypeAlias = dict[str, list[float]]

#: ``hidden_layer_sizes=`` of an estimator.
LayerSizes: TypeAlias = Int | Sequence[Int] | Array

#: ``class_weight=`` of the classifier; labels may be of any type.
ClassWeight: TypeAlias = (
    Literal["balanced"] | dict[Any, Any] | list[dict[Any, Any]] | None
)

#: The names that ``solver=`` takes.
SolverName: TypeAlias = Literal[
    "gd",
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adadelta",
    "rmsprop_nesterov",
    "centered_rmsprop",
    "adamw",
    "amsgrad",
    "adamax",
    "nadam",
    "radam",
    "yogi",
    "adabelief",
    "adan",
    "lion",
    "schedule_free_adamw",
    "muon",
    "lbfgs",
]

#: The names that ``lr_schedule=`` takes.
ScheduleName: TypeAlias = Literal[
    "constant",
    "step",
    "exponential",
    "invscaling",
    "adaptive",
    "piecewise",
    "cosine_restarts",
    "inverse_sqrt",
    "plateau",
    "cosine",
    "linear",
    "polynomial",
    "one_cycle",
    "coslog",
    "warmup",
]

#: The names that ``activation=`` takes.
ActivationName: TypeAlias = Literal[
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
]

#: The names that ``parametrization=`` takes.
ParametrizationName: TypeAlias = Literal["standard", "ntk"]

#: The names that ``loss=`` of the regressor takes.
LossName: TypeAlias = Literal[
    "squared_error",
    "absolute_error",
    "huber",
    "poisson",
    "gamma",
    "quantile",
]
