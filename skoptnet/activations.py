"""Activations of the hidden layers: sigma and sigma'.

Both work in place on an array of shape (rows, units). ``backward`` gets the output of
``forward``, ``a = sigma(z)``, if the derivative is a function of ``a``; otherwise the
activation sets ``needs_z`` and gets z. To add one, write a class and add it to
`ACTIVATIONS` at the end of this file.

Each also sets the distribution of the first weights of its layer, so that signals
neither vanish nor explode. With k_in inputs and k_out units, they are uniform within

- ``sqrt(6 / (k_in + k_out))`` for the four activations of scikit-learn, as there, with
  2 in place of 6 for logistic (Glorot and Bengio, 2010,
  https://proceedings.mlr.press/v9/glorot10a.html);
- ``sqrt(6 / k_in)``, a variance of 2 / k_in, for relatives of relu (He et al., 2015,
  https://arxiv.org/abs/1502.01852);
- ``sqrt(3 / k_in)``, a variance of 1 / k_in, for selu (LeCun et al., 1998,
  https://doi.org/10.1007/3-540-49430-8_2).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from scipy.special import expit, ndtr

from ._params import NOT_NEGATIVE, SHARE, Part
from ._types import Array, Namespace


class Activation(Part, ABC):
    """Base class of the activations; subclass it to write your own.

    A subclass stores its parameters, if any, in ``__init__`` (as scikit-learn's
    estimators do) and defines `forward` and `backward`. Its objects go into
    ``activation=``, alone or in a list with one entry per hidden layer.

    Attributes
    ----------
    needs_z : bool
        True if the derivative is not a function of ``a = sigma(z)``: the network then
        keeps z, and `backward` gets z instead of a.
    draw_factor : float
        The first weights of the layer are uniform within
        ``sqrt(draw_factor / (fan_in + fan_out))``, unless the class overrides
        `draw_bound`. The output layer always has this bound, with the factor of the
        last hidden layer.
    kernel : str
        Name of the compiled kernel of exactly this class, if any; not for classes of
        your own.
    kernel_numbers : tuple of str
        Names of the attributes that the kernel reads; for it, all others are NaN.

    Examples
    --------
    Softsign, whose derivative is :math:`(1 - |a|)^2`:

    >>> import numpy as np
    >>> from skoptnet import Activation, MLPRegressorX
    >>> class Softsign(Activation):
    ...     def forward(self, z, xp):
    ...         z /= 1 + xp.abs(z)
    ...     def backward(self, a, delta, xp):
    ...         delta *= (1 - xp.abs(a)) ** 2
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> model = MLPRegressorX((20, 10), [Softsign(), "tanh"], tol=0, random_state=0)
    >>> bool(model.fit(X, X.ravel()).score(X, X.ravel()) > 0.9)
    True
    """

    parameter_of = "activation"

    needs_z: bool = False
    draw_factor: float = 6.0
    kernel_numbers: tuple[str, ...] = ()

    def draw_bound(self, fan_in: int, fan_out: int) -> float:
        """Return the bound of the uniform first weights and biases of the layer.

        Parameters
        ----------
        fan_in, fan_out : int
            Inputs and units of the layer.

        Returns
        -------
        float
            Glorot's bound, ``sqrt(draw_factor / (fan_in + fan_out))``.
        """
        return math.sqrt(self.draw_factor / (fan_in + fan_out))

    @abstractmethod
    def forward(self, z: Array, xp: Namespace) -> None:
        """Turn z into a = sigma(z), in place.

        Parameters
        ----------
        z : array of shape (m, k)
            The inputs of the units.
        xp : module
            The array namespace (``numpy``).
        """

    @abstractmethod
    def backward(self, a: Array, delta: Array, xp: Namespace) -> None:
        """Multiply delta by sigma'(z), in place: the last factor of BP2.

        Parameters
        ----------
        a : array of shape (m, k)
            The output of `forward`, or z with ``needs_z``; may be overwritten.
        delta : array of shape (m, k)
            The errors propagated back from the next layer.
        xp : module
            The array namespace (``numpy``).
        """


class Identity(Activation):
    """sigma(z) = z, sigma'(z) = 1."""

    kernel = "identity"

    def forward(self, z, xp):
        pass

    def backward(self, a, delta, xp):
        pass


