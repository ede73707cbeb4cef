"""Losses, activations and functions of numbers from -4000 to 4000.

There the powers of 2 inside the kernels overflow, and their exponents wrap around. The
numbers are compared with definitions of our own, in a type with more digits or a larger
range: losses and slopes have to be infinite just where these are.
"""

import numpy as np
import pytest
from compiled import (
    RULES,
    SIGMAS,
    activations,
    better,
    dtypes,
    formulas,
    losses,
    ndtr,
    needs_kernels,
)

from skoptnet import _kernels, compiled
from skoptnet.network import Network
from skoptnet.training import TrainingSet

#: A rounded exponent belongs to numbers of a range 0.69 wide.
LARGE = np.linspace(-4000, 4000, 13_001)
#: Equal rows that are computed at once: some whole vectors, and some numbers left over.
N_EQUAL = 19


def assert_close(values, right, room, dtype):
    """Compare numbers with those of more digits; all that overflow must be infinite."""
    highest, least = float(np.finfo(dtype).max), float(np.finfo(dtype).tiny)
    right, size = np.asarray(right), np.abs(right)
    beyond = size * (1 - 1e-6) > highest
    np.testing.assert_array_equal(values[beyond], np.sign(right[beyond]) * np.inf)
    sure = size < highest / (2 * N_EQUAL)  # so that sums do not overflow either
    assert np.isfinite(values[sure]).all()
    error = np.abs(values[sure] - right[sure])
    assert (error <= room[sure] + least).all()


@needs_kernels
@pytest.mark.each_pair
@dtypes
@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "log", "sqrt"])
def test_functions(name, dtype, instruction_set):
    x = np.abs(LARGE) if name in ("log", "sqrt") else LARGE
    x = x.astype(dtype)
    values = x.copy()
    _kernels.loops.apply(name, values, instruction_set)
    with np.errstate(all="ignore"):
        right = getattr(np, name)(x.astype(better(dtype)))
        room = 4 * np.finfo(dtype).eps * np.abs(right)
    assert_close(values, right, room, dtype)


@needs_kernels
@pytest.mark.each_pair
@dtypes
@activations
def test_activations(activation, dtype, instruction_set, monkeypatch):
    monkeypatch.setattr("skoptnet.activations.ndtr", ndtr)
    sigma, x = SIGMAS[activation], LARGE.astype(dtype)
    wide = x.astype(better(dtype))
    a = x[:, None].copy()
    slopes = _kernels.network.activate(sigma, a, instruction_set)
    for values, right in zip((a, slopes), formulas(sigma, wide), strict=True):
        room = 8 * np.finfo(dtype).eps * np.maximum(np.abs(right), 1)
        assert_close(values[:, 0], right, room, dtype)


# The losses, with their slopes by each raw output, as their definitions have them.


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def half_square(rule, z, y):
    return (z - y) ** 2 / 2, z - y


def size_of_error(rule, z, y):
    return np.abs(z - y), np.sign(z - y)


def huber(rule, z, y):
    e, d = z - y, z.dtype.type(rule.d)
    linear = d * np.abs(e) - d * d / 2
    return np.where(np.abs(e) < d, e * e / 2, linear), np.clip(e, -d, d)


def poisson(rule, z, y):
    rare = np.where(y > 0, y * np.log(np.where(y > 0, y, 1)) - y * z, 0)
    return rare - y + np.exp(z), np.exp(z) - y


def gamma(rule, z, y):
    ratio = np.exp(np.log(y) - z)
    return z - np.log(y) + ratio - 1, 1 - ratio


def pinball(rule, z, y):
    q, yhat = np.array(rule.quantiles, z.dtype), z
    if rule.several:
        yhat = np.cumsum(np.hstack([z[:, :1], softplus(z[:, 1:])]), axis=1)
    e = y - yhat
    slopes = np.where(e == 0, 0.5 - q, np.where(e > 0, -q, 1 - q))
    if rule.several:
        slopes = slopes @ np.tri(len(q))
        slopes[:, 1:] *= sigmoid(z[:, 1:])
    return np.where(e > 0, q * e, (q - 1) * e), slopes


def labels(rule, z, y):
    s = z.dtype.type(getattr(rule, "s", 0))
    y = (1 - s) * y + s / 2
    return y * softplus(-z) + (1 - y) * softplus(z), sigmoid(z) - y


