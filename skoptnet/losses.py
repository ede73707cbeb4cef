"""The losses: value, link and delta (BP1) side by side, all on raw outputs.

``z`` is the last layer's raw output, (m, k). The losses are computed from it and
never from clipped probabilities, so they stay exact, and consistent with their
gradient, at any magnitude. Each sums over outputs; averaging over rows and sample
weights are the network's business. To add one, write a class and name it in `LOSSES`
at the foot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from scipy.special import expit

from ._types import Array, Namespace


class Loss(ABC):
    """Base class of the losses.

    ``y`` is (m, k) in the dtype of ``z``, unless the class says otherwise.

    Attributes
    ----------
    out_activation : str
        Name of the link, scikit-learn's ``out_activation_``.
    kernel : str
        Name of the compiled kernel that stands for exactly this class, if any.
    """

    out_activation: str

    @abstractmethod
    def value(self, z: Array, y: Array, xp: Namespace) -> Array:
        """Return L(y, yhat) of each row, (m,); z is left as it is."""

    @abstractmethod
    def link(self, z: Array, xp: Namespace) -> Array:
        """Turn z into yhat, in place, and return it."""

    def delta(self, z: Array, y: Array, xp: Namespace) -> Array:
        """Turn z into delta_L = dL/dz = yhat - y (BP1), in place, and return it."""
        z = self.link(z, xp)
        z -= y
        return z


class HalfSquaredError(Loss):
    """L = 1/2 sum_i (yhat_i - y_i)^2, yhat = z."""

    kernel = "squared_error"
    out_activation = "identity"

    def value(self, z, y, xp):
        e = z - y
        e *= e
        return 0.5 * xp.sum(e, axis=1)

    def link(self, z, xp):
        return z


class BinaryCrossEntropy(Loss):
    """L = sum_i -y_i log yhat_i - (1 - y_i) log(1 - yhat_i), yhat = sigmoid(z).

    One output for two classes, one output per label for multilabel. As a function
    of z, a label's loss is softplus(z) - y z.
    """

    kernel = "binary_cross_entropy"
    out_activation = "logistic"

    def value(self, z, y, xp):
        return xp.sum(xp.logaddexp(0, z) - y * z, axis=1)

    def link(self, z, xp):
        return expit(z, out=z)


class CrossEntropy(Loss):
    """L = -sum_i y_i log yhat_i, yhat = softmax(z).

    One output per class. Since y is one-hot, it is given by the place of its one:
    ``y`` is (m,), the class numbers. As a function of z the loss is
    logsumexp(z) - z_y.
    """

    kernel = "cross_entropy"
    out_activation = "softmax"

    def value(self, z, y, xp):
        top = xp.max(z, axis=1, keepdims=True)
        log_sum = xp.log(xp.sum(xp.exp(z - top), axis=1)) + top[:, 0]
        return log_sum - z[xp.arange(len(y)), y]

    def link(self, z, xp):
        z -= xp.max(z, axis=1, keepdims=True)
        xp.exp(z, out=z)
        z /= xp.sum(z, axis=1, keepdims=True)
        return z

    def delta(self, z, y, xp):
        z = self.link(z, xp)
        z[xp.arange(len(y)), y] -= 1
        return z


#: The losses by the name of what they are for.
LOSSES: dict[str, type[Loss]] = {
    "squared_error": HalfSquaredError,
    "binary": BinaryCrossEntropy,
    "multilabel": BinaryCrossEntropy,
    "multiclass": CrossEntropy,
}
