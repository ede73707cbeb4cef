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


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request, monkeypatch):
    """Each instruction set of this machine, chosen by the variable."""
    monkeypatch.setenv(_kernels.VARIABLE, request.param)
    return request.param