def classes(rule, z, y):
    k, s = z.shape[1], z.dtype.type(getattr(rule, "s", 0))
    y = (1 - s) * np.eye(k)[y] + s / k
    log_p = z - np.max(z, axis=1, keepdims=True)
    log_p -= np.log(np.sum(np.exp(log_p), axis=1, keepdims=True))
    return -y * log_p, np.exp(log_p) - y


#: By the name of the kernel.
DEFINITIONS = {
    "squared_error": half_square,
    "absolute_error": size_of_error,
    "huber": huber,
    "poisson": poisson,
    "gamma": gamma,
    "quantile": pinball,
    "binary_cross_entropy": labels,
    "smoothed_binary_cross_entropy": labels,
    "cross_entropy": classes,
    "smoothed_cross_entropy": classes,
}
#: Targets, each of which meets raw outputs of all sizes.
TARGETS = {
    "poisson": [0, 1, 3.5, 1e-3, 2e4, 1e-30],
    "gamma": [1, 3.5, 1e-3, 2e4, 1e-30, 1e30],
    "binary_cross_entropy": [0, 1],
    "smoothed_binary_cross_entropy": [0, 1],
}


def problem(loss, dtype):
    """Return the loss, raw outputs of all sizes (n, k) and targets for them."""
    rule = RULES[loss]
    several = getattr(rule, "several", False)
    k = len(rule.quantiles) if several else 1
    k = 3 if loss.startswith(("multi", "smoothed_multi")) else k
    z = np.column_stack([np.roll(LARGE, 3000 * j) for j in range(k)]).astype(dtype)
    if "multiclass" in loss:
        return rule, z, np.resize(np.arange(k), len(z))
    y = TARGETS.get(rule.kernel, [0.5, -2, 300, -1000])
    if rule.overflows:  # where it does so depends on the target
        z, y = np.repeat(z, len(y), axis=0), np.tile(y, len(z))
    return rule, z, np.resize(y, (len(z), 1 if several else k)).astype(dtype)


def by_kernels(rule, z, Y):
    """Return the loss of each row and its slopes; infinite losses come without."""
    (n, k), dtype = z.shape, z.dtype
    theta = np.concatenate([np.eye(k).ravel(), np.zeros(k)]).astype(dtype)
    network, g = Network((k, k), (SIGMAS["identity"],), rule), np.empty_like(theta)
    data = TrainingSet(np.repeat(z, N_EQUAL, axis=0), np.repeat(Y, N_EQUAL, axis=0))
    kernel = compiled.Kernel(network, None, theta, g, None, data, N_EQUAL, N_EQUAL)
    values, slopes = np.empty(n), np.zeros((n, k))
    for i in range(n):
        rows = range(i * N_EQUAL, (i + 1) * N_EQUAL)
        values[i] = kernel.loss_and_gradient(theta, None, rows)
        slopes[i] = g[-k:]
    return values, slopes


def by_formulas(rule, z, Y):
    return rule.value(z, Y, np), rule.delta(z.copy(), Y, np)


@pytest.mark.each_pair
@dtypes
@losses
@pytest.mark.parametrize("level", [*_kernels.INSTRUCTION_SETS, "0"])
def test_losses(loss, dtype, level, monkeypatch):
    """Kernels of every instruction set, and (level 0) the readable formulas."""
    monkeypatch.setenv(_kernels.VARIABLE, level)
    if level != "0" and not _kernels.enabled():
        pytest.skip("no kernels here")
    rule, z, Y = problem(loss, dtype)
    wide = z.astype(better(dtype))
    y = Y if Y.ndim == 1 else Y.astype(wide.dtype)
    with np.errstate(all="ignore"):
        terms, right_slopes = DEFINITIONS[rule.kernel](rule, wide, y)
        right = np.sum(terms, axis=1)
        values, slopes = (by_formulas if level == "0" else by_kernels)(rule, z, Y)
        # z and y are rounded, and errors in proportion to them, those of e^z, too.
        unit = 8 * float(np.finfo(dtype).eps)
        size = np.abs(wide).max(axis=1) + (0 if Y.ndim == 1 else np.abs(y).max(axis=1))
        powers = 1
        if rule.overflows:
            powers = size = size + np.abs(np.log(np.where(y > 0, y, 1))).ravel()
        size = np.maximum(size, 1)
        room = unit * (np.abs(right) * powers + size * (1 + np.abs(right) ** 0.5))
        assert_close(values, right, room, dtype)
        finite = np.isfinite(values)
        room = unit * (np.abs(right_slopes).T * powers + size).T
        assert_close(slopes[finite], right_slopes[finite], room[finite], dtype)
