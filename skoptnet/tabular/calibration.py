"""Temperature scaling of class probabilities (Guo et al., 2017)."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar

from .._types import Array
from ..losses import Loss

# Bounds of the temperature.
_LOWEST, _HIGHEST = 0.02, 50.0


def best_temperature(loss: Loss, z: Array, Y: Array, w: Array | None) -> float:
    r"""Return the temperature T with the lowest log loss of the raw outputs z / T.

    The log loss is convex in 1 / T. Smoothed labels keep the probabilities from 0 and 1
    if all rows are predicted right.

    Parameters
    ----------
    loss : Loss
        A cross-entropy, with smoothed labels.
    z : array of shape (n, n_outputs)
        Raw outputs for rows that the network was not trained on.
    Y : array
        Their targets, encoded for the loss.
    w : array of shape (n,) or None
        Their weights.
    """
    z = z.astype(np.float64)

    def log_loss(log_t: float) -> float:
        losses = loss.value(z * math.exp(-log_t), Y, np)
        return float(np.average(losses, weights=w))

    bounds = math.log(_LOWEST), math.log(_HIGHEST)
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded")
    return math.exp(found.x)
