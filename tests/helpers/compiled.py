"""What the tests of the kernels have in common: all parts, types and instruction sets.

A plugin of pytest, named in conftest.py, for the fixture in it.
"""

import numpy as np
import pytest

from skoptnet import _kernels
from skoptnet.activations import ACTIVATIONS, ELU, LeakyReLU
from skoptnet.losses import (
    LOSSES,
    REGRESSION_LOSSES,
    Huber,
    Pinball,
    SmoothedBinaryCrossEntropy,
    SmoothedCrossEntropy,
)

needs_kernels = pytest.mark.skipif(
    not _kernels.enabled(), reason="kernels not compiled, or switched off"
)

INSTRUCTION_SETS = _kernels.INSTRUCTION_SETS
ROOM = {np.float32: 1e-4, np.float64: 1e-9}

#: All activations and losses, and some with other parameters than the defaults.
SIGMAS = {name: Sigma() for name, Sigma in ACTIVATIONS.items()} | {
    "leaky_relu 0.3": LeakyReLU(0.3),
    "elu 0.5": ELU(0.5),
}
RULES = {name: Rule() for name, Rule in LOSSES.items()} | {
    "huber 0.3": Huber(0.3),
    "quantile 0.2": Pinball((0.2,)),
    "quantiles": Pinball((0.1, 0.5, 0.6, 0.9)),
    "smoothed_multilabel 0.4": SmoothedBinaryCrossEntropy(0.4),
    "smoothed_multiclass 0.4": SmoothedCrossEntropy(0.4),
}
NUMBERS = {n for n in RULES if n.split()[0] in REGRESSION_LOSSES} | {"quantiles"}
#: Losses whose slope jumps where the target is met.
JUMPING = {"absolute_error", "quantile", "quantile 0.2", "quantiles"}

dtypes = pytest.mark.parametrize("dtype", ROOM)
losses = pytest.mark.parametrize("loss", RULES)
activations = pytest.mark.parametrize("activation", SIGMAS)


def better(dtype):
    """Return a type with more digits."""
    kind = np.float64 if dtype == np.float32 else np.longdouble
    if np.finfo(kind).nmant <= np.finfo(dtype).nmant:
        pytest.skip("no type here has more digits")
    return kind


def ndtr(x):
    """The normal distribution by two expansions, in the digits that x has.

    A power series near 0, Laplace's continued fraction from 3 on.
    """
    t, kind = np.abs(x), x.dtype.type
    near, far = np.where(t < 3, t, 0), np.maximum(t, 3)
    term, total, fraction = near, near, far
    for k in range(1, 100):
        term = term * near * near / (2 * k + 1)
        total = total + term
    for k in range(200, 0, -1):
        fraction = far + k / fraction
    phi = np.exp(-t * t / 2) / np.sqrt(2 * kind("3.14159265358979323846"))
    tail = np.where(t < 3, kind(0.5) - phi * total, phi / fraction)
    return np.where(x < 0, tail, 1 - tail)


def formulas(sigma, z):
    """Return sigma(z) and sigma'(z) as the readable class has them."""
    a, slopes = z.copy(), np.ones_like(z)
    with np.errstate(all="ignore"):
        sigma.forward(a, np)
        sigma.backward(z.copy() if sigma.needs_z else a.copy(), slopes, np)
    return a, slopes


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request, monkeypatch):
    """Each instruction set of this machine, chosen by the variable."""
    monkeypatch.setenv(_kernels.VARIABLE, request.param)
    return request.param