class Logistic(Activation):
    """sigma(z) = 1 / (1 + exp(-z)), sigma'(z) = a (1 - a)."""

    kernel = "logistic"
    draw_factor = 2.0

    def forward(self, z, xp):
        expit(z, out=z)

    def backward(self, a, delta, xp):
        delta *= a
        delta *= xp.subtract(1, a, out=a)


class Tanh(Activation):
    """sigma(z) = tanh(z), sigma'(z) = 1 - a^2."""

    kernel = "tanh"

    def forward(self, z, xp):
        xp.tanh(z, out=z)

    def backward(self, a, delta, xp):
        a *= a
        delta *= xp.subtract(1, a, out=a)


class ReLU(Activation):
    """sigma(z) = max(0, z), sigma'(z) = 1 where z > 0, else 0."""

    kernel = "relu"

    def forward(self, z, xp):
        xp.maximum(z, 0, out=z)

    def backward(self, a, delta, xp):
        delta *= xp.greater(a, 0, out=a)


class _HeDrawn(Activation):
    """Base class of the relatives of relu, whose weights have variance 2 / fan_in.

    A unit that passes positive inputs only halves the mean square of its input; twice
    the variance compensates for that (`He et al., 2015
    <https://arxiv.org/abs/1502.01852>`__, equation 10). This is exact for relu and
    close for its smooth relatives.
    """

    def draw_bound(self, fan_in, fan_out):
        return math.sqrt(6 / fan_in)


class LeakyReLU(Activation):
    """Leaky rectifier, ``activation="leaky_relu"``.

    .. math:: \\sigma(z) = \\max(z, s z), \\qquad
        \\sigma'(z) = 1 \\text{ where } z > 0, \\text{ else } s

    Source: `Maas, Hannun and Ng (2013)
    <https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf>`__. The first
    weights have the variance :math:`2 / ((1 + s^2) k_{in})` (`He et al., 2015
    <https://arxiv.org/abs/1502.01852>`__, equation 15).

    Parameters
    ----------
    slope : float in [0, 1], default=0.01
        :math:`s`, the slope for negative inputs.

    Examples
    --------
    >>> from skoptnet import LeakyReLU, MLPClassifierX
    >>> MLPClassifierX(activation=LeakyReLU(slope=0.2))
    MLPClassifierX(activation=LeakyReLU(slope=0.2))
    """

    kernel = "leaky_relu"
    kernel_numbers = ("slope",)
    _parameter_constraints: ClassVar[dict] = {"slope": SHARE}

    def __init__(self, slope: float = 0.01):
        self.slope = slope

    def draw_bound(self, fan_in, fan_out):
        return math.sqrt(6 / ((1 + self.slope**2) * fan_in))

    def forward(self, z, xp):
        xp.maximum(z, self.slope * z, out=z)

    def backward(self, a, delta, xp):
        xp.greater(a, 0, out=a)
        delta *= xp.maximum(a, self.slope, out=a)


class ELU(_HeDrawn):
    """Exponential linear unit, ``activation="elu"``.

    .. math:: \\sigma(z) = z \\text{ where } z > 0, \\text{ else } \\alpha (e^z - 1),
        \\qquad \\sigma'(z) = 1 \\text{ where } z > 0, \\text{ else } a + \\alpha

    Source: `Clevert, Unterthiner and Hochreiter (2016)
    <https://arxiv.org/abs/1511.07289>`__. The first weights have the variance
    :math:`2 / k_{in}` (`He et al., 2015 <https://arxiv.org/abs/1502.01852>`__).

    Parameters
    ----------
    alpha : float in [0, inf), default=1.0
        :math:`\\alpha`; the limit for large negative inputs is :math:`-\\alpha`.

    Examples
    --------
    >>> from skoptnet import ELU, MLPRegressorX
    >>> MLPRegressorX((20, 10), activation=["tanh", ELU(alpha=0.5)])
    MLPRegressorX(activation=['tanh', ELU(alpha=0.5)], hidden_layer_sizes=(20, 10))
    """

    kernel = "elu"
    kernel_numbers = ("alpha",)
    _parameter_constraints: ClassVar[dict] = {"alpha": NOT_NEGATIVE}

    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def forward(self, z, xp):
        below = xp.expm1(xp.minimum(z, 0))
        xp.maximum(z, 0, out=z)
        z += self.alpha * below

    def backward(self, a, delta, xp):
        delta *= xp.where(a > 0, 1, a + self.alpha)


