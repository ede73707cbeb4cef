"""Parts: the objects that the parameters of an estimator stand for."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.base import is_regressor

from ..activations import Activation
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..training import LBFGS


class Parts(NamedTuple):
    """The objects that the parameters of an estimator stand for.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
        Number of units of each hidden layer.
    activations : tuple of Activation
        One per hidden layer, see `Network`.
    dropout : tuple of float
        Fraction of the units that an update drops, one per hidden layer.
    optimizer : Optimizer or LBFGS
        The solver.
    schedule : Schedule
        The schedule of the learning rate.
    """

    hidden_layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropout: tuple[float, ...]
    optimizer: Optimizer | LBFGS
    schedule: Schedule


def initial_rate(model: Any, optimizer: Optimizer | LBFGS) -> float | None:
    """Return the initial learning rate, None for L-BFGS."""
    if isinstance(optimizer, LBFGS):
        return None
    if isinstance(model.learning_rate_init, str):
        rates = {task: optimizer.auto_rate(regression=task) for task in (False, True)}
        # Losses of counts and amounts overfit as fast as those of classes, and are as
        # steep as those of regression.
        if getattr(model, "loss", None) in ("poisson", "gamma"):
            return min(rates.values())
        return rates[is_regressor(model)]
    return float(model.learning_rate_init)
