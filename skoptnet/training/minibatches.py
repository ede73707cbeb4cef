"""The rows to learn from, and how they come as minibatches."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from .._types import Array, Rows
from ..compiled import shuffle_into


@dataclass
class TrainingSet:
    """Rows to learn from.

    Attributes
    ----------
    X : array or CSR container of shape (n, d)
        The rows, C-contiguous.
    Y : array with n rows
        The targets, as the loss wants them.
    w : array of shape (n,) or None
        Weight of each row, 1 on average over those that belong to the set.
    rows : intp array or None
        The rows that belong to the set; None for all.
    """

    X: Rows
    Y: Array
    w: Array | None = None
    rows: Array | None = None

    def __len__(self) -> int:
        return self.X.shape[0] if self.rows is None else len(self.rows)

    def part(self, rows: Array) -> TrainingSet:
        """Return the set of some of the rows; nothing is copied."""
        return TrainingSet(self.X, self.Y, self.w, rows)

    def own(self, values: Rows) -> Rows:
        """Return those of X, Y or w that belong to the set."""
        return values if self.rows is None else values[self.rows]

    @property
    def own_weights(self) -> Array | None:
        """The weights of the rows that belong to the set."""
        return None if self.w is None else self.own(self.w)


class Shuffles(NamedTuple):
    """How rows came into their order, so that a later call can go on from it.

    The order itself would make a pickled model larger, the more rows there are.

    Attributes
    ----------
    origin : tuple
        State of the source of random numbers before the first shuffle.
    n_rows : int
        Number of rows that are shuffled.
    done : int
        Number of shuffles, one per epoch.
    """

    origin: tuple
    n_rows: int
    done: int = 0

    def and_more(self, shuffles: int) -> Shuffles:
        """Return these shuffles and some more."""
        return Shuffles(self.origin, self.n_rows, self.done + shuffles)

    def repeat(self, order: Array, rng: np.random.RandomState) -> None:
        """Shuffle rows as they were shuffled; ``rng`` stays as it is."""
        twin = deepcopy(rng)
        twin.set_state(self.origin)
        for _ in range(self.done):
            twin.shuffle(order)


class Minibatches:
    """Draws the minibatches of an epoch, gathering rows into buffers made once.

    A minibatch comes in chunks of at most ``chunk`` rows, so that a batch of any
    size (a whole training set) needs bounded memory.

    Attributes
    ----------
    shuffled : int
        Number of rows that each epoch shuffles.
    order : intp array or None
        The rows as they come; None for all rows as they lie.
    """

    def __init__(self, data: TrainingSet, size: int, shuffle: bool, chunk: int):
        self.data, self.size, self.chunk = data, min(size, len(data)), chunk
        self.n_updates = -(-len(data) // self.size)
        # The order of the rows matters only where there are several minibatches.
        self.shuffled = len(data) if shuffle and self.n_updates > 1 else 0
        self.order: Array | None = data.rows
        if self.shuffled:
            self.order = np.arange(len(data)) if data.rows is None else data.rows.copy()
        if self.order is not None:
            rows = min(self.size, chunk)
            self._buffer = TrainingSet(
                data.X if issparse(data.X) else _rows_like(data.X, rows),
                _rows_like(data.Y, rows),
                None if data.w is None else _rows_like(data.w, rows),
            )

    def shuffle(self, rng: np.random.RandomState, n_epochs: int = 1) -> Array | None:
        """Bring the rows into a new order for each epoch, where there is to be one.

        Returns
        -------
        intp array of shape (n_epochs, n) or (n,), or None
            The rows as they come: in each of several epochs, or in all of them.
        """
        if not self.shuffled or self.order is None:
            return self.order
        if n_epochs == 1:
            shuffle_into(self.order[np.newaxis], self.order, rng)
            return self.order
        self._before = self.order.copy()
        orders = np.empty((n_epochs, len(self.order)), dtype=self.order.dtype)
        shuffle_into(orders, self.order, rng)
        return orders

    def take_back(self) -> None:
        """Bring the rows into the order that several epochs began with."""
        if self.shuffled and self.order is not None:
            self.order[...] = self._before

    def go_on(
        self, before: Shuffles | None, rng: np.random.RandomState, state: Any
    ) -> Shuffles | None:
        """Bring the rows into the order that they were left in.

        Parameters
        ----------
        before : Shuffles or None
            The shuffles until then. They are not repeated for another number of rows.
        rng : RandomState
            The source of those to come.
        state : tuple or None
            Its state.

        Returns
        -------
        Shuffles or None
            The shuffles so far; None where rows are not shuffled.
        """
        if not self.shuffled or self.order is None:
            return None
        if before is None or before.n_rows != self.shuffled:
            return Shuffles(state, self.shuffled)
        before.repeat(self.order, rng)
        return before

    def ranges(self) -> Iterator[range]:
        """Yield the range of each minibatch."""
        for start in range(0, len(self.data), self.size):
            yield range(start, min(start + self.size, len(self.data)))

    def chunks(self, batch: range) -> Iterator[TrainingSet]:
        """Yield a minibatch's rows; what was yielded before is overwritten."""
        for start in range(batch.start, batch.stop, self.chunk):
            stop = min(start + self.chunk, batch.stop)
            if self.order is None:
                X, Y, w = self.data.X, self.data.Y, self.data.w
                rows = slice(start, stop)
                yield TrainingSet(X[rows], Y[rows], None if w is None else w[rows])
            else:
                yield self._gather(self.order[start:stop])

    def _gather(self, rows: Array) -> TrainingSet:
        data, buffer, m = self.data, self._buffer, len(rows)
        if issparse(data.X):
            X = data.X[rows]
        else:
            X = _take(data.X, rows, buffer.X[:m])
        Y, w = _take(data.Y, rows, buffer.Y[:m]), None
        if data.w is not None and buffer.w is not None:
            w = _take(data.w, rows, buffer.w[:m])
        return TrainingSet(X, Y, w)


def _rows_like(array: Array, n_rows: int) -> Array:
    return np.empty((n_rows, *array.shape[1:]), dtype=array.dtype)


def _take(array: Array, rows: Array, out: Array) -> Array:
    # "clip" spares NumPy a copy of the result; the rows are all within bounds.
    return np.take(array, rows, axis=0, out=out, mode="clip")
