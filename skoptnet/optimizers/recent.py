"""Recent solvers: Yogi, AdaBelief, Adan, Lion, schedule-free AdamW, Muon.

The symbols are those of `textbook`: ``s`` and ``r`` first and second moments, ``rho``
decay rates, ``epsilon`` the small constant. ``rho_1`` is the parameter ``beta_1``,
and so on, as in Adam.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from .._params import COUNT_FROM_ZERO, DECAY, NOT_NEGATIVE, POSITIVE
from .base import Optimizer, hyperparameters
from .textbook import Adam


@hyperparameters
class Yogi(Adam):
    """Yogi, ``solver="yogi"``: Adam with a second moment that changes slowly.

    .. math::
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow r - (1 - \\rho_2) \\, \\mathrm{sign}(r - g \\odot g)
        \\odot g \\odot g \\\\
        \\theta &\\leftarrow \\theta - \\epsilon_t
        \\frac{s / (1 - \\rho_1^t)}{\\sqrt{r / (1 - \\rho_2^t)} + \\delta}

    In Adam, :math:`r` falls by a share of itself when gradients become small, and the
    effective rate of a coordinate may jump. Here :math:`r` moves towards
    :math:`g \\odot g` by at most :math:`(1 - \\rho_2) g \\odot g`.
    Memory: ``s``, ``r``. Source: `Zaheer et al. (2018)
    <https://papers.nips.cc/paper/8186-adaptive-methods-for-nonconvex-optimization>`__,
    Algorithm 2. The paper has no bias correction. TensorFlow Addons and Optax have one,
    as here, and start ``r`` at 1e-6, as here. They also start ``s`` at 1e-6; here it
    starts at 0, so a parameter without a gradient does not move.

    Default rate: 0.001, for regression 0.01.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`; the second moment changes by at most :math:`1 - \\rho_2` times
        the squared gradient.
    epsilon : float > 0, default=1e-3
        :math:`\\delta`, larger than in Adam: Yogi is meant to be less adaptive.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, Yogi
    >>> MLPClassifierX(solver=Yogi(epsilon=1e-4))
    MLPClassifierX(solver=Yogi(epsilon=0.0001))
    """

    kernel = "yogi"
    reads = ()

    epsilon: float = 1e-3

    def start(self, theta, xp):
        state = super().start(theta, xp)
        state.r += 1e-6
        return state

    def step(self, theta, g, state, rate, xp):
        s, r, t = state.s, state.r, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        r -= (1 - rho_2) * xp.sign(r - g * g) * g * g
        correction_1, correction_2 = 1 - rho_1**t, 1 - rho_2**t
        theta -= (rate / correction_1) * s / (xp.sqrt(r / correction_2) + epsilon)


@hyperparameters
class AdaBelief(Adam):
    """AdaBelief, ``solver="adabelief"``: Adam scaled by the gradient's variance.

    .. math::
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) (g - s) \\odot (g - s) + \\delta \\\\
        \\theta &\\leftarrow \\theta - \\epsilon_t
        \\frac{s / (1 - \\rho_1^t)}{\\sqrt{r / (1 - \\rho_2^t)} + \\delta}

    :math:`r` averages the squared difference between the gradient and its average, not
    the squared gradient, so steps are long where gradients agree. Memory: ``s``, ``r``.
    Source: `Zhuang et al. (2020) <https://arxiv.org/abs/2010.07468>`__, section 2.
    :math:`\\delta` is added twice, as in the paper and (with ``eps`` equal to
    ``eps_root``) in Optax: in the quotient and in the recursion of :math:`r`, where it
    sums to :math:`\\delta / (1 - \\rho_2)`. The authors' later code also rectifies the
    rate as RAdam does; the paper does not, nor does this class.

    Default rate: 0.001, for regression 0.003.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment.
    epsilon : float > 0, default=1e-16
        :math:`\\delta`, on the scale of squared gradients in the recursion.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import AdaBelief, MLPClassifierX
    >>> MLPClassifierX(solver=AdaBelief(epsilon=1e-12))
    MLPClassifierX(solver=AdaBelief(epsilon=1e-12))
    """

    kernel = "adabelief"
    reads = ()
    regression_learning_rate = 0.003

    epsilon: float = 1e-16

    def step(self, theta, g, state, rate, xp):
        s, r, t = state.s, state.r, state.t
        rho_1, rho_2, epsilon = self.beta_1, self.beta_2, self.epsilon
        s *= rho_1
        s += (1 - rho_1) * g
        surprise = g - s
        r *= rho_2
        r += (1 - rho_2) * surprise * surprise + epsilon
        correction_1, correction_2 = 1 - rho_1**t, 1 - rho_2**t
        theta -= (rate / correction_1) * s / (xp.sqrt(r / correction_2) + epsilon)


@hyperparameters
class Adan(Optimizer):
    """Adan, ``solver="adan"``: Adam with Nesterov momentum, without a look-ahead.

    .. math::
        d &\\leftarrow g - g_{\\text{before}} \\\\
        s &\\leftarrow \\rho_1 s + (1 - \\rho_1) g, \\quad
        v \\leftarrow \\rho_2 v + (1 - \\rho_2) d \\\\
        r &\\leftarrow \\rho_3 r + (1 - \\rho_3) (g + \\rho_2 d)^2 \\\\
        \\theta &\\leftarrow \\frac{1}{1 + \\epsilon_t \\lambda} \\left( \\theta
        - \\epsilon_t \\frac{s / (1 - \\rho_1^t) + \\rho_2 v / (1 - \\rho_2^t)}
        {\\sqrt{r / (1 - \\rho_3^t)} + \\delta} \\right)

    The difference :math:`d` of the last two gradients estimates the gradient at the
    look-ahead point; at the first update it is zero. The factor in front is the
    proximal form of weight decay, after the update and for the weights only;
    :math:`\\lambda` is ``weight_decay``. Memory: ``s``, ``r``, ``trend`` (:math:`v`),
    ``before``. Source: `Xie et al. (2022) <https://arxiv.org/abs/2208.06677>`__,
    Algorithm 1. The bias corrections are those of the authors' code. The paper writes
    :math:`1 - \\beta` for each :math:`\\rho` here, so its :math:`\\beta` are 0.02, 0.08
    and 0.01. Optax 0.2 has :math:`1 - \\rho_2` where :math:`\\rho_2` multiplies a
    difference, which gives other updates.

    Default rate: 0.001, for regression 0.01.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.98
        :math:`\\rho_1`, decay rate of the first moment.
    beta_2 : float in [0, 1), default=0.92
        :math:`\\rho_2`, decay rate of the differences' moment, and their weight.
    beta_3 : float in [0, 1), default=0.99
        :math:`\\rho_3`, decay rate of the second moment.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    weight_decay : float >= 0, default=0.0
        After each update, the weights (not the biases) are divided by 1 +
        ``weight_decay`` times the rate.
    average : float in [0, 1), default=0.0
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import Adan, MLPClassifierX
    >>> MLPClassifierX(solver=Adan(weight_decay=0.02))
    MLPClassifierX(solver=Adan(weight_decay=0.02))
    """

    memory = ("s", "r", "trend", "before")
    kernel = "adan"
    kernel_numbers = ("beta_1", "beta_2", "beta_3", "epsilon")
    momentum_name = "beta_1"
    default_learning_rate = 0.001
    regression_learning_rate = 0.01
    elementwise = True
    proximal = True

    beta_1: Annotated[float, DECAY] = 0.98
    beta_2: Annotated[float, DECAY] = 0.92
    beta_3: Annotated[float, DECAY] = 0.99
    epsilon: Annotated[float, POSITIVE] = 1e-8

    def step(self, theta, g, state, rate, xp):
        s, r, v, before, t = state.s, state.r, state.trend, state.before, state.t
        rho_1, rho_2, rho_3 = self.beta_1, self.beta_2, self.beta_3
        d = g - before if t > 1 else xp.zeros_like(g)
        s *= rho_1
        s += (1 - rho_1) * g
        v *= rho_2
        v += (1 - rho_2) * d
        before[...] = g
        d *= rho_2
        d += g
        r *= rho_3
        r += (1 - rho_3) * d * d
        moment = (rate / (1 - rho_1**t)) * s
        moment += (rate * rho_2 / (1 - rho_2**t)) * v
        theta -= moment / (xp.sqrt(r / (1 - rho_3**t)) + self.epsilon)

    def decay(self, theta, state, rate, xp):
        theta /= 1 + rate * self.weight_decay


@hyperparameters
class Lion(Optimizer):
    """Lion, ``solver="lion"``: steps by the sign of the momentum.

    .. math::
        \\theta &\\leftarrow \\theta - \\epsilon_t \\,
        \\mathrm{sign}(\\rho_1 s + (1 - \\rho_1) g) \\\\
        s &\\leftarrow \\rho_2 s + (1 - \\rho_2) g

    Every parameter moves by the rate, up or down, so Lion needs a lower rate and a
    stronger ``weight_decay`` than Adam, and a schedule that decays. It was found by a
    search over programs. Memory: ``s``. Source: `Chen et al. (2023)
    <https://arxiv.org/abs/2302.06675>`__, Algorithm 2. Optax has the same default of
    ``weight_decay`` but applies it to the biases as well.

    Default rate: 0.0001, for regression 0.001.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, weight of the momentum in the sign.
    beta_2 : float in [0, 1), default=0.99
        :math:`\\rho_2`, decay rate of the momentum.
    weight_decay : float >= 0, default=1e-3
        See `Optimizer`.
    average : float in [0, 1), default=0.0
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import Lion, MLPClassifierX
    >>> MLPClassifierX(solver=Lion(weight_decay=0.01), lr_schedule="exponential")
    MLPClassifierX(lr_schedule='exponential', solver=Lion(weight_decay=0.01))
    """

    memory = ("s",)
    kernel = "lion"
    kernel_numbers = ("beta_1", "beta_2")
    momentum_name = "beta_1"
    default_learning_rate = 0.0001
    regression_learning_rate = 0.001
    elementwise = True

    beta_1: Annotated[float, DECAY] = 0.9
    beta_2: Annotated[float, DECAY] = 0.99
    weight_decay: float = 1e-3

    def step(self, theta, g, state, rate, xp):
        s, rho_1, rho_2 = state.s, self.beta_1, self.beta_2
        theta -= rate * xp.sign(rho_1 * s + (1 - rho_1) * g)
        s *= rho_2
        s += (1 - rho_2) * g


@hyperparameters
class ScheduleFreeAdamW(Optimizer):
    """Schedule-free AdamW, ``solver="schedule_free_adamw"``: averages the iterates.

    .. math::
        y &= \\theta + (1 - \\rho_1) (z - \\theta), \\quad
        g \\leftarrow \\nabla C(y) \\\\
        r &\\leftarrow \\rho_2 r + (1 - \\rho_2) g \\odot g \\\\
        z &\\leftarrow z - \\epsilon_t
        \\frac{g}{\\sqrt{r / (1 - \\rho_2^t)} + \\delta} - \\epsilon_t \\lambda y \\\\
        \\theta &\\leftarrow \\theta + c (z - \\theta), \\qquad
        c = \\frac{w_t}{\\sum_{i \\le t} w_i}, \\quad
        w_t = \\max_{i \\le t} \\epsilon_i^2

    :math:`z` moves as in Adam without momentum. :math:`\\theta`, which is scored and
    stored, is the weighted average of all :math:`z` so far. The gradient, and the loss
    in ``loss_curve_``, are evaluated between the two, at :math:`y`. A constant rate
    then does the work of a schedule, without the need to know when training will end.
    :math:`\\epsilon_t` rises linearly over the first ``warmup_steps`` updates. Only
    weights decay, by :math:`\\lambda` = ``weight_decay`` times :math:`y`. Memory:
    ``z``, ``r``. Source: `Defazio et al. (2024) <https://arxiv.org/abs/2405.15682>`__,
    Algorithm 1. The weights :math:`w_t` have the largest rate so far, as in the
    authors' ``schedulefree.AdamWScheduleFree`` (version 1.4); the paper has the rate
    itself. In that code the parameters are :math:`y` in training and :math:`\\theta` in
    evaluation. There is no parameter ``average``, since :math:`\\theta` is an average
    already.

    Default rate: 0.001, for regression 0.03.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        :math:`\\rho_1`, the weight of theta in :math:`y`.
    beta_2 : float in [0, 1), default=0.999
        :math:`\\rho_2`, decay rate of the second moment.
    epsilon : float > 0, default=1e-8
        :math:`\\delta`, for numerical stability.
    warmup_steps : int >= 0, default=0
        Number of updates over which the rate rises.
    weight_decay : float >= 0, default=0.0
        :math:`\\lambda`, the decay of the weights at :math:`y`.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, ScheduleFreeAdamW
    >>> MLPClassifierX(solver=ScheduleFreeAdamW(warmup_steps=50))
    MLPClassifierX(solver=ScheduleFreeAdamW(warmup_steps=50))
    """

    memory = ("z", "r")
    points = ("z",)
    kernel = "schedule_free_adamw"
    kernel_numbers = ("beta_1", "beta_2", "epsilon", "warmup_steps")
    numbers: ClassVar[dict[str, float]] = {"largest_rate": 0.0, "sum_of_weights": 0.0}
    rate_powers: ClassVar[dict[str, int]] = {"largest_rate": 1, "sum_of_weights": 2}
    default_learning_rate = 0.001
    regression_learning_rate = 0.03
    elementwise = True

    beta_1: Annotated[float, DECAY] = 0.9
    beta_2: Annotated[float, DECAY] = 0.999
    epsilon: Annotated[float, POSITIVE] = 1e-8
    warmup_steps: Annotated[int, COUNT_FROM_ZERO] = 0
    # Not a hyperparameter here: theta is an average already.
    average: ClassVar[float] = 0.0  # type: ignore[misc]

    def gradient_point(self, theta, state, xp):
        return theta + (1 - self.beta_1) * (state.z - theta)

    def decay(self, theta, state, rate, xp):
        y = self.gradient_point(theta, state, xp)
        state.z -= self._warmed(rate, state.t) * self.weight_decay * y

    def step(self, theta, g, state, rate, xp):
        z, r, t = state.z, state.r, state.t
        rho_2, epsilon = self.beta_2, self.epsilon
        rate = self._warmed(rate, t)
        r *= rho_2
        r += (1 - rho_2) * g * g
        z -= rate * g / (xp.sqrt(r / (1 - rho_2**t)) + epsilon)
        state.largest_rate = max(state.largest_rate, rate)
        w = state.largest_rate * state.largest_rate
        state.sum_of_weights += w
        c = w / state.sum_of_weights if w else 0.0  # where all rates were zero
        theta += c * (z - theta)

    def _warmed(self, rate, t):
        return rate * min(1, t / max(1, self.warmup_steps))


@hyperparameters
class Muon(Optimizer):
    """Muon, ``solver="muon"``: orthogonalized momentum of the weight matrices.

    .. math::
        s &\\leftarrow \\mu s + (1 - \\mu) g, \\qquad
        M = \\mu s + (1 - \\mu) g \\\\
        X &\\leftarrow M / (\\lVert M \\rVert + 10^{-7}), \\quad
        \\text{then five times} \\quad
        X \\leftarrow a X + (b A + c A^2) X, \\; A = X X^T \\\\
        W_l &\\leftarrow W_l - \\epsilon_t \\sqrt{\\max(1, k_l / k_{l-1})} \\, X

    with :math:`(a, b, c) = (3.4445, -4.7750, 2.0315)`. With the singular value
    decomposition :math:`M = U S V^T`, these Newton-Schulz steps keep :math:`U` and
    :math:`V` and bring the singular values near 1, roughly between 0.7 and 1.2; very
    small ones stay below. So the rate alone sets the length of an update, and must
    decay for training to converge. Memory: ``s``, ``r`` (of the biases only). Source:
    `Jordan et al. (2024) <https://kellerjordan.github.io/posts/muon/>`__. Nesterov
    momentum is as in the authors' code. That code computes in bfloat16, this class in
    the precision of theta, and :math:`W_l` here is the transpose of PyTorch's. Optax
    corrects the bias of the momentum.

    The authors leave biases and the first and last layer to AdamW. Here, `Adam` updates
    the biases, with ``beta_1``, ``beta_2``, ``epsilon`` and the rate times
    ``bias_rate``. The authors' rates of 0.02 and 3e-4 correspond to a ``bias_rate`` of
    0.015; in small perceptrons 1 was better when measured. Muon updates all weight
    matrices here: with one hidden layer there would be no others, and the first layer
    multiplies features; it is not a table of embeddings.

    Default rate: 0.001.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.95
        :math:`\\mu`, decay rate of the first moment of weights.
    beta_1 : float in [0, 1), default=0.9
        Decay rate of the first moment of biases.
    beta_2 : float in [0, 1), default=0.95
        Decay rate of the second moment of biases.
    epsilon : float > 0, default=1e-10
        For numerical stability in the update of biases.
    bias_rate : float >= 0, default=1.0
        Rate of the biases, relative to that of the weights.
    weight_decay, average : float
        See `Optimizer`.

    Examples
    --------
    >>> from skoptnet import MLPClassifierX, Muon
    >>> MLPClassifierX((64, 64), solver=Muon(), lr_schedule="exponential")
    MLPClassifierX(hidden_layer_sizes=(64, 64), lr_schedule='exponential',
                   solver=Muon())
    """

    memory = ("s", "r")
    kernel = "muon"
    kernel_numbers = ("momentum", "beta_1", "beta_2", "epsilon", "bias_rate")
    momentum_name = "momentum"
    default_learning_rate = 0.001
    layerwise = True

    momentum: Annotated[float, DECAY] = 0.95
    beta_1: Annotated[float, DECAY] = 0.9
    beta_2: Annotated[float, DECAY] = 0.95
    epsilon: Annotated[float, POSITIVE] = 1e-10
    bias_rate: Annotated[float, NOT_NEGATIVE] = 1.0

    def step(self, theta, g, state, rate, xp):
        if theta.ndim == 1:
            adam = Adam(beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)
            adam.step(theta, g, state, self.bias_rate * rate, xp)
            return
        s, mu = state.s, self.momentum
        s *= mu
        s += (1 - mu) * g
        M = mu * s + (1 - mu) * g
        k_in, k_out = theta.shape
        scale = max(1, k_out / k_in) ** 0.5
        theta -= rate * scale * _orthogonalised(M, xp)


def _orthogonalised(M, xp):
    """Approximate U V^T of M = U S V^T by five Newton-Schulz steps."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = M.shape[0] > M.shape[1]
    X = M.T if tall else M  # the same result with a smaller A
    X = X / (xp.linalg.norm(X) + 1e-7)
    for _ in range(5):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if tall else X
