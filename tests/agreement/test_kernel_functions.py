"""The functions, activations and losses of the kernels, in units of the last place."""

import math

import numpy as np
import pytest
import scipy.special
from compiled import (
    RULES,
    SIGMAS,
    activations,
    better,
    dtypes,
    formulas,
    ndtr,
    needs_kernels,
)

from skoptnet import _kernels, compiled
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.training import TrainingSet

pytestmark = needs_kernels


def assert_within_4_ulp(values, function, x, least=0.0):
    """``least`` is the size from which on errors count in units of their value."""
    with np.errstate(all="ignore"):
        right = function(x.astype(better(x.dtype)))
        rounded = right.astype(x.dtype)
        unit = np.spacing(np.maximum(np.abs(rounded), x.dtype.type(least)))
        error = np.abs(values - right) / unit
    finite, tiny = np.isfinite(rounded), np.finfo(x.dtype).tiny
    np.testing.assert_array_equal(values[~finite], rounded[~finite])
    sound = finite & (np.abs(right) >= tiny)
    assert error[sound].max() <= 4
    assert (np.abs(values[finite & ~sound]) <= tiny).all()


def arguments(dtype, low, high):
    """Return numbers all over low..high, of every normal magnitude, and the ends."""
    info, low, high = np.finfo(dtype), dtype(low), dtype(high)
    sizes = np.exp2(np.linspace(info.minexp + 1, info.maxexp - 1e-3, 20_000))
    near_one = 1 + np.arange(-500, 500) * float(info.eps)
    x = [np.linspace(max(low, -800), min(high, 800), 50_000), sizes, -sizes, near_one]
    x = np.concatenate([*x, np.linspace(-25, 25, 50_000), [0, low, high]]).astype(dtype)
    with np.errstate(all="ignore"):
        x = np.concatenate(
            [x, *(np.nextafter(x[-3:], to) for to in (-info.max, info.max))]
        )
    return x[(x >= low) & (x <= high) & ((x == 0) | (np.abs(x) >= info.tiny))]


