"""Objective: loss and gradient of a minibatch, or of the whole training set."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

import numpy as np

from .._types import Array
from ..compiled import Kernel, outputs
from ..dropout import Dropout
from ..network import Network
from ..optimizers import Optimizer, State
from ..threads import blas_threads
from .l1_penalty import l1_penalty
from .minibatches import Minibatches, TrainingSet


class Objective:
    """The objective of a network on a training set, compiled where a kernel exists.

    Parameters
    ----------
    network : Network
        Defines loss and L2 penalty.
    theta : array of shape (P,)
        The parameters. Only a kernel that makes the updates changes them; otherwise
        their shape and dtype count.
    batches : Minibatches
        The minibatches of the training set.
    optimizer : Optimizer, optional
        The solver, if a kernel is to make its updates.
    state : State, optional
        The solver's state.
    dropout : Dropout, optional
        Drops hidden units during updates.
    l1 : float
        Strength of the L1 penalty. Only `value` and `cost` include it; see `L1` for its
        subgradient.

    Attributes
    ----------
    g : array of shape (P,)
        The last gradient.
    kernel : Kernel or None
        The compiled kernels, if they support the network and the data.
    """

    def __init__(
        self,
        network: Network,
        theta: Array,
        batches: Minibatches,
        optimizer: Optimizer | None = None,
        state: State | None = None,
        dropout: Dropout | None = None,
        l1: float = 0.0,
    ):
        self.network, self.batches = network, batches
        self.dropout, self.l1 = dropout, l1
        self.g = network.xp.empty_like(theta)
        self.kernel: Kernel | None = None
        if Kernel.knows(network, theta, batches.data):
            self.kernel = Kernel(
                network, optimizer, theta, self.g, state,
                batches.data, batches.size, batches.chunk, dropout,
            )  # fmt: skip
            return
        self.chunk_rows = min(batches.size, batches.chunk)
        self.chunk_g = np.empty_like(self.g) if batches.size > batches.chunk else None
        self.workspace = network.workspace(
            self.chunk_rows, theta.dtype, dropout=dropout is not None
        )

    def threads(self) -> AbstractContextManager[None]:
        """Return a context with as many threads as the updates make use of."""
        if self.kernel:
            return self.kernel.threads()
        largest = self.network.largest_product(self.batches.data.X)
        return blas_threads(self.chunk_rows * largest)

    def value(self, theta: Array) -> float:
        """Return the objective of the whole training set."""
        n = len(self.batches.data)
        value = sum(
            self.loss_and_gradient(theta, batch) * len(batch) / n
            for batch in self.batches.ranges()
        )
        return value + l1_penalty(self.network, theta, self.l1) if self.l1 else value

    def cost(self, theta: Array) -> float:
        """Return `value`, or infinity if a prediction is not finite."""
        return self.value(theta) if self.predicts_finite(theta) else math.inf

    def predicts_finite(self, theta: Array) -> bool:
        """Tell whether all predictions for the training set are finite."""
        network, data = self.network, self.batches.data
        z = outputs(network, theta, data.X, data.rows)
        return network.loss.predicts(z, network.xp)

    def loss_and_gradient(
        self, theta: Array, batch: range, update: int | None = None
    ) -> float:
        """Return the objective of a minibatch; write its gradient into ``g``.

        Dropout applies only if the number of the update is given, which selects the
        units to drop.
        """
        if self.kernel:
            return self.kernel.loss_and_gradient(
                theta, self.batches.order, batch, update
            )
        if self.chunk_g is None:
            (rows,) = self.batches.chunks(batch)
            return self._of_chunk(theta, rows, self.g, 0, update)
        cost, seen = 0.0, 0
        self.g[...] = 0
        for rows in self.batches.chunks(batch):
            share = len(rows) / len(batch)
            cost += share * self._of_chunk(theta, rows, self.chunk_g, seen, update)
            self.chunk_g *= share
            self.g += self.chunk_g
            seen += len(rows)
        return cost

    def _of_chunk(
        self,
        theta: Array,
        rows: TrainingSet,
        out: Array,
        first: int,
        update: int | None,
    ) -> float:
        """Return the objective of some rows; write its gradient into ``out``.

        ``first`` is the number of the first of them in the minibatch, for dropout.
        """
        network, m, masks = self.network, len(rows), None
        if self.dropout and update is not None:
            widths = network.layer_sizes[1:-1]
            masks = self.dropout.masks(
                update, range(first, first + m), widths, theta.dtype
            )
        return network.loss_and_gradient(
            theta, rows.X, rows.Y, rows.w, out, self.workspace.head(m), masks
        )
