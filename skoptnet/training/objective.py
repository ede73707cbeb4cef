"""Objective: loss and gradient of a minibatch, or of the whole training set."""

from __future__ import annotations

import math
from collections.abc import Iterator
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
        Strength of the L1 penalty. Only `value`, `cost` and the updates of a kernel
        include it; see `L1` for its subgradient.
    max_grad_norm : float, optional
        The updates of a kernel clip gradients to this norm.

    Attributes
    ----------
    g : array of shape (P,)
        The last gradient.
    kernel : Kernel or None
        The compiled kernels, if they support the network and the data.
    part : Minibatches
        The rows that are in memory, to which the ranges of minibatches apply.
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
        max_grad_norm: float | None = None,
    ):
        self.network, self.batches, self.part = network, batches, batches
        self.dropout, self.l1 = dropout, l1
        self.g = network.xp.empty_like(theta)
        self.kernel: Kernel | None = None
        if Kernel.knows(network, theta, batches.data):
            self.kernel = Kernel(
                network, optimizer, theta, self.g, state,
                batches.data, batches.size, batches.chunk, dropout, l1, max_grad_norm,
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

    def parts(self) -> Iterator[Minibatches]:
        """Yield the parts of an epoch, one after the other, each once it is read."""
        for part in self.batches.parts():
            if part is not self.batches and self.kernel:
                self.kernel.read(part.data)
            self.part = part
            yield part

    def minibatches(self) -> Iterator[range]:
        """Yield the range of each minibatch of an epoch, once its rows are in memory.

        A minibatch that spans several parts has all rows; its gradient reads them.
        """
        if self.batches.spans_parts:
            yield range(len(self.batches.data))
            return
        for part in self.parts():
            yield from part.ranges()

    def value(self, theta: Array) -> float:
        """Return the objective of the whole training set."""
        n = len(self.batches.data)
        value = sum(
            self.loss_and_gradient(theta, batch) * len(batch) / n
            for batch in self.minibatches()
        )
        return value + l1_penalty(self.network, theta, self.l1) if self.l1 else value

    def cost(self, theta: Array) -> float:
        """Return `value`, or infinity if a prediction is not finite."""
        return self.value(theta) if self.predicts_finite(theta) else math.inf

    def predicts_finite(self, theta: Array) -> bool:
        """Tell whether all predictions for the training set are finite."""
        network = self.network
        return all(
            network.loss.predicts(
                outputs(network, theta, part.data.X, part.data.rows), network.xp
            )
            for part in self.parts()
        )

    def loss_and_gradient(
        self, theta: Array, batch: range, update: int | None = None
    ) -> float:
        """Return the objective of a minibatch; write its gradient into ``g``.

        Dropout applies only if the number of the update is given, which selects the
        units to drop.
        """
        if self.batches.spans_parts:
            return self._of_all_parts(theta, update)
        return self._of_part(theta, batch, update)

    def _of_all_parts(self, theta: Array, update: int | None) -> float:
        """Return the objective of all rows, read part by part; see `_of_part`."""
        n, cost, seen = len(self.batches.data), 0.0, 0
        g = np.zeros_like(self.g)
        for part in self.parts():
            rows = range(len(part.data))
            share = len(rows) / n
            cost += share * self._of_part(theta, rows, update, seen)
            g += share * self.g
            seen += len(rows)
        self.g[...] = g
        return cost

    def _of_part(
        self, theta: Array, batch: range, update: int | None, before: int = 0
    ) -> float:
        """Return the objective of rows in memory; write its gradient into ``g``.

        They have ``before`` others before them in their minibatch, for dropout.
        """
        part = self.part
        if self.kernel:
            return self.kernel.loss_and_gradient(
                theta, part.order, batch, update, before
            )
        if self.chunk_g is None:
            (rows,) = part.chunks(batch)
            return self._of_chunk(theta, rows, self.g, before, update)
        cost, seen = 0.0, 0
        self.g[...] = 0
        for rows in part.chunks(batch):
            share = len(rows) / len(batch)
            cost += share * self._of_chunk(
                theta, rows, self.chunk_g, before + seen, update
            )
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