FUNCTIONS = {name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p")}
FUNCTIONS |= {"tanh": np.tanh, "ndtr": ndtr, "sqrt": np.sqrt}
functions = pytest.mark.parametrize("name", FUNCTIONS)


@pytest.mark.each_pair
@dtypes
@functions
def test_functions_are_accurate_to_4_ulp(name, dtype, instruction_set):
    info = np.finfo(dtype)
    lowest, highest = float(np.log(info.tiny)), float(np.log(info.max))
    ranges = {"exp": (lowest, highest), "log": (info.tiny, info.max), "log1p": (0, 1)}
    ranges |= {"sqrt": (0, info.max), "expm1": (-info.max, highest)}
    x = arguments(dtype, *ranges.get(name, (-info.max, info.max)))
    if name == "exp":
        beyond = [highest + 1, info.max, lowest - 1, -info.max]
        x = np.append(x, np.array(beyond, dtype=dtype))
    values = x.copy()
    _kernels.loops.apply(name, values, instruction_set)
    assert_within_4_ulp(values, FUNCTIONS[name], x)
    assert name != "exp" or (values[-2:] == 0).all()


@pytest.mark.each_pair
@dtypes
@functions
def test_functions_of_infinity_nan_and_zero(name, dtype, instruction_set):
    x = np.array([np.nan, 0, -0.0, np.inf, -np.inf], dtype=dtype)
    x = x[: {"log1p": 3, "sqrt": 4}.get(name, 5)]  # which are for 0 to 1 and from 0
    x = np.tile(x, 17)  # some vectors full, and some left over
    values = x.copy()
    _kernels.loops.apply(name, values, instruction_set)
    if name == "ndtr":
        np.testing.assert_allclose(values, scipy.special.ndtr(x), rtol=5e-7)
        return
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(values, FUNCTIONS[name](x))


@pytest.mark.each_pair
@dtypes
@activations
def test_activations_are_accurate_to_4_ulp(
    activation, dtype, instruction_set, monkeypatch
):
    """Of their value; their slopes to 4 ulp of 1, where they are smaller than that."""
    monkeypatch.setattr("skoptnet.activations.ndtr", ndtr)
    sigma, tiny = SIGMAS[activation], float(np.finfo(dtype).tiny)
    reach = (
        -scipy.special.ndtri(2 * tiny) if activation == "gelu" else -1 - np.log(tiny)
    )
    x = arguments(dtype, -reach, reach)
    a = x[:, None].copy()
    slopes = _kernels.network.activate(sigma, a, instruction_set)
    assert_within_4_ulp(a[:, 0], lambda x: formulas(sigma, x)[0], x)
    assert_within_4_ulp(slopes[:, 0], lambda x: formulas(sigma, x)[1], x, least=1)


@pytest.mark.each_pair
@dtypes
@activations
def test_activations_of_huge_tiny_infinite_numbers_and_nan(
    activation, dtype, instruction_set
):
    info = np.finfo(dtype)
    x = np.array(
        [0, info.tiny, info.max / 2, 1e3, 40, 1e-3, np.inf, np.nan], dtype=dtype
    )
    x = np.append(x, -x)[:, None]
    a = x.copy()
    slopes = _kernels.network.activate(SIGMAS[activation], a, instruction_set)
    for values, right in zip((a, slopes), formulas(SIGMAS[activation], x), strict=True):
        np.testing.assert_allclose(values, right, rtol=1e-5, atol=2 * info.tiny)
    a = x[:2] / dtype(-8)  # not normal: taken for 0
    _kernels.network.activate(SIGMAS[activation], a, instruction_set)
    assert (np.abs(a - formulas(SIGMAS[activation], 0 * a)[0]) <= info.tiny).all()


@dtypes
def test_logistic_and_softplus_are_accurate_to_4_ulp(dtype, instruction_set):
    """As a network of one hidden unit and as the loss of a single row say them."""
    reach = -np.log(np.finfo(dtype).tiny) - dtype(1)
    x, loss = arguments(dtype, -reach, reach)[::3, None].copy(), LOSSES["binary"]()
    network = Network((1, 1, 1), (SIGMAS["logistic"],), loss)
    z = compiled.outputs(network, np.array([1, 0, 1, 0], dtype=dtype), x)
    assert_within_4_ulp(z, lambda z: 1 / (1 + np.exp(-z)), x)
    x = x[::20].copy()
    theta, g = np.array([1, 0], dtype=dtype), np.empty(2, dtype=dtype)
    network, data = Network((1, 1), network.activations, loss), TrainingSet(x, 0 * x)
    kernel = compiled.Kernel(network, None, theta, g, None, data, 1, 1)
    for i, value in enumerate(x[:, 0].astype(float)):
        z[i] = kernel.loss_and_gradient(theta, None, range(i, i + 1))
        assert g[1] == pytest.approx(1 / (1 + np.exp(-value)), rel=1e-6, abs=1e-300)
    assert_within_4_ulp(z[: len(x)], lambda z: np.logaddexp(0, z), x)


@dtypes
@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_deviances_do_not_cancel_near_their_optimum(loss, dtype, instruction_set):
    """For y = 1 both are a sum of u^k / k! from k = 2 on: u is z, or -z for gamma."""
    z = np.concatenate([np.logspace(-15, 0, 100), np.linspace(0.3, 0.4, 40)])
    z = np.append(z, -z).astype(dtype)[:, None]
    network, data = (
        Network((1, 1), (SIGMAS["relu"],), RULES[loss]),
        TrainingSet(z, z**0),
    )
    theta, g = np.array([1, 0], dtype=dtype), np.empty(2, dtype=dtype)
    kernel = compiled.Kernel(network, None, theta, g, None, data, 1, 1)
    u = z[:, 0].astype(float) * (-1 if loss == "gamma" else 1)
    for i, right in enumerate(sum(u**k / math.factorial(k) for k in range(2, 30))):
        value = kernel.loss_and_gradient(theta, None, range(i, i + 1))
        assert value == pytest.approx(right, rel=16 * float(np.finfo(dtype).eps), abs=0)
