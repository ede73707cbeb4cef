"""Minibatches: the training set, its shuffles, and the minibatches of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from .._types import Array, Rows
from ..compiled import shuffle_into


@dataclass(eq=False)
class TrainingSet:
    """A training set: rows, targets and weights, or some rows of them.

    Attributes
    ----------
    X : array or CSR container of shape (n, d)
        The rows, C-contiguous.
    Y : array with n rows
        The targets, encoded for the loss.
    w : array of shape (n,) or None
        Weight of each row, 1 on average over the rows of the set; None if all are 1.
    rows : intp array or None
        Numbers of the rows that belong to the set; None for all.
    """

    X: Rows
    Y: Array
    w: Array | None = None
    rows: Array | None = None

    def __len__(self) -> int:
        return self.X.shape[0] if self.rows is None else len(self.rows)

    def subset(self, rows: Array) -> TrainingSet:
        """Return the set of some of the rows; nothing is copied."""
        return TrainingSet(self.X, self.Y, self.w, rows)

    def select(self, values: Rows) -> Rows:
        """Return the elements of X, Y or w that belong to the set."""
        return values if self.rows is None else values[self.rows]

    @property
    def weights(self) -> Array | None:
        """The weights of the rows that belong to the set."""
        return None if self.w is None else self.select(self.w)

    def part(self, start: int, stop: int) -> TrainingSet:
        """Return the rows of the set from one place to another; nothing is copied."""
        if self.rows is not None:
            return self.subset(self.rows[start:stop])
        if issparse(self.X):  # its slices would be copies
            return self.subset(np.arange(start, stop))
        rows = slice(start, stop)
        w = None if self.w is None else self.w[rows]
        return TrainingSet(self.X[rows], self.Y[rows], w)

    def minibatches(
        self, size: int, shuffle: bool, chunk: int, run: Any
    ) -> Minibatches:
        """Return the minibatches of the epochs of a run, see `Minibatches`."""
        return Minibatches(self, size, shuffle, chunk)


class Shuffles(NamedTuple):
    """The shuffles behind the order of the rows, for a later call to repeat.

    Storing the order after the last shuffle would make the pickle of every model grow
    with the number of rows. A call that continues another stores the order at its
    start, in as few bytes as will do: repeating the shuffles of all calls before would
    take longer and longer. A training that pauses stores the order at its end, see
    `Minibatches.with_order`; then there are no shuffles to repeat.

    Attributes
    ----------
    origin : tuple
        State of the random number generator before the first shuffle of the last call;
        without meaning if ``done`` is 0.
    n_rows : int
        Number of rows that are shuffled.
    done : int
        Number of shuffles in the last call, one per epoch.
    start : array of shape (n_rows,) or None
        The order before the first of them; None for the order given.
    """

    origin: tuple
    n_rows: int
    done: int = 0
    start: Array | None = None

    def plus(self, n: int) -> Shuffles:
        """Return these shuffles and ``n`` more."""
        return self._replace(done=self.done + n)

    def order(self, rng: np.random.RandomState) -> Array:
        """Return the order after the shuffles; the state of ``rng`` does not change."""
        start = np.arange(self.n_rows) if self.start is None else self.start
        order = start.astype(np.intp)
        if not self.done:
            return order
        twin = deepcopy(rng)
        twin.set_state(self.origin)
        for _ in range(self.done):
            shuffle_into(order[np.newaxis], order, twin)
        return order


class Minibatches:
    """The minibatches of an epoch; their rows are gathered in buffers that are reused.

    Minibatches come in chunks of at most ``chunk`` rows, so a minibatch of any size,
    even the whole training set, needs bounded memory.

    Parameters
    ----------
    data : TrainingSet
        The training set.
    size : int
        Number of rows per minibatch; the last of an epoch may have fewer.
    shuffle : bool
        Whether to shuffle the rows in every epoch.
    chunk : int
        Maximum number of rows per chunk.

    Attributes
    ----------
    n_updates : int
        Number of minibatches per epoch.
    n_shuffled : int
        Number of rows that each epoch shuffles, 0 for none.
    order : intp array or None
        The order of the rows; None for all rows in the order given.
    in_memory : bool
        Whether all rows are in memory; those of a `Stream` are not.
    spans_parts : bool
        Whether the rows of the single minibatch of an epoch are in several `parts`.
    """

    in_memory: bool = True
    spans_parts: bool = False

    def __init__(self, data: TrainingSet, size: int, shuffle: bool, chunk: int):
        self.data, self.size, self.chunk = data, min(size, len(data)), chunk
        self.n_updates = -(-len(data) // self.size)
        # The order of the rows matters only if there are several minibatches.
        self.n_shuffled = len(data) if shuffle and self.n_updates > 1 else 0
        self.order: Array | None = data.rows
        if self.n_shuffled:
            self.order = np.arange(len(data)) if data.rows is None else data.rows.copy()
        if self.order is not None:
            rows = min(self.size, chunk)
            self._buffer = TrainingSet(
                data.X if issparse(data.X) else rows_like(data.X, rows),
                rows_like(data.Y, rows),
                None if data.w is None else rows_like(data.w, rows),
            )

    def shuffle(self, rng: np.random.RandomState, n_epochs: int = 1) -> Array | None:
        """Shuffle the rows for each of the next epochs, unless they stay in order.

        Returns
        -------
        intp array of shape (n_epochs, n) or (n,), or None
            The order of the rows in each of several epochs, or in all of them.
        """
        if not self.n_shuffled or self.order is None:
            return self.order
        if n_epochs == 1:
            shuffle_into(self.order[np.newaxis], self.order, rng)
            return self.order
        self._before = self.order.copy()
        orders = np.empty((n_epochs, len(self.order)), dtype=self.order.dtype)
        shuffle_into(orders, self.order, rng)
        return orders

    def restore_order(self) -> None:
        """Undo the shuffles of the last epochs that were trained at once."""
        if self.n_shuffled and self.order is not None:
            self.order[...] = self._before

    def repeat_shuffles(
        self, before: Shuffles | None, rng: np.random.RandomState, state: Any
    ) -> Shuffles | None:
        """Bring the rows into the order at the end of an earlier call.

        Parameters
        ----------
        before : Shuffles or None
            The shuffles of the earlier calls. They count only for the same number of
            rows.
        rng : RandomState
            The random number generator of the coming shuffles.
        state : tuple or None
            The state of ``rng``; None if rows are not shuffled.

        Returns
        -------
        Shuffles or None
            The shuffles so far; None if rows are not shuffled.
        """
        if not self.n_shuffled or self.order is None:
            return None
        if before is None or before.n_rows != self.n_shuffled:
            return Shuffles(state, self.n_shuffled)
        order = before.order(rng)
        self.order[...] = self.order[order]
        return Shuffles(state, self.n_shuffled, start=_in_few_bytes(order))

    def with_order(self, shuffles: Shuffles | None, n_bytes: int) -> Shuffles | None:
        """Return shuffles that hold the order itself: none is to be repeated.

        They are returned unchanged if the order takes more than ``n_bytes``, or if the
        set is a part of the rows.
        """
        if shuffles is None or self.order is None or self.data.rows is not None:
            return shuffles
        order = _in_few_bytes(self.order)
        if order.nbytes > n_bytes:
            return shuffles
        return shuffles._replace(done=0, start=order)

    def parts(self) -> Iterator[Minibatches]:
        """Yield the parts of an epoch, each of them in memory: here a single one."""
        yield self

    def ranges(self) -> Iterator[range]:
        """Yield the range of each minibatch."""
        for start in range(0, len(self.data), self.size):
            yield range(start, min(start + self.size, len(self.data)))

    def chunks(self, batch: range) -> Iterator[TrainingSet]:
        """Yield the rows of a minibatch; each chunk overwrites the one before."""
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
            X = take(data.X, rows, buffer.X[:m])
        Y, w = take(data.Y, rows, buffer.Y[:m]), None
        if data.w is not None and buffer.w is not None:
            w = take(data.w, rows, buffer.w[:m])
        return TrainingSet(X, Y, w)


def _in_few_bytes(order: Array) -> Array:
    return order.astype(np.min_scalar_type(len(order) - 1))


def rows_like(array: Array, n_rows: int) -> Array:
    return np.empty((n_rows, *array.shape[1:]), dtype=array.dtype)


def take(array: Array, rows: Array, out: Array) -> Array:
    # All rows are within bounds. With mode="raise", NumPy would copy the result.
    return np.take(array, rows, axis=0, out=out, mode="clip")
