"""Base class of the solvers, and their state between updates."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform, get_origin

from .._names import explains_names
from .._params import DECAY, NOT_NEGATIVE, POSITIVE, SHARE, Part
from .._types import Array, Namespace

__all__ = [
    "COMMON",
    "DECAY",
    "NOT_NEGATIVE",
    "POSITIVE",
    "SHARE",
    "Optimizer",
    "State",
    "hyperparameters",
]

_Class = TypeVar("_Class", bound=type["Optimizer"])


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(field,))
def hyperparameters(cls: _Class) -> _Class:
    """Turn the annotated attributes of a solver into arguments of its constructor.

    ``momentum: Annotated[float, SHARE] = 0.9`` declares an argument, its default, and
    the range that `Optimizer.check` enforces. Annotate an argument of the base class
    again to change its default. All arguments are keywords, because the first argument
    of other libraries' optimizers is the rate, which a solver does not have here.
    Attributes that are not hyperparameters have the annotation ``ClassVar[...]`` or
    none.
    """
    hints, ranges = inspect.get_annotations(cls, eval_str=True), {}
    for name, hint in hints.items():
        if get_origin(hint) is Annotated:
            hints[name], ranges[name] = hint.__origin__, hint.__metadata__[0]
    cls.__annotations__ = hints
    cls._parameter_constraints = {
        name: allowed
        for name, allowed in {**ranges, **cls._parameter_constraints, **ranges}.items()
        if get_origin(hints.get(name)) is not ClassVar
    }
    is_written = "__init__" in vars(cls)
    dataclass(eq=False, repr=False, match_args=False, kw_only=True)(cls)
    if not is_written:
        setattr(cls, "__init__", _own_first(explains_names(cls.__init__)))  # noqa: B010
    return cls


def _own_first(init: Any) -> Any:
    """Put the arguments that all solvers share last in the signature."""
    signature = inspect.signature(init)
    shared = ("weight_decay", "average")
    ordered = sorted(signature.parameters.values(), key=lambda p: p.name in shared)
    init.__signature__ = signature.replace(parameters=ordered)
    return init


class State(SimpleNamespace):
    """State of a solver: ``t``, and the vectors and numbers that it declares.

    Attributes
    ----------
    t : int
        Number of updates made, including the current one.
    """

    t: int

    def copy(self) -> State:
        """Return a copy that shares no memory with this state."""
        twin = State()
        twin.take(self)
        return twin

    def take(self, other: State) -> None:
        """Copy another state into this one, in place."""
        mine = vars(self)
        for name in mine.keys() - vars(other).keys():
            del mine[name]
        for name, value in vars(other).items():
            if isinstance(value, (int, float)):
                mine[name] = value
            elif name in mine and hasattr(value, "dtype"):
                mine[name][...] = value
            elif hasattr(value, "dtype"):
                mine[name] = value.copy()
            else:
                mine[name] = deepcopy(value)

    def take_numbers(self, other: State) -> None:
        """Copy ``t`` and the other numbers of another state."""
        vars(self).update(other._numbers())

    def is_finite(self, names: tuple[str, ...]) -> bool:
        """Tell whether all numbers and the named vectors are finite."""
        vectors = (getattr(self, name) for name in names)
        return all(map(math.isfinite, self._numbers().values())) and all(
            # The sum is faster, but may overflow where no element is infinite.
            math.isfinite(v.sum()) or bool((abs(v) < math.inf).all())
            for v in vectors
        )

    def _numbers(self) -> dict[str, float]:
        items = vars(self).items()
        return {name: value for name, value in items if isinstance(value, (int, float))}

    def block(
        self, names: tuple[str, ...], rows: slice, shape: tuple[int, ...] = (-1,)
    ) -> State:
        """Return the state of a part of theta; its arrays are views."""
        views = {name: getattr(self, name)[rows].reshape(shape) for name in names}
        return State(**self._numbers(), **views)


@hyperparameters
class Optimizer(Part, ABC):
    """Base class of the solvers; subclass it to write your own.

    A subclass declares its hyperparameters and its memory, and defines `step`. The
    decorator `hyperparameters` makes the constructor, with the two parameters below. A
    subclass can also define ``__init__`` itself, as scikit-learn's estimators do, and
    pass these two to ``super().__init__``. docs/own_optimizer.md builds a solver
    step by step; `skoptnet.testing.check_optimizer` checks one.

    Parameters
    ----------
    weight_decay : float >= 0, default=0.0
        Before each update, the weights (not the biases) are multiplied by 1 -
        ``weight_decay`` times the rate. This decay is decoupled from the gradient
        (`Loshchilov and Hutter, 2019 <https://arxiv.org/abs/1711.05101>`__);
        ``alpha`` of the estimators is the L2 penalty.
    average : float in [0, 1), default=0.0
        If positive, an average of the weights over the updates is scored and stored, in
        place of the weights that the solver moves: the mean of all updates so far,
        until there are 1 / (1 - ``average``), then an exponential moving average with
        this decay (`Polyak and Juditsky, 1992 <https://doi.org/10.1137/0330046>`__). It
        takes one more vector of memory.

    Attributes
    ----------
    memory : tuple of str
        Names of the vectors, each of theta's shape and starting at zero, that
        `step` finds in ``state`` and updates in place. If a vector, or one of
        `numbers`, is not finite at the end of an epoch, training has diverged.
    points : tuple of str
        Vectors of ``memory`` that are points like theta: they start at theta, and
        follow when training goes back to an earlier theta.
    numbers : dict of str to float
        Names and first values, all finite, of the numbers, besides ``t``, that `step`
        finds in ``state`` and replaces. They depend on t, the rates and the
        hyperparameters only.
    rate_powers : dict of str to int
        Those of ``numbers`` that are proportional to the rate (1), its square (2), and
        so on. Where blocks of theta have rate factors, `step` finds the numbers of the
        block's own rate.
    default_learning_rate : float
        The rate of ``learning_rate_init="auto"``.
    regression_learning_rate : float or None
        The same for `MLPRegressorX`; None means ``default_learning_rate``. A subclass
        that declares ``default_learning_rate`` alone has it for both.
    full_batch : bool
        True for a solver whose minibatch is the whole training set.
    elementwise : bool
        True promises that `step` treats all coordinates alike and independently. It may
        then get theta in chunks that fit into the cache.
    layerwise : bool
        True for a solver that works on matrices: `step` then gets each W_l and each
        b_l separately, with theta, g and the vectors of ``state`` of shape
        (k_{l-1}, k_l) or (k_l,).
    proximal : bool
        True for a solver whose `decay` follows its update instead of preceding it.
    momentum_name : str or None
        The hyperparameter that a schedule may change as the momentum, if any.
    reads : tuple of str
        Parameters of the estimator that the solver reads when it is chosen by name.
    kernel : str
        Name of the compiled kernel of exactly this class, if any; not for classes of
        your own.
    kernel_numbers : tuple of str
        Names of the attributes that the kernel reads; for it, all others are NaN.

    Examples
    --------
    Descent by the sign of the gradient:

    >>> import numpy as np
    >>> from skoptnet import MLPRegressorX, Optimizer
    >>> class SignDescent(Optimizer):
    ...     default_learning_rate = 0.001
    ...     def step(self, theta, g, state, rate, xp):
    ...         theta -= rate * xp.sign(g)
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> model = MLPRegressorX(solver=SignDescent(), tol=1e-3, random_state=0)
    >>> bool(model.fit(X, X.ravel()).score(X, X.ravel()) > 0.9)
    True
    """

    parameter_of = "solver"
    memory: ClassVar[tuple[str, ...]] = ()
    points: ClassVar[tuple[str, ...]] = ()
    numbers: ClassVar[dict[str, float]] = {}
    rate_powers: ClassVar[dict[str, int]] = {}
    default_learning_rate: ClassVar[float] = 0.01
    regression_learning_rate: ClassVar[float | None] = None
    full_batch: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    layerwise: ClassVar[bool] = False
    proximal: ClassVar[bool] = False
    momentum_name: ClassVar[str | None] = None
    kernel_numbers: ClassVar[tuple[str, ...]] = ()

    weight_decay: Annotated[float, NOT_NEGATIVE] = 0.0
    average: Annotated[float, DECAY] = 0.0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "default_learning_rate" in vars(cls):  # an inherited one would outdo it
            cls.regression_learning_rate = vars(cls).get("regression_learning_rate")

    def auto_rate(self, regression: bool = False) -> float:
        """Return the rate of ``learning_rate_init="auto"``.

        Parameters
        ----------
        regression : bool, default=False
            Whether to return the rate for `MLPRegressorX`, not for `MLPClassifierX`.

        Returns
        -------
        float
            ``regression_learning_rate`` or ``default_learning_rate``.
        """
        if regression and self.regression_learning_rate is not None:
            return float(self.regression_learning_rate)
        return float(self.default_learning_rate)

    def start(self, theta: Array, xp: Namespace) -> State:
        """Return the state before the first update: t = 0, vectors zero.

        Vectors in `points` start at theta.

        Parameters
        ----------
        theta : array of shape (P,)
            The first parameters.
        xp : module
            The array namespace (``numpy``).

        Returns
        -------
        State
            The state of one training run.
        """
        vectors = {name: xp.zeros_like(theta) for name in self.memory}
        vectors |= {name: xp.array(theta) for name in self.points}
        state = State(t=0, **self.numbers, **vectors)
        if self.average:
            state.iterate = xp.array(theta)
        return state

    def go_on(self, state: State, theta: Array, xp: Namespace) -> State:
        """Return a copy of a state for the next call of `fit` or `partial_fit`.

        Averaging may have been switched on or off in between.

        Parameters
        ----------
        state : State
            The state after the last call.
        theta : array of shape (P,)
            The parameters to continue from.
        xp : module
            The array namespace (``numpy``).

        Returns
        -------
        State
            The copy.
        """
        state = state.copy()
        if self.average and not hasattr(state, "iterate"):
            state.iterate = xp.array(theta)
        elif not self.average:
            vars(state).pop("iterate", None)
        return state

    def move(self, state: State, theta: Array) -> None:
        """Continue from the theta of an earlier update.

        Parameters
        ----------
        state : State
            The state, changed in place.
        theta : array of shape (P,)
            The parameters to continue from.
        """
        for name in self.points:
            getattr(state, name)[...] = theta
        if self.average:
            state.iterate[...] = theta

    def follow(self, state: State, theta: Array, before: Array) -> None:
        """Continue from a theta with elements changed by the caller.

        Parameters
        ----------
        state : State
            The state, changed in place.
        theta : array of shape (P,)
            The parameters to continue from.
        before : array of shape (P,)
            Theta before the change.
        """
        changed = theta != before
        for name in self.points:
            getattr(state, name)[changed] = theta[changed]
        if self.average:
            state.iterate[changed] = theta[changed]

    def gradient_point(self, theta: Array, state: State, xp: Namespace) -> Array:
        """Return the point at which to evaluate the next gradient: theta by default.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters; not to be changed.
        state : State
            The state after the last update.
        xp : module
            The array namespace (``numpy``).

        Returns
        -------
        array of shape (P,)
            The point: theta, or a new array.
        """
        return theta

    def decay(self, theta: Array, state: State, rate: float, xp: Namespace) -> None:
        """Shrink weights in place, before an update (after it if `proximal`).

        Parameters
        ----------
        theta : array
            One W_l, changed in place.
        state : State
            As in `step`, for this W_l.
        rate : float
            The rate of this update.
        xp : module
            The array namespace (``numpy``).
        """
        theta *= 1 - rate * self.weight_decay

    @abstractmethod
    def step(
        self, theta: Array, g: Array, state: State, rate: float, xp: Namespace
    ) -> None:
        """Make one update: change ``theta`` and ``state`` in place.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters.
        g : array of shape (P,)
            The minibatch gradient at `gradient_point`; may be overwritten.
        state : State
            ``state.t`` counts this update; the vectors are those of ``memory``, the
            numbers those of ``numbers``.
        rate : float
            The rate of this update.
        xp : module
            The array namespace (``numpy``).
        """


#: Ranges of the shared parameters, for a class with an ``__init__`` of its own.
COMMON: dict = Optimizer._parameter_constraints
