"""The settings of one training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What one call of training is to do.

    Attributes
    ----------
    learning_rate : float
        The initial rate, which the schedule multiplies.
    batch_size : int
        Rows per update; a solver with ``full_batch`` takes all.
    max_epochs : int
        Maximum number of epochs of this call.
    tol, patience : float
        See `Stopping`. Where patience runs out, training ends, or the schedule lowers
        the rate and training continues.
    shuffle : bool
        Whether to draw a new order of the rows in every epoch.
    max_grad_norm : float or None
        Gradients of a larger norm are clipped to it.
    dropout : tuple of float
        Share of the units of each hidden layer that an update drops, see `Dropout`;
        empty for none.
    l1 : float
        Strength of the L1 penalty, see `L1`. It is part of the objective.
    planned_epochs : float or None
        The epoch, over all calls, at which the plan of the schedule ends; None is the
        last epoch of this call.
    new_call : bool
        True for a call that stands by itself: its patience counts from its own first
        epoch, and its rows begin in the order that the last call left them in. False
        for one of many calls that are one training (`partial_fit`), where patience
        continues and the rows begin as given.
    """

    learning_rate: float
    batch_size: int
    max_epochs: int = 200
    tol: float = 1e-4
    patience: float = 10
    shuffle: bool = True
    max_grad_norm: float | None = None
    dropout: tuple[float, ...] = ()
    l1: float = 0.0
    planned_epochs: float | None = None
    new_call: bool = True
