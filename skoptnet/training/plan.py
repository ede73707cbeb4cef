"""Training settings: learning rate, batch size, epochs, patience, clipping."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Plan:
    """The settings of one call of `train`.

    Attributes
    ----------
    learning_rate : float
        The initial rate, which the schedule multiplies.
    batch_size : int
        Number of rows per update; a solver with ``full_batch`` takes all.
    max_epochs : int
        Maximum number of epochs of this call.
    tol, patience : float
        See `Stopping`. When patience runs out, training ends, or the schedule lowers
        the rate and training continues.
    shuffle : bool
        Whether to shuffle the rows in every epoch.
    max_grad_norm : float or None
        Gradients with a larger norm are clipped to this norm.
    dropout : tuple of float
        Fraction of the units of each hidden layer that an update drops, see `Dropout`;
        empty for none.
    l1 : float
        Strength of the L1 penalty, see `L1`. It is part of the objective.
    planned_epochs : float or None
        The epoch, over all calls, at which the plan of the schedule ends; None is the
        last epoch of this call.
    early_stopping : bool
        Whether validation score and loss rank the epochs, in place of the training
        loss, and the weights of the best epoch are kept.
    new_call : bool
        True for a call of `fit`: its patience counts from its own first epoch, and its
        rows begin in the order at the end of the last call. False for `partial_fit`,
        whose calls are one training: patience continues, and the rows of each call
        begin in the order given.
    pauses : bool
        Whether training pauses after the last epoch of this call: a later call can
        resume it.
    resumes : bool
        Whether this call resumes a training that has paused. It continues as if there
        had been no pause: patience and the best epoch are those of the whole training.
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
    early_stopping: bool = False
    new_call: bool = True
    pauses: bool = False
    resumes: bool = False
