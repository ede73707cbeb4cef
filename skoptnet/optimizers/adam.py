"""Variants of Adam. Symbols as in ``textbook``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from .._params import NOT_NEGATIVE
from .base import hyperparameters
from .textbook import Adam


@hyperparameters
class AdamW(Adam):
    """Adam with decoupled weight decay, ``solver="adamw"``.

    .. math::
        W_l \\leftarrow (1 - \\epsilon_t \\lambda) W_l
        \\quad \\text{for each layer's weights, then as Adam}

    This is `Adam` with another default of ``weight_decay``. Memory: ``s``, ``r``.
    Source: `Loshchilov and Hutter (2019) <https://arxiv.org/abs/1711.05101>`__,
    Algorithm 2. The paper multiplies :math:`\\lambda` by the schedule only; here it is
    multiplied by the rate, as in PyTorch, Keras and Optax, which decay the biases as
    well by default.

    Default rate: 0.001, for regression 0.01.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    weight_decay : float >= 0, default=0.01
        :math:`\\lambda`, see `Optimizer`.
    average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import AdamW, MLPClassifierX
    >>> MLPClassifierX(solver=AdamW(weight_decay=0.1), alpha=0)
    MLPClassifierX(alpha=0, solver=AdamW(weight_decay=0.1))
    """

    kernel = "adam"
    reads = ()

    weight_decay: float = 0.01


@hyperparameters
class AMSGrad(Adam):
    """AMSGrad, ``solver="amsgrad"``: Adam with a second moment that never falls.

    .. math::
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) g \\odot g \\\\
        r_{\\max} &\\leftarrow \\max(r_{\\max}, r) \\\\
        \\theta &\\leftarrow \\theta - \\epsilon_t \\frac{s / (1 - \\rho_1^t)}
        {\\sqrt{r_{\\max} / (1 - \\rho_2^t)} + \\delta}

    Memory: ``s``, ``r``, ``r_max``. Source: `Reddi, Kale and Kumar (2018)
    <https://arxiv.org/abs/1904.09237>`__, Algorithm 2. The paper has neither bias
    corrections nor :math:`\\delta`. Here the maximum is taken before the correction, as
    in PyTorch; Optax corrects first; Keras adds :math:`\\delta` before the correction.

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
    >>> from skoptnet import AMSGrad, MLPClassifierX
    >>> MLPClassifierX(solver=AMSGrad(beta_2=0.99))
    MLPClassifierX(solver=AMSGrad(beta_2=0.99))
    """

    memory = ("s", "r", "r_max")
    kernel = "amsgrad"
    reads = ()

    def step(self, theta, g, state, rate, xp):
        s, r, r_max, t = state.s, state.r, state.r_max, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        r *= rho_2
        r += (1 - rho_2) * g * g
        r_max[...] = xp.maximum(r_max, r)
        correction_1, correction_2 = 1 - rho_1**t, 1 - rho_2**t
        theta -= (rate / correction_1) * s / (xp.sqrt(r_max / correction_2) + epsilon)


@hyperparameters
class AdaMax(Adam):
    """AdaMax, ``solver="adamax"``: Adam with the infinity norm.

    .. math::
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        u &\\leftarrow \\max(\\rho_2 u, \\lvert g \\rvert + \\delta) \\\\
        \\theta &\\leftarrow \\theta - \\frac{\\epsilon_t}{1 - \\rho_1^t} \\frac{s}{u}

    Memory: ``s``, ``u``. Source: `Kingma and Ba (2015)
    <https://arxiv.org/abs/1412.6980>`__, Algorithm 2. The paper has no :math:`\\delta`;
    here it is where PyTorch and Optax have it. Keras adds it to ``u`` in the quotient.

    Default rate: 0.001, for regression 0.03.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the norm.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import AdaMax, MLPClassifierX
    >>> MLPClassifierX(solver=AdaMax(beta_1=0.8))
    MLPClassifierX(solver=AdaMax(beta_1=0.8))
    """

    memory = ("s", "u")
    kernel = "adamax"
    reads = ()
    regression_learning_rate = 0.03

    def step(self, theta, g, state, rate, xp):
        s, u, t = state.s, state.u, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        u[...] = xp.maximum(rho_2 * u, xp.abs(g) + epsilon)
        theta -= rate / (1 - rho_1**t) * s / u


@hyperparameters
class NAdam(Adam):
    """NAdam, ``solver="nadam"``: Adam with Nesterov momentum.

    .. math::
        \\mu_t &= \\rho_1 (1 - \\tfrac12\\, 0.96^{\\psi t}) \\\\
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) g \\odot g \\\\
        \\hat s &\\leftarrow \\frac{\\mu_{t+1}\\, s}{1 - \\prod_{i=1}^{t+1} \\mu_i}
        + \\frac{(1 - \\mu_t)\\, g}{1 - \\prod_{i=1}^{t} \\mu_i}, \\quad
        \\hat r \\leftarrow r / (1 - \\rho_2^t) \\\\
        \\theta &\\leftarrow \\theta
        - \\epsilon_t \\frac{\\hat s}{\\sqrt{\\hat r} + \\delta}

    Memory: ``s``, ``r``, and the number ``mu_product``. Source: `Dozat (2016)
    <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>`__, Algorithm 2. There, ``s``
    decays by :math:`\\mu_t`; here by :math:`\\rho_1`, as in PyTorch and Keras. The
    default of :math:`\\psi` is that of PyTorch and of Dozat's experiments; Keras has 1.
    Optax has a constant :math:`\\mu`.

    Default rate: 0.001, for regression 0.01.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment, and limit of :math:`\\mu_t`.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    momentum_decay : float >= 0, default=0.004
        :math:`\\psi`, how fast :math:`\\mu_t` grows from half of its limit.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, NAdam
    >>> MLPClassifierX(solver=NAdam(momentum_decay=0.01))
    MLPClassifierX(solver=NAdam(momentum_decay=0.01))
    """

    kernel = "nadam"
    kernel_numbers = ("beta_1", "beta_2", "epsilon", "momentum_decay")
    numbers: ClassVar[dict[str, float]] = {"mu_product": 1.0}
    reads = ()

    momentum_decay: Annotated[float, NOT_NEGATIVE] = 0.004

    def step(self, theta, g, state, rate, xp):
        s, r, t = state.s, state.r, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        mu, mu_next = (
            rho_1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * i)) for i in (t, t + 1)
        )
        state.mu_product *= mu
        s *= rho_1
        s += (1 - rho_1) * g
        r *= rho_2
        r += (1 - rho_2) * g * g
        s_hat = mu_next / (1 - state.mu_product * mu_next) * s
        s_hat += (1 - mu) / (1 - state.mu_product) * g
        theta -= rate * s_hat / (xp.sqrt(r / (1 - rho_2**t)) + epsilon)


@hyperparameters
class RAdam(Adam):
    """Rectified Adam, ``solver="radam"``: Adam with a built-in warm-up.

    .. math::
        n_\\infty &= \\frac{2}{1 - \\rho_2} - 1, \\quad
        n_t = n_\\infty - \\frac{2 t \\rho_2^t}{1 - \\rho_2^t} \\\\
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) g \\odot g \\\\
        \\hat s &\\leftarrow s / (1 - \\rho_1^t), \\quad
        \\hat r \\leftarrow r / (1 - \\rho_2^t) \\\\
        \\theta &\\leftarrow \\theta - \\epsilon_t \\begin{cases}
        \\sqrt{\\frac{(n_t - 4) (n_t - 2) n_\\infty}
        {(n_\\infty - 4) (n_\\infty - 2) n_t}}
        \\frac{\\hat s}{\\sqrt{\\hat r} + \\delta} & n_t > 5 \\\\
        \\hat s & \\text{else} \\end{cases}

    :math:`n_t` is the effective number of gradients that ``r`` averages. While it is
    small, the second moment is not used; later, the factor rises to 1.
    Memory: ``s``, ``r``. Source: `Liu et al. (2020)
    <https://arxiv.org/abs/1908.03265>`__, Algorithm 2. The paper requires
    :math:`n_t > 4` and has no :math:`\\delta`; 5 is the threshold of the authors' code,
    PyTorch and Optax. :math:`\\delta` is added after the bias correction, as in `Adam`
    and in Optax; PyTorch adds it before.

    Default rate: 0.001, for regression 0.003.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment; below 2/3, :math:`n_t`
        never exceeds 5.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, RAdam
    >>> MLPClassifierX(solver=RAdam(beta_2=0.99))
    MLPClassifierX(solver=RAdam(beta_2=0.99))
    """

    kernel = "radam"
    regression_learning_rate = 0.003
    reads = ()

    def step(self, theta, g, state, rate, xp):
        s, r, t = state.s, state.r, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        r *= rho_2
        r += (1 - rho_2) * g * g
        s_hat = s / (1 - rho_1**t)
        n_inf = 2 / (1 - rho_2) - 1
        n = n_inf - 2 * t * rho_2**t / (1 - rho_2**t)
        if n > 5:
            rectified = (n - 4) * (n - 2) * n_inf / ((n_inf - 4) * (n_inf - 2) * n)
            rate *= rectified**0.5
            theta -= rate * s_hat / (xp.sqrt(r / (1 - rho_2**t)) + epsilon)
        else:
            theta -= rate * s_hat
