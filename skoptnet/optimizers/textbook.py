"""The seven solvers of the textbook: gradient descent to Adam.

The symbols are those of Goodfellow, Bengio and Courville, *Deep Learning* (2016),
chapter 8: ``theta`` parameters, ``g`` gradient, ``v`` velocity, ``s`` and ``r`` first
and second moments. ``rate`` is the learning rate, epsilon in the book, and ``epsilon``
the small constant, delta in the book.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from .._params import DECAY, POSITIVE, SHARE
from .base import Optimizer, hyperparameters


@hyperparameters
class GradientDescent(Optimizer):
    """Batch gradient descent, ``solver="gd"``.

    .. math:: \\theta \\leftarrow \\theta - \\epsilon_t g

    with :math:`g` the gradient of the whole training set. There is one update per
    epoch; ``batch_size`` is ignored. Memory: none. Source: Algorithm 1 of the lecture.

    Default rate: 1, for regression 0.1.

    Parameters
    ----------
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import GradientDescent, MLPClassifierX
    >>> MLPClassifierX(solver=GradientDescent(), learning_rate_init=0.5)
    MLPClassifierX(learning_rate_init=0.5, solver=GradientDescent())
    """

    kernel = "descent"
    default_learning_rate = 1.0
    regression_learning_rate = 0.1
    full_batch = True
    elementwise = True

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g


@hyperparameters
class SGD(Optimizer):
    """Stochastic gradient descent, ``solver="sgd"``.

    .. math:: \\theta \\leftarrow \\theta - \\epsilon_t g

    with :math:`g` the gradient of a minibatch. Memory: none.
    Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__,
    Algorithm 8.1. Unlike scikit-learn's ``solver="sgd"``, with momentum 0.9 by default,
    this one has none.

    Default rate: 0.1.

    Parameters
    ----------
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import SGD, MLPClassifierX
    >>> MLPClassifierX(solver=SGD(), lr_schedule="step")
    MLPClassifierX(lr_schedule='step', solver=SGD())
    """

    kernel = "descent"
    default_learning_rate = 0.1
    elementwise = True

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g


@hyperparameters
class Momentum(Optimizer):
    """Stochastic gradient descent with momentum, ``solver="momentum"``.

    .. math::
        v &\\leftarrow \\alpha v - \\epsilon_t g \\\\
        \\theta &\\leftarrow \\theta + v

    Memory: ``v``. Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__,
    Algorithm 8.2. The rate is part of ``v``, as in Keras and scikit-learn. PyTorch
    applies it outside ``v``, which is the same at a constant rate but differs under a
    schedule.

    Default rate: 0.01.

    Parameters
    ----------
    momentum : float in [0, 1], default=0.9
        :math:`\\alpha`, decay rate of the velocity.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import Momentum, MLPRegressorX
    >>> MLPRegressorX(solver=Momentum(momentum=0.5))
    MLPRegressorX(solver=Momentum(momentum=0.5))
    """

    memory: ClassVar[tuple[str, ...]] = ("v",)
    kernel = "momentum"
    kernel_numbers = ("momentum",)
    momentum_name = "momentum"
    reads = ("momentum",)
    default_learning_rate = 0.01
    elementwise = True

    momentum: Annotated[float, SHARE] = 0.9

    def step(self, theta, g, state, rate, xp):
        v = state.v
        v *= self.momentum
        v -= rate * g
        theta += v


@hyperparameters
class Nesterov(Momentum):
    """Stochastic gradient descent with Nesterov momentum, ``solver="nesterov"``.

    .. math::
        g &\\leftarrow \\nabla C(\\theta + \\alpha v) \\\\
        v &\\leftarrow \\alpha v - \\epsilon_t g \\\\
        \\theta &\\leftarrow \\theta + v

    The gradient is evaluated at the look-ahead point :math:`\\theta + \\alpha v`.
    Memory: ``v``. Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__, Algorithm 8.3;
    `Nesterov (1983) <https://www.mathnet.ru/eng/dan46009>`__. ``theta`` is scored and
    stored; scikit-learn, Keras and PyTorch keep the look-ahead point instead.

    Default rate: 0.01.

    Parameters
    ----------
    momentum : float in [0, 1], default=0.9
        :math:`\\alpha`, decay rate of the velocity.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import Nesterov, MLPRegressorX
    >>> MLPRegressorX(solver=Nesterov(momentum=0.99))
    MLPRegressorX(solver=Nesterov(momentum=0.99))
    """

    kernel = "nesterov"

    def gradient_point(self, theta, state, xp):
        return theta + self.momentum * state.v


@hyperparameters
class AdaGrad(Optimizer):
    """AdaGrad, ``solver="adagrad"``: rates fall with the sum of squared gradients.

    .. math::
        r &\\leftarrow r + g \\odot g \\\\
        \\theta &\\leftarrow \\theta - \\frac{\\epsilon_t}{\\delta + \\sqrt{r}} \\odot g

    Memory: ``r``. Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__, Algorithm 8.4;
    `Duchi, Hazan and Singer (2011) <https://jmlr.org/papers/v12/duchi11a.html>`__.
    PyTorch's is the same with these constants; Keras and Optax put :math:`\\delta`
    inside the root and start ``r`` at 0.1.

    Default rate: 0.01, for regression 0.1.

    Parameters
    ----------
    epsilon : float > 0, default=1e-7
        :math:`\\delta`, for numerical stability.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import AdaGrad, MLPClassifierX
    >>> MLPClassifierX(solver=AdaGrad(epsilon=1e-10))
    MLPClassifierX(solver=AdaGrad(epsilon=1e-10))
    """

    memory = ("r",)
    kernel = "adagrad"
    kernel_numbers = ("epsilon",)
    reads = ("epsilon",)
    default_learning_rate = 0.01
    regression_learning_rate = 0.1
    elementwise = True

    epsilon: Annotated[float, POSITIVE] = 1e-7

    def step(self, theta, g, state, rate, xp):
        r, epsilon = state.r, self.epsilon
        r += g * g
        theta -= rate * g / (epsilon + xp.sqrt(r))


@hyperparameters
class RMSProp(Optimizer):
    """RMSProp, ``solver="rmsprop"``: AdaGrad with a moving average.

    .. math::
        r &\\leftarrow \\rho r + (1 - \\rho) g \\odot g \\\\
        \\theta &\\leftarrow \\theta - \\frac{\\epsilon_t}{\\sqrt{\\delta + r}} \\odot g

    Memory: ``r``. Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__,
    Algorithm 8.5; `Tieleman and Hinton (2012), lecture 6e
    <https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf>`__.
    :math:`\\delta` is inside the root, as in Keras and Optax; PyTorch puts it outside.

    Default rate: 0.001.

    Parameters
    ----------
    rho : float in [0, 1), default=0.9
        :math:`\\rho`, decay rate of the average of squared gradients.
    epsilon : float > 0, default=1e-6
        :math:`\\delta`, for numerical stability.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, RMSProp
    >>> MLPClassifierX(solver=RMSProp(rho=0.99))
    MLPClassifierX(solver=RMSProp(rho=0.99))
    """

    memory = ("r",)
    kernel = "rmsprop"
    kernel_numbers = ("rho", "epsilon")
    reads = ("rho", "epsilon")
    default_learning_rate = 0.001
    elementwise = True

    rho: Annotated[float, DECAY] = 0.9
    epsilon: Annotated[float, POSITIVE] = 1e-6

    def step(self, theta, g, state, rate, xp):
        r, rho, epsilon = state.r, self.rho, self.epsilon
        r *= rho
        r += (1 - rho) * g * g
        theta -= rate * g / xp.sqrt(epsilon + r)


@hyperparameters
class Adam(Optimizer):
    """Adam, ``solver="adam"``: bias-corrected first and second moments.

    .. math::
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) g \\odot g \\\\
        \\hat s &\\leftarrow s / (1 - \\rho_1^t), \\quad
        \\hat r \\leftarrow r / (1 - \\rho_2^t) \\\\
        \\theta &\\leftarrow \\theta
        - \\epsilon_t \\frac{\\hat s}{\\sqrt{\\hat r} + \\delta}

    Memory: ``s``, ``r``. Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__, Algorithm 8.7;
    `Kingma and Ba (2015) <https://arxiv.org/abs/1412.6980>`__. :math:`\\delta` is added
    after the bias correction, as in the paper, PyTorch and Optax. scikit-learn and
    Keras add it before the correction ("epsilon hat"), which differs in the first
    updates and where gradients are tiny.

    Default rate: 0.001, for regression 0.01.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import Adam, MLPClassifierX
    >>> MLPClassifierX(solver=Adam(beta_2=0.99))
    MLPClassifierX(solver=Adam(beta_2=0.99))
    """

    memory: ClassVar[tuple[str, ...]] = ("s", "r")
    kernel = "adam"
    kernel_numbers: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    momentum_name = "beta_1"
    reads: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    default_learning_rate = 0.001
    regression_learning_rate = 0.01
    elementwise = True

    beta_1: Annotated[float, DECAY] = 0.9
    beta_2: Annotated[float, DECAY] = 0.999
    epsilon: Annotated[float, POSITIVE] = 1e-8

    def step(self, theta, g, state, rate, xp):
        s, r, t = state.s, state.r, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        r *= rho_2
        r += (1 - rho_2) * g * g
        correction_1, correction_2 = 1 - rho_1**t, 1 - rho_2**t
        theta -= (rate / correction_1) * s / (xp.sqrt(r / correction_2) + epsilon)
