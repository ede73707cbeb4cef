"""Losses: value, link and delta (BP1), all from raw outputs.

``z`` is the raw output of the last layer, (m, k). The losses are computed from it,
never from clipped probabilities, so they are exact, and consistent with their gradient,
at any magnitude. Each sums over outputs; the network averages over rows and applies
sample weights. To add one, write a class and add it to a table at the end of this file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from scipy.special import expit, logit

from ._types import Array, Namespace


class Loss(ABC):
    """Base class of the losses.

    ``y`` is (m, k) in the dtype of ``z``, unless a class documents another form.

    Attributes
    ----------
    label : str
        The name in plots.
    out_activation : str
        Name of the link, scikit-learn's ``out_activation_``.
    overflows : bool
        Whether yhat may be infinite for moderate z.
    kernel : str
        Name of the compiled kernel of exactly this class, if any.
    kernel_numbers : tuple of str
        Names of the attributes that the kernel reads; their values are numbers, or
        tuples of numbers.
    reads : tuple of str
        Parameters of the estimator that apply to the loss.
    """

    label: str
    out_activation: str
    overflows: bool = False
    kernel_numbers: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @abstractmethod
    def value(self, z: Array, y: Array, xp: Namespace) -> Array:
        """Return L(y, yhat) of each row, (m,); z is unchanged."""

    @abstractmethod
    def link(self, z: Array, xp: Namespace) -> Array:
        """Turn z into yhat, in place, and return it."""

    @abstractmethod
    def constant(self, y: Array, w: Array | None, k: int, xp: Namespace) -> Array:
        """Return the constant z, (1, k), with the lowest loss, possibly infinite.

        w are weights of the rows; None if all are equal.
        """

    def predicts(self, z: Array, xp: Namespace) -> bool:
        """Return whether all yhat are finite; z is unchanged."""
        return bool(xp.isfinite(z).all())

    def delta(self, z: Array, y: Array, xp: Namespace) -> Array:
        """Turn z into delta_L = dL/dz = yhat - y (BP1), in place, and return it."""
        z = self.link(z, xp)
        z -= y
        return z


class RegressionLoss(Loss):
    """Base class of the losses for regression.

    L is a sum of terms, one per output, each at least 0. There is one output per target
    and yhat = z, unless a class documents another form.

    Attributes
    ----------
    takes_shifted : bool
        Whether the loss allows shifted targets, so that targets can be standardised;
        otherwise they can only be scaled.
    """

    out_activation = "identity"
    takes_shifted: bool = True

    @abstractmethod
    def terms(self, z: Array, y: Array, xp: Namespace) -> Array:
        """Return the terms of L, (m, k); z is unchanged."""

    def value(self, z, y, xp):
        return xp.sum(self.terms(z, y, xp), axis=1)

    def link(self, z, xp):
        return z

    def n_outputs(self, n_targets: int) -> int:
        """Return k, the number of raw outputs."""
        return n_targets

    def check(self, y: Array, whole: bool) -> None:
        """Raise a ValueError if the loss does not allow y.

        ``whole`` means that y holds all targets, not a chunk of them.
        """


class HalfSquaredError(RegressionLoss):
    """L = 1/2 sum_i (yhat_i - y_i)^2, yhat = z. Its constant is the mean."""

    label = "half squared error"
    kernel = "squared_error"

    def terms(self, z, y, xp):
        e = z - y
        e *= e
        e *= 0.5
        return e

    def constant(self, y, w, k, xp):
        return xp.average(y, axis=0, weights=w, keepdims=True)


class AbsoluteError(RegressionLoss):
    """L = sum_i |yhat_i - y_i|, yhat = z; delta = sign(yhat - y).

    Its constant is the median. At a tie, where the slope jumps from -1 to 1, delta is
    0.
    """

    label = "absolute error"
    kernel = "absolute_error"

    def terms(self, z, y, xp):
        return xp.abs(z - y)

    def delta(self, z, y, xp):
        z -= y
        return xp.sign(z, out=z)

    def constant(self, y, w, k, xp):
        return _quantiles(y, 0.5, w, xp)


class Huber(RegressionLoss):
    """L = sum_i h(yhat_i - y_i), yhat = z; delta = yhat - y, clipped to [-d, d].

    h(e) = e^2 / 2 where |e| <= d, else d (|e| - d / 2) (Huber, 1964,
    https://doi.org/10.1214/aoms/1177703732).

    Parameters
    ----------
    d : float, default=1.0
        The error, in the unit of the network's targets, up to which the loss is
        quadratic.
    """

    label = "Huber loss"
    kernel = "huber"
    kernel_numbers = ("d",)
    reads = ("huber_delta",)

    def __init__(self, d: float = 1.0):
        self.d = d

    def terms(self, z, y, xp):
        e = xp.abs(z - y)
        squared = xp.minimum(e, self.d)
        return squared * (e - 0.5 * squared)

    def delta(self, z, y, xp):
        z -= y
        return xp.clip(z, -self.d, self.d, out=z)

    def constant(self, y, w, k, xp):
        # The root of the mean of delta, by bisection: it rises with z.
        low, high = y.min(axis=0, keepdims=True), y.max(axis=0, keepdims=True)
        for _ in range(50):
            z = 0.5 * (low + high)
            slope = xp.average(xp.clip(z - y, -self.d, self.d), axis=0, weights=w)
            low, high = xp.where(slope < 0, z, low), xp.where(slope < 0, high, z)
        return 0.5 * (low + high)


class LogLinkLoss(RegressionLoss):
    """Base class of the losses with yhat = exp(z); the constant is the log mean."""

    out_activation = "exp"
    overflows = True
    takes_shifted = False

    def link(self, z, xp):
        return xp.exp(z, out=z)

    def predicts(self, z, xp):
        return bool(xp.isfinite(xp.exp(z)).all())

    def constant(self, y, w, k, xp):
        return xp.log(xp.average(y, axis=0, weights=w, keepdims=True))


class HalfPoissonDeviance(LogLinkLoss):
    """L = sum_i y_i log(y_i / yhat_i) - y_i + yhat_i, yhat = exp(z), y >= 0.

    As a function of u = z - log y a term is y (e^u - 1 - u), and e^z where y = 0.
    """

    label = "half Poisson deviance"
    kernel = "poisson"

    def terms(self, z, y, xp):
        some, mean = xp.where(y > 0, y, 1), xp.exp(z)
        u = xp.where(y > 0, z - xp.log(some), 0)
        terms = some * (xp.expm1(u) - u)
        # For a small y, e^u may overflow where y e^u, which is e^z, does not.
        terms = xp.where(terms < xp.inf, terms, mean - y * (1 + u))
        return xp.where(y > 0, terms, mean)

    def check(self, y, whole):
        if not (y >= 0).all():
            raise ValueError(
                "loss='poisson' requires y that is not negative."
                f" Got {y.min():g} as its smallest."
            )
        if whole and not y.any(axis=0).all():
            raise ValueError(
                "loss='poisson' requires y with sum(y) > 0: a mean of 0 has no"
                " logarithm. Got a y (or a column of it) that is 0 in all rows."
            )


class HalfGammaDeviance(LogLinkLoss):
    """L = sum_i log(yhat_i / y_i) + y_i / yhat_i - 1, yhat = exp(z), y > 0.

    As a function of u = log y - z a term is e^u - 1 - u, and delta = 1 - e^u.
    """

    label = "half gamma deviance"
    kernel = "gamma"

    def terms(self, z, y, xp):
        u = xp.log(y) - z
        return xp.expm1(u) - u

    def delta(self, z, y, xp):
        u = xp.subtract(xp.log(y), z, out=z)
        return xp.negative(xp.expm1(u, out=u), out=u)

    def check(self, y, whole):
        if not (y > 0).all():
            raise ValueError(
                f"loss='gamma' requires y above 0. Got {y.min():g} as its smallest."
                " With zeros among the targets, loss='poisson' may suit them."
            )


class Pinball(RegressionLoss):
    """L = sum_i max(q (y_i - yhat_i), (q - 1) (y_i - yhat_i)), yhat = z.

    The loss of the quantile q (Koenker and Bassett, 1978,
    https://doi.org/10.2307/1913643), which is its constant; dL/dyhat is -q where
    yhat < y, 1 - q where yhat > y, halfway between at a tie.

    Several quantiles q_1 < ... < q_k of ONE target have one output each. As sums of
    nonnegative increments they cannot cross, for any z (Padilla, Tansey and Chen, 2022,
    https://arxiv.org/abs/2010.08236)::

        yhat_1 = z_1,  yhat_i = yhat_{i-1} + softplus(z_i)

    so dL/dz_1 = sum_j dL/dyhat_j, dL/dz_i = sigmoid(z_i) sum_{j >= i} dL/dyhat_j.

    Parameters
    ----------
    quantiles : sequence of float, default=(0.5,)
        In (0, 1), increasing.
    """

    label = "pinball loss"
    kernel = "quantile"
    kernel_numbers = ("quantiles",)
    reads = ("quantile",)

    def __init__(self, quantiles: Sequence[float] = (0.5,)):
        self.quantiles = quantiles
        self.several = len(quantiles) > 1
        self.out_activation = "cumulative_softplus" if self.several else "identity"

    def terms(self, z, y, xp):
        q = xp.asarray(self.quantiles, dtype=z.dtype)
        e = y - self.link(z.copy(), xp)
        return xp.maximum(q * e, (q - 1) * e)

    def link(self, z, xp):
        if self.several:
            xp.logaddexp(0, z[:, 1:], out=z[:, 1:])
            xp.cumsum(z, axis=1, out=z)
        return z

    def delta(self, z, y, xp):
        q = xp.asarray(self.quantiles, dtype=z.dtype)
        softplus_slope = expit(z[:, 1:]) if self.several else None
        z = self.link(z, xp)
        z -= y
        xp.sign(z, out=z)
        z *= 0.5
        z += 0.5 - q
        if self.several:
            z[...] = xp.cumsum(z[:, ::-1], axis=1)[:, ::-1]
            z[:, 1:] *= softplus_slope
        return z

    def constant(self, y, w, k, xp):
        if not self.several:
            return _quantiles(y, self.quantiles[0], w, xp)
        levels = _quantiles(y, self.quantiles, w, xp).reshape(1, -1)
        steps = xp.diff(levels, axis=1)
        # The inverse of softplus; -inf where two quantiles are equal.
        return xp.hstack([levels[:, :1], steps + xp.log(-xp.expm1(-steps))])

    def n_outputs(self, n_targets):
        return len(self.quantiles) if self.several else n_targets

    def check(self, y, whole):
        if self.several and y.shape[1] > 1:
            raise ValueError(
                f"loss='quantile' with several quantiles ({len(self.quantiles)})"
                f" requires a y of one column. Got {y.shape[1]} columns. Fit one model"
                " per column, or give one quantile."
            )


def _quantiles(y: Array, q: float | Sequence[float], w: Array | None, xp: Namespace):
    """Return the weighted quantiles of each column."""
    return xp.quantile(
        y, q, axis=0, method="inverted_cdf", weights=w, keepdims=True
    ).astype(y.dtype, copy=False)


class BinaryCrossEntropy(Loss):
    """L = sum_i -y_i log yhat_i - (1 - y_i) log(1 - yhat_i), yhat = sigmoid(z).

    One output for two classes, one output per label for multilabel. As a function
    of z, a label's loss is softplus(z) - y z.
    """

    label = "binary cross-entropy"
    kernel = "binary_cross_entropy"
    out_activation = "logistic"

    def value(self, z, y, xp):
        return xp.sum(xp.logaddexp(0, z) - y * z, axis=1)

    def link(self, z, xp):
        return expit(z, out=z)

    def constant(self, y, w, k, xp):
        p = xp.average(y, axis=0, weights=w, keepdims=True)
        return logit(xp.minimum(p, 1))  # rounding may give more than 1


class CrossEntropy(Loss):
    """L = -sum_i y_i log yhat_i, yhat = softmax(z).

    One output per class. ``y`` is not one-hot but (m,), the class numbers. As a
    function of z the loss is logsumexp(z) - z_y.
    """

    label = "cross-entropy"
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

    def constant(self, y, w, k, xp):
        counts = xp.bincount(y, weights=w, minlength=k)
        return xp.log(counts / counts.sum())[xp.newaxis]

    def delta(self, z, y, xp):
        z = self.link(z, xp)
        z[xp.arange(len(y)), y] -= 1
        return z


class SmoothedBinaryCrossEntropy(BinaryCrossEntropy):
    """As `BinaryCrossEntropy`, with (1 - s) y + s / 2 in place of y.

    Parameters
    ----------
    s : float, default=0.1
        The label smoothing, in [0, 1).
    """

    label = "binary cross-entropy, smoothed labels"
    kernel = "smoothed_binary_cross_entropy"
    kernel_numbers = ("s",)

    def __init__(self, s: float = 0.1):
        self.s = s

    def value(self, z, y, xp):
        return super().value(z, self.smooth(y), xp)

    def delta(self, z, y, xp):
        return super().delta(z, self.smooth(y), xp)

    def constant(self, y, w, k, xp):
        return super().constant(self.smooth(y), w, k, xp)

    def smooth(self, y: Array) -> Array:
        """Return the smoothed labels."""
        return (1 - self.s) * y + 0.5 * self.s


class SmoothedCrossEntropy(CrossEntropy):
    """As `CrossEntropy`, with (1 - s) y + s / k in place of the one-hot y.

    Source: Szegedy et al. (2016), https://arxiv.org/abs/1512.00567. As a function of z
    the loss is logsumexp(z) - z_y + s (z_y - mean(z)).

    Parameters
    ----------
    s : float, default=0.1
        The label smoothing, in [0, 1).
    """

    label = "cross-entropy, smoothed labels"
    kernel = "smoothed_cross_entropy"
    kernel_numbers = ("s",)

    def __init__(self, s: float = 0.1):
        self.s = s

    def value(self, z, y, xp):
        surplus = z[xp.arange(len(y)), y] - xp.mean(z, axis=1)
        return super().value(z, y, xp) + self.s * surplus

    def delta(self, z, y, xp):
        z = super().delta(z, y, xp)
        z[xp.arange(len(y)), y] += self.s
        z -= self.s / z.shape[1]
        return z

    def constant(self, y, w, k, xp):
        p = xp.exp(super().constant(y, w, k, xp))
        return xp.log((1 - self.s) * p + self.s / k)


#: The losses of ``MLPRegressorX(loss=...)``, by name.
REGRESSION_LOSSES: dict[str, type[RegressionLoss]] = {
    "squared_error": HalfSquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "poisson": HalfPoissonDeviance,
    "gamma": HalfGammaDeviance,
    "quantile": Pinball,
}

#: All losses, by task.
LOSSES: dict[str, type[Loss]] = {
    **REGRESSION_LOSSES,
    "binary": BinaryCrossEntropy,
    "multilabel": BinaryCrossEntropy,
    "multiclass": CrossEntropy,
    "smoothed_binary": SmoothedBinaryCrossEntropy,
    "smoothed_multilabel": SmoothedBinaryCrossEntropy,
    "smoothed_multiclass": SmoothedCrossEntropy,
}
