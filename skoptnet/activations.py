"""The hidden layers' activations: sigma and sigma' side by side.

Both work in place on an array of shape (rows, units), so that an update allocates
nothing. ``backward`` gets what ``forward`` left, ``a = sigma(z)``: each of these
derivatives can be read off ``a``. To add one, write a class and name it in
`ACTIVATIONS` at the foot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from scipy.special import expit

from ._types import Array, Namespace


class Activation(ABC):
    """Base class of the activations.

    Attributes
    ----------
    draw_factor : float
        The initial weights are uniform within
        ``sqrt(draw_factor / (fan_in + fan_out))`` (Glorot and Bengio, 2010).
    kernel : str
        Name of the compiled kernel that stands for exactly this class, if any.
    """

    draw_factor: float = 6.0

    @abstractmethod
    def forward(self, z: Array, xp: Namespace) -> None:
        """Turn z into a = sigma(z)."""

    @abstractmethod
    def backward(self, a: Array, delta: Array, xp: Namespace) -> None:
        """Multiply delta by sigma'(z) (the last factor of BP2); a may be used up."""


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


#: The names ``activation=`` takes, and the class each stands for.
ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "logistic": Logistic,
    "tanh": Tanh,
    "relu": ReLU,
}
