"""The solvers, in order of complexity, each as its textbook writes it.

An optimizer holds hyperparameters only. What it remembers between updates is a
`State`, made by `Optimizer.start` and owned by the run that is being trained, so one
optimizer object can serve many fits and is never changed by them.

This file knows nothing of networks, minibatches, schedules or estimators: a solver
sees the flat vector ``theta``, a gradient ``g`` of the same shape and a rate
``eps``. To add one, write a class with ``memory``, ``default_learning_rate`` and
``step``, and name it in `OPTIMIZERS` at the foot.

The symbols are those of Goodfellow, Bengio and Courville, *Deep Learning* (2016),
chapter 8: ``theta`` parameters, ``g`` gradient, ``eps`` rate, ``v`` velocity, ``s``
and ``r`` first and second moments, ``delta`` the small constant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from numbers import Real
from types import SimpleNamespace
from typing import ClassVar

from ._params import Interval, Part
from ._types import Array, Namespace

_DECAY = [Interval(Real, 0, 1, closed="left")]
_SHARE = [Interval(Real, 0, 1, closed="both")]
_POSITIVE = [Interval(Real, 0, None, closed="neither")]


class State(SimpleNamespace):
    """What a solver remembers: ``t`` and the vectors it declares in ``memory``.

    Attributes
    ----------
    t : int
        Number of updates made, the one under way included.
    """

    t: int

    def copy(self) -> State:
        """Return a state that shares nothing with this one."""
        twin = State()
        twin.take(self)
        return twin

    def take(self, other: State) -> None:
        """Become equal to another state, sharing nothing with it."""
        mine = vars(self)
        for name, value in vars(other).items():
            if type(value) in (int, float):
                mine[name] = value
            elif name in mine and hasattr(value, "dtype"):
                mine[name][...] = value
            else:
                mine[name] = deepcopy(value)

    def block(self, names: tuple[str, ...], rows: slice) -> State:
        """Return the same state for a part of theta; the vectors are views."""
        return State(t=self.t, **{name: getattr(self, name)[rows] for name in names})


class Optimizer(Part, ABC):
    """Base class of the solvers; derive from it to write your own.

    A subclass stores its hyperparameters in ``__init__`` (as scikit-learn's
    estimators do), declares its memory and writes `step`.

    Attributes
    ----------
    memory : tuple of str
        Names of the vectors, each of theta's shape and starting at zero, that
        `step` finds in ``state`` and updates in place.
    default_learning_rate : float
        The rate that ``learning_rate_init="auto"`` stands for.
    full_batch : bool
        True for a solver that takes the whole training set as its minibatch.
    elementwise : bool
        True promises that `step` treats every coordinate alike and by itself. It
        may then be handed theta in pieces, which keeps a large network in cache.
    kernel : str
        Name of the compiled kernel that stands for exactly this class, if any;
        nothing for classes of your own.

    Examples
    --------
    A solver that looks at the sign of the gradient only:

    >>> import numpy as np
    >>> from skoptnet import MLPRegressorX, Optimizer
    >>> class SignDescent(Optimizer):
    ...     default_learning_rate = 0.001
    ...     def step(self, theta, g, state, eps, xp):
    ...         theta -= eps * xp.sign(g)
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> model = MLPRegressorX(solver=SignDescent(), tol=0, random_state=0)
    >>> bool(model.fit(X, X.ravel()).score(X, X.ravel()) > 0.9)
    True
    """

    memory: tuple[str, ...] = ()
    default_learning_rate: float = 0.01
    full_batch: bool = False
    elementwise: bool = False

    def start(self, theta: Array, xp: Namespace) -> State:
        """Make the state before the first update: t = 0, all memory zero.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters, for their shape and dtype.
        xp : module
            The array namespace (``numpy``).

        Returns
        -------
        State
            Memory for one run.
        """
        return State(t=0, **{name: xp.zeros_like(theta) for name in self.memory})

    def gradient_point(self, theta: Array, state: State, xp: Namespace) -> Array:
        """Return the point where the next gradient is taken: theta itself.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters; not to be changed here.
        state : State
            The memory, as the last update left it.
        xp : module
            The array namespace (``numpy``).

        Returns
        -------
        array of shape (P,)
            The point, a new array where it is not theta.
        """
        return theta

    @abstractmethod
    def step(
        self, theta: Array, g: Array, state: State, eps: float, xp: Namespace
    ) -> None:
        """Make one update: change ``theta`` and ``state`` in place.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters.
        g : array of shape (P,)
            The minibatch gradient, taken at `gradient_point`; may be used up.
        state : State
            ``state.t`` counts this update; the vectors are those of ``memory``.
        eps : float
            The rate of this update.
        xp : module
            The array namespace (``numpy``).
        """


class GradientDescent(Optimizer):
    """Batch gradient descent, ``solver="gd"``: the whole set is the minibatch.

    .. math:: \\theta \\leftarrow \\theta - \\epsilon_t g

    One update per epoch; ``batch_size`` is not read. Memory: none.
    Source: the lecture's Algorithm 1.

    Examples
    --------
    >>> from skoptnet import GradientDescent, MLPClassifierX
    >>> MLPClassifierX(solver=GradientDescent(), learning_rate_init=0.5)
    MLPClassifierX(learning_rate_init=0.5, solver=GradientDescent())
    """

    kernel = "descent"
    default_learning_rate = 0.1
    full_batch = True
    elementwise = True

    def step(self, theta, g, state, eps, xp):
        theta -= eps * g


class SGD(Optimizer):
    """Stochastic gradient descent, ``solver="sgd"``.

    .. math:: \\theta \\leftarrow \\theta - \\epsilon_t g

    with :math:`g` the gradient of a minibatch. Memory: none.
    Source: Goodfellow et al. (2016), Algorithm 8.1. scikit-learn's ``solver="sgd"``
    has momentum 0.9 unless told otherwise; this one has none.

    Examples
    --------
    >>> from skoptnet import SGD, MLPClassifierX
    >>> MLPClassifierX(solver=SGD(), lr_schedule="step")
    MLPClassifierX(lr_schedule='step', solver=SGD())
    """

    kernel = "descent"
    default_learning_rate = 0.03
    elementwise = True

    def step(self, theta, g, state, eps, xp):
        theta -= eps * g


class Momentum(Optimizer):
    """Stochastic gradient descent with momentum, ``solver="momentum"``.

    .. math::
        v &\\leftarrow \\alpha v - \\epsilon_t g \\\\
        \\theta &\\leftarrow \\theta + v

    Memory: ``v``. Source: Goodfellow et al. (2016), Algorithm 8.2. The rate is
    inside ``v``, as in Keras and scikit-learn; PyTorch keeps it outside, which is
    the same at a constant rate and another path under a schedule.

    Parameters
    ----------
    momentum : float in [0, 1], default=0.9
        :math:`\\alpha`, the share of the velocity kept per update.

    Examples
    --------
    >>> from skoptnet import Momentum, MLPRegressorX
    >>> MLPRegressorX(solver=Momentum(momentum=0.5))
    MLPRegressorX(solver=Momentum(momentum=0.5))
    """

    memory: tuple[str, ...] = ("v",)
    kernel = "momentum"
    default_learning_rate = 0.01
    elementwise = True
    _parameter_constraints: ClassVar[dict] = {"momentum": _SHARE}

    def __init__(self, momentum: float = 0.9):
        self.momentum = momentum

    def step(self, theta, g, state, eps, xp):
        v = state.v
        v *= self.momentum
        v -= eps * g
        theta += v


class Nesterov(Momentum):
    """Stochastic gradient descent with Nesterov momentum, ``solver="nesterov"``.

    .. math::
        g &\\leftarrow \\nabla C(\\theta + \\alpha v) \\\\
        v &\\leftarrow \\alpha v - \\epsilon_t g \\\\
        \\theta &\\leftarrow \\theta + v

    The gradient is taken after the current velocity is applied. Memory: ``v``.
    Source: Goodfellow et al. (2016), Algorithm 8.3. ``theta``, not the interim point
    ``theta + momentum * v``, is scored and stored; scikit-learn, Keras and PyTorch
    keep the interim point instead.

    Parameters
    ----------
    momentum : float in [0, 1], default=0.9
        :math:`\\alpha`, the share of the velocity kept per update.

    Examples
    --------
    >>> from skoptnet import Nesterov, MLPRegressorX
    >>> MLPRegressorX(solver=Nesterov(momentum=0.99))
    MLPRegressorX(solver=Nesterov(momentum=0.99))
    """

    kernel = "nesterov"
    default_learning_rate = 0.003

    def gradient_point(self, theta, state, xp):
        return theta + self.momentum * state.v


class AdaGrad(Optimizer):
    """AdaGrad, ``solver="adagrad"``: rates shrink with the squares seen so far.

    .. math::
        r &\\leftarrow r + g \\odot g \\\\
        \\theta &\\leftarrow \\theta - \\frac{\\epsilon_t}{\\delta + \\sqrt{r}} \\odot g

    Memory: ``r``. Source: Goodfellow et al. (2016), Algorithm 8.4; Duchi, Hazan and
    Singer (2011). As PyTorch's with the same constants; Keras and Optax put
    :math:`\\delta` inside the root and start ``r`` at 0.1.

    Parameters
    ----------
    epsilon : float > 0, default=1e-7
        :math:`\\delta`, for numerical stability.

    Examples
    --------
    >>> from skoptnet import AdaGrad, MLPClassifierX
    >>> MLPClassifierX(solver=AdaGrad(epsilon=1e-10))
    MLPClassifierX(solver=AdaGrad(epsilon=1e-10))
    """

    memory = ("r",)
    kernel = "adagrad"
    default_learning_rate = 0.1
    elementwise = True
    _parameter_constraints: ClassVar[dict] = {"epsilon": _POSITIVE}

    def __init__(self, epsilon: float = 1e-7):
        self.epsilon = epsilon

    def step(self, theta, g, state, eps, xp):
        r, delta = state.r, self.epsilon
        r += g * g
        theta -= eps * g / (delta + xp.sqrt(r))


class RMSProp(Optimizer):
    """RMSProp, ``solver="rmsprop"``: AdaGrad that forgets.

    .. math::
        r &\\leftarrow \\rho r + (1 - \\rho) g \\odot g \\\\
        \\theta &\\leftarrow \\theta - \\frac{\\epsilon_t}{\\sqrt{\\delta + r}} \\odot g

    Memory: ``r``. Source: Goodfellow et al. (2016), Algorithm 8.5; Hinton (2012).
    :math:`\\delta` stands inside the root, as in Keras and Optax; PyTorch puts it
    outside.

    Parameters
    ----------
    rho : float in [0, 1), default=0.9
        Decay rate of the average of squared gradients.
    epsilon : float > 0, default=1e-6
        :math:`\\delta`, for numerical stability.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, RMSProp
    >>> MLPClassifierX(solver=RMSProp(rho=0.99))
    MLPClassifierX(solver=RMSProp(rho=0.99))
    """

    memory = ("r",)
    kernel = "rmsprop"
    default_learning_rate = 0.003
    elementwise = True
    _parameter_constraints: ClassVar[dict] = {"rho": _DECAY, "epsilon": _POSITIVE}

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-6):
        self.rho = rho
        self.epsilon = epsilon

    def step(self, theta, g, state, eps, xp):
        r, rho, delta = state.r, self.rho, self.epsilon
        r *= rho
        r += (1 - rho) * g * g
        theta -= eps * g / xp.sqrt(delta + r)


class Adam(Optimizer):
    """Adam, ``solver="adam"``: bias-corrected first and second moments.

    .. math::
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) g \\odot g \\\\
        \\hat s &\\leftarrow s / (1 - \\rho_1^t), \\quad
        \\hat r \\leftarrow r / (1 - \\rho_2^t) \\\\
        \\theta &\\leftarrow \\theta
        - \\epsilon_t \\frac{\\hat s}{\\sqrt{\\hat r} + \\delta}

    Memory: ``s``, ``r``. Source: Goodfellow et al. (2016), Algorithm 8.7; Kingma and
    Ba (2015). :math:`\\delta` is added after the bias correction, as in the paper,
    PyTorch and Optax; scikit-learn and Keras add it before ("epsilon hat"), which
    differs while the correction is far from one or the gradients are tiny.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.

    Examples
    --------
    >>> from skoptnet import Adam, MLPClassifierX
    >>> MLPClassifierX(solver=Adam(beta_2=0.99))
    MLPClassifierX(solver=Adam(beta_2=0.99))
    """

    memory = ("s", "r")
    kernel = "adam"
    default_learning_rate = 0.01
    elementwise = True
    _parameter_constraints: ClassVar[dict] = {
        "beta_1": _DECAY,
        "beta_2": _DECAY,
        "epsilon": _POSITIVE,
    }

    def __init__(
        self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
    ):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def step(self, theta, g, state, eps, xp):
        s, r, t = state.s, state.r, state.t
        rho_1, rho_2, delta = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        r *= rho_2
        r += (1 - rho_2) * g * g
        correction_1, correction_2 = 1 - rho_1**t, 1 - rho_2**t
        theta -= (eps / correction_1) * s / (xp.sqrt(r / correction_2) + delta)


#: The names ``solver=`` takes, and the class each stands for.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    "gd": GradientDescent,
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}