class SELU(Activation):
    """sigma(z) = scale elu(z), sigma'(z) = scale where z > 0, else a + scale alpha.

    These constants preserve mean 0 and variance 1 from layer to layer if the weights
    have the variance 1 / fan_in (Klambauer, Unterthiner, Mayr and Hochreiter, 2017,
    https://arxiv.org/abs/1706.02515).
    """

    kernel = "selu"
    alpha = 1.6732632423543772848170429916717
    scale = 1.0507009873554804934193349852946

    def draw_bound(self, fan_in, fan_out):
        return math.sqrt(3 / fan_in)

    def forward(self, z, xp):
        below = xp.expm1(xp.minimum(z, 0))
        xp.maximum(z, 0, out=z)
        z += self.alpha * below
        z *= self.scale

    def backward(self, a, delta, xp):
        delta *= xp.where(a > 0, self.scale, a + self.scale * self.alpha)


class GELU(_HeDrawn):
    """sigma(z) = z Phi(z), sigma'(z) = Phi(z) + z phi(z).

    Phi(z) = (1 + erf(z / sqrt(2))) / 2 and phi are the normal distribution and density:
    the exact form of Hendrycks and Gimpel (2016, https://arxiv.org/abs/1606.08415), not
    its approximation by tanh.
    """

    kernel = "gelu"
    needs_z = True

    def forward(self, z, xp):
        z *= ndtr(z)

    def backward(self, z, delta, xp):
        phi = xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        delta *= ndtr(z) + z * phi


class SiLU(_HeDrawn):
    """sigma(z) = z s(z), sigma'(z) = s(z) (1 + z (1 - s(z))), s the logistic function.

    Source: Elfwing, Uchibe and Doya (2018), https://arxiv.org/abs/1702.03118; "swish"
    in Ramachandran et al. (2017), https://arxiv.org/abs/1710.05941.
    """

    kernel = "silu"
    needs_z = True

    def forward(self, z, xp):
        z *= expit(z)

    def backward(self, z, delta, xp):
        s = expit(z)
        delta *= s * (1 + z * (1 - s))


class Mish(_HeDrawn):
    """sigma(z) = z t(z), sigma'(z) = t(z) + z (1 - t(z)^2) s(z).

    t(z) = tanh(softplus(z)), s the logistic function.
    Source: Misra (2020), https://arxiv.org/abs/1908.08681.
    """

    kernel = "mish"
    needs_z = True

    def forward(self, z, xp):
        z *= xp.tanh(xp.logaddexp(0, z))

    def backward(self, z, delta, xp):
        t = xp.tanh(xp.logaddexp(0, z))
        delta *= t + z * (1 - t * t) * expit(z)


class Softplus(_HeDrawn):
    """sigma(z) = log(1 + exp(z)), sigma'(z) = 1 / (1 + exp(-z)) = 1 - exp(-a).

    Source: Dugas, Bengio, Belisle, Nadeau and Garcia (2001),
    https://papers.nips.cc/paper/2000/hash/44968aece94f667e4095002d140b5896-Abstract.html.
    """

    kernel = "softplus"

    def forward(self, z, xp):
        xp.logaddexp(0, z, out=z)

    def backward(self, a, delta, xp):
        xp.expm1(xp.negative(a, out=a), out=a)
        delta *= xp.negative(a, out=a)


#: The names for ``activation=`` and their classes.
ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "logistic": Logistic,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
}
