"""The objective and its gradient, over minibatches and over the whole set."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np

from .._types import Array
from ..compiled import Kernel
from ..dropout import Dropout
from ..network import Network
from ..optimizers import Optimizer, State
from ..threads import blas_threads
from .minibatches import Minibatches, TrainingSet


class Objective:
    """Objective over the minibatches of a training set, compiled where that is known.

    Parameters
    ----------
    network : Network
        The objective.
    theta : array of shape (P,)
        The parameters, for their shape and dtype; those that a compiled epoch of
        ``optimizer`` updates.
    batches : Minibatches
        The training set.
    optimizer : Optimizer, optional
        The solver that makes the updates; none for passes alone.
    state : State, optional
        The solver's memory.
    dropout : Dropout, optional
        What leaves hidden units out, in the gradients of updates.

    Attributes
    ----------
    g : array of shape (P,)
        The gradient of the last pass.
    """

    def __init__(
        self,
        network: Network,
        theta: Array,
        batches: Minibatches,
        optimizer: Optimizer | None = None,
        state: State | None = None,
        dropout: Dropout | None = None,
    ):
        self.network, self.batches, self.dropout = network, batches, dropout
        self.g = network.xp.empty_like(theta)
        self.kernel: Kernel | None = None
        if Kernel.knows(network, theta, batches.data):
            self.kernel = Kernel(
                network, optimizer, theta, self.g, state,
                batches.data, batches.size, batches.piece, dropout,
            )  # fmt: skip
            return
        self.part = np.empty_like(self.g) if batches.size > batches.piece else None
        self.rows = min(batches.size, batches.piece)
        self.work = network.workspace(
            self.rows, theta.dtype, dropout=dropout is not None
        )

    def threads(self) -> AbstractContextManager[None]:
        """Give the updates the threads that suit their size."""
        if self.kernel:
            return self.kernel.threads()
        largest = self.network.largest_product(self.batches.data.X)
        return blas_threads(self.rows * largest)

    def objective(self, theta: Array) -> float:
        """Return the objective of the whole training set."""
        return sum(
            self.loss_and_gradient(theta, batch) * len(batch) / len(self.batches.data)
            for batch in self.batches.ranges()
        )

    def loss_and_gradient(
        self, theta: Array, batch: range, update: int | None = None
    ) -> float:
        """Return the objective of a minibatch; its gradient is left in ``g``.

        With the number of an update, hidden units are left out as dropout does for it.
        """
        if self.kernel:
            return self.kernel.loss_and_gradient(
                theta, self.batches.order, batch, update
            )
        if self.part is None:
            (rows,) = self.batches.pieces(batch)
            return self._of_piece(theta, rows, self.g, 0, update)
        cost, seen = 0.0, 0
        self.g[...] = 0
        for rows in self.batches.pieces(batch):
            share = len(rows) / len(batch)
            cost += share * self._of_piece(theta, rows, self.part, seen, update)
            self.part *= share
            self.g += self.part
            seen += len(rows)
        return cost

    def _of_piece(
        self, theta: Array, rows: TrainingSet, out: Array, seen: int, update: int | None
    ) -> float:
        """Return the objective of a minibatch's rows from number ``seen`` on."""
        network, m, masks = self.network, len(rows), None
        if self.dropout and update is not None:
            widths = network.layer_sizes[1:-1]
            masks = self.dropout.masks(
                update, range(seen, seen + m), widths, theta.dtype
            )
        return network.loss_and_gradient(
            theta, rows.X, rows.Y, rows.w, out, self.work.head(m), masks
        )
