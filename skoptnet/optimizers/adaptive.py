"""Relatives of RMSProp: Adadelta, RMSProp with Nesterov momentum, centered RMSProp.

Symbols as in ``textbook``; ``u`` is the average of squared updates.
"""

from __future__ import annotations

from typing import Annotated

from .._params import DECAY, POSITIVE, SHARE
from .base import Optimizer, hyperparameters


@hyperparameters
class Adadelta(Optimizer):
    """Adadelta, ``solver="adadelta"``: updates in units of the parameters.

    .. math::
        r &\\leftarrow \\rho r + (1 - \\rho) g \\odot g \\\\
        \\Delta &\\leftarrow
        \\frac{\\sqrt{u + \\delta}}{\\sqrt{r + \\delta}} \\odot g \\\\
        u &\\leftarrow \\rho u + (1 - \\rho) \\Delta \\odot \\Delta \\\\
        \\theta &\\leftarrow \\theta - \\epsilon_t \\Delta

    Memory: ``r``, ``u``. Source: `Zeiler (2012) <https://arxiv.org/abs/1212.5701>`__,
    Algorithm 1. The paper has no rate, that is, a rate of 1. Adadelta starts slowly:
    the first updates have the size of the root of :math:`\\delta`. The constants are
    those of the paper's experiments; with them, PyTorch (default ``rho`` 0.9) and Keras
    (default ``epsilon`` 1e-7) give the same updates.

    Default rate: 0.3.

    Parameters
    ----------
    rho : float in [0, 1), default=0.95
        :math:`\\rho`, decay rate of both averages.
    epsilon : float > 0, default=1e-6
        :math:`\\delta`, which sets the size of the first updates.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import Adadelta, MLPClassifierX
    >>> MLPClassifierX(solver=Adadelta(rho=0.9))
    MLPClassifierX(solver=Adadelta(rho=0.9))
    """

    memory = ("r", "u")
    kernel = "adadelta"
    kernel_numbers = ("rho", "epsilon")
    default_learning_rate = 0.3
    elementwise = True

    rho: Annotated[float, DECAY] = 0.95
    epsilon: Annotated[float, POSITIVE] = 1e-6

    def step(self, theta, g, state, rate, xp):
        r, u, rho, epsilon = state.r, state.u, self.rho, self.epsilon
        r *= rho
        r += (1 - rho) * g * g
        update = xp.sqrt(u + epsilon) / xp.sqrt(r + epsilon) * g
        u *= rho
        u += (1 - rho) * update * update
        theta -= rate * update


@hyperparameters
class RMSPropNesterov(Optimizer):
    """RMSProp with Nesterov momentum, ``solver="rmsprop_nesterov"``.

    .. math::
        g &\\leftarrow \\nabla C(\\theta + \\alpha v) \\\\
        r &\\leftarrow \\rho r + (1 - \\rho) g \\odot g \\\\
        v &\\leftarrow \\alpha v
        - \\frac{\\epsilon_t}{\\sqrt{\\delta + r}} \\odot g \\\\
        \\theta &\\leftarrow \\theta + v

    Memory: ``r``, ``v``. Source: `Goodfellow et al. (2016)
    <https://www.deeplearningbook.org/contents/optimization.html>`__,
    Algorithm 8.6. The book has no :math:`\\delta` and no constants there; here both are
    those of `RMSProp` and `Nesterov`. ``theta`` is scored and stored; the same chain in
    Optax keeps the look-ahead point. RMSProp of PyTorch and Keras has momentum, but not
    Nesterov's.

    Default rate: 3e-05, for regression 0.001.

    Parameters
    ----------
    rho : float in [0, 1), default=0.9
        :math:`\\rho`, decay rate of the average of squared gradients.
    momentum : float in [0, 1], default=0.9
        :math:`\\alpha`, decay rate of the velocity.
    epsilon : float > 0, default=1e-6
        :math:`\\delta`, for numerical stability.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import MLPRegressorX, RMSPropNesterov
    >>> MLPRegressorX(solver=RMSPropNesterov(momentum=0.8))
    MLPRegressorX(solver=RMSPropNesterov(momentum=0.8))
    """

    memory = ("r", "v")
    kernel = "rmsprop_nesterov"
    kernel_numbers = ("rho", "momentum", "epsilon")
    momentum_name = "momentum"
    default_learning_rate = 3e-05
    regression_learning_rate = 0.001
    elementwise = True

    rho: Annotated[float, DECAY] = 0.9
    momentum: Annotated[float, SHARE] = 0.9
    epsilon: Annotated[float, POSITIVE] = 1e-6

    def gradient_point(self, theta, state, xp):
        return theta + self.momentum * state.v

    def step(self, theta, g, state, rate, xp):
        r, v, rho, epsilon = state.r, state.v, self.rho, self.epsilon
        r *= rho
        r += (1 - rho) * g * g
        v *= self.momentum
        v -= rate * g / xp.sqrt(epsilon + r)
        theta += v


@hyperparameters
class CenteredRMSProp(Optimizer):
    """Centered RMSProp with momentum, ``solver="centered_rmsprop"``.

    .. math::
        r &\\leftarrow \\rho r + (1 - \\rho) g \\odot g \\\\
        s &\\leftarrow \\rho s + (1 - \\rho) g \\\\
        v &\\leftarrow \\alpha v
        - \\frac{\\epsilon_t}{\\sqrt{r - s \\odot s + \\delta}} \\odot g \\\\
        \\theta &\\leftarrow \\theta + v

    The gradient is divided by its standard deviation, not by its root mean square, so
    updates are long where gradients agree. Memory: ``r``, ``s``, ``v``.
    Source: `Graves (2013) <https://arxiv.org/abs/1308.0850>`__, equations 38 to 45.
    Momentum and constants are those of the paper, whose rate is 1e-4. Keras and Optax
    with ``centered=True`` are the same with these constants; PyTorch puts
    :math:`\\delta` outside the root and the rate outside ``v``.

    Default rate: 0.0001, for regression 0.001.

    Parameters
    ----------
    rho : float in [0, 1), default=0.95
        :math:`\\rho`, decay rate of both moments.
    momentum : float in [0, 1], default=0.9
        :math:`\\alpha`, decay rate of the velocity; 0 for no momentum.
    epsilon : float > 0, default=1e-4
        :math:`\\delta`, added to the variance.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import CenteredRMSProp, MLPRegressorX
    >>> MLPRegressorX(solver=CenteredRMSProp(momentum=0.5))
    MLPRegressorX(solver=CenteredRMSProp(momentum=0.5))
    """

    memory = ("r", "s", "v")
    kernel = "centered_rmsprop"
    kernel_numbers = ("rho", "momentum", "epsilon")
    momentum_name = "momentum"
    default_learning_rate = 0.0001
    regression_learning_rate = 0.001
    elementwise = True

    rho: Annotated[float, DECAY] = 0.95
    momentum: Annotated[float, SHARE] = 0.9
    epsilon: Annotated[float, POSITIVE] = 1e-4

    def step(self, theta, g, state, rate, xp):
        r, s, v, rho, epsilon = state.r, state.s, state.v, self.rho, self.epsilon
        r *= rho
        r += (1 - rho) * g * g
        s *= rho
        s += (1 - rho) * g
        # Rounding can bring the variance below 0.
        variance = xp.maximum(r - s * s, 0)
        v *= self.momentum
        v -= rate * g / xp.sqrt(variance + epsilon)
        theta += v
