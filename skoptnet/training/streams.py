"""Streams: a training set that is read block by block, again in every epoch.

It may have more rows than fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np
from scipy.sparse import issparse, vstack

from .._types import Array
from ..compiled import shuffle_into
from .minibatches import Minibatches, TrainingSet, rows_like, take
from .run import Run


class Stream(TrainingSet):
    """A training set whose rows are read block by block.

    Its X, Y and w are those of a sample. They serve where the kind of the rows counts:
    their dtype, and whether they are sparse. Its length is the number of all rows.

    Parameters
    ----------
    read : callable
        Takes numbers of blocks, or None for all blocks in the order given; returns an
        iterator over these blocks, each a `TrainingSet`. Blocks without a row to train
        on are left out.
    sizes : intp array of shape (n_blocks,)
        Number of rows to train on in each block.
    sample : TrainingSet
        Some rows.
    seed : int in [0, 2**64)
        The seed of the shuffles.
    n_mixed : int
        Number of blocks whose rows are shuffled together.
    any_order : bool
        Whether ``read`` takes numbers of blocks.
    """

    def __init__(
        self,
        read: Callable[[Sequence[int] | None], Iterator[TrainingSet]],
        sizes: Array,
        sample: TrainingSet,
        *,
        seed: int = 0,
        n_mixed: int = 1,
        any_order: bool = False,
    ):
        super().__init__(sample.X, sample.Y, sample.w)
        self.read, self.sizes = read, sizes
        self.seed, self.n_mixed, self.any_order = seed, n_mixed, any_order

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def minibatches(
        self, size: int, shuffle: bool, chunk: int, run: Run
    ) -> StreamBatches:
        return StreamBatches(self, size, shuffle, chunk, run)


class StreamBatches(Minibatches):
    """The minibatches of a stream, in parts that are in memory one after the other.

    A part is a block, or several that are shuffled together, cut where a minibatch
    ends. The rows after the cut are the first ones of the next minibatch, which is a
    part of its own. So the minibatches are those of the same rows in memory.

    With ``shuffle``, each epoch takes the blocks in another order, if they can be read
    in any order, and shuffles the rows of ``n_mixed`` consecutive blocks together: this
    is CorgiPile (`Xu et al., 2022 <https://doi.org/10.1145/3514221.3526150>`__). The
    order depends on the seed and the number of the epoch only.

    If there is one minibatch per epoch, its gradient is added up block by block
    (`spans_parts`), in the order given.

    Parameters
    ----------
    stream : Stream
        The training set.
    size, shuffle, chunk
        As for `Minibatches`.
    run : Run
        Counts the epochs.
    """

    in_memory = False

    def __init__(self, stream: Stream, size: int, shuffle: bool, chunk: int, run: Run):
        self.stream, self.run, self.data = stream, run, stream
        self.size, self.chunk = min(size, len(stream)), chunk
        self.n_updates = -(-len(stream) // self.size)
        self.spans_parts = self.n_updates == 1
        self.shuffles = shuffle and not self.spans_parts
        self.n_shuffled, self.order = 0, None
        n_mixed = stream.n_mixed if self.shuffles else 1
        self._mixed: Pool | None = None
        if n_mixed > 1:
            self._mixed = Pool(int(np.sort(stream.sizes)[-n_mixed:].sum()), stream)
        self._rest: Pool | None = None

    def parts(self) -> Iterator[Minibatches]:
        if self.spans_parts:
            for block in self.stream.read(None):
                yield Minibatches(block, len(block), False, self.chunk)
            return
        if self._rest is None:
            self._rest = Pool(self.size, self.stream)
        rest = self._rest
        rest.n = 0
        for rows in self._shuffled() if self.shuffles else self.stream.read(None):
            # The first rows complete the minibatch that the rows before have begun.
            start = min(self.size - rest.n, len(rows)) if rest.n else 0
            rest.add(rows.part(0, start))
            if rest.n == self.size:
                yield self._part(rest.taken())
            if rest.n:  # these rows were too few to complete it
                continue
            # Whole minibatches are not copied; the rows after them begin the next one.
            stop = start + (len(rows) - start) // self.size * self.size
            if start < stop:
                yield self._part(rows.part(start, stop))
            rest.add(rows.part(stop, len(rows)))
        if rest.n:
            yield self._part(rest.taken())

    def _part(self, rows: TrainingSet) -> Minibatches:
        return Minibatches(rows, self.size, False, self.chunk)

    def _shuffled(self) -> Iterator[TrainingSet]:
        """Yield the rows of one or several blocks at a time, in the epoch's order."""
        stream, seed = self.stream, self.stream.seed
        rng = np.random.RandomState([seed % 2**32, seed >> 32, self.run.epoch])
        numbers = np.flatnonzero(stream.sizes)
        rng.shuffle(numbers)
        in_order = numbers.tolist() if stream.any_order else None
        for rows in self._mixtures(stream.read(in_order)):
            order = np.arange(len(rows)) if rows.rows is None else rows.rows.copy()
            shuffle_into(order[np.newaxis], order, rng)
            yield rows.subset(order)

    def _mixtures(self, blocks: Iterator[TrainingSet]) -> Iterator[TrainingSet]:
        """Yield ``n_mixed`` blocks at a time as one; the last ones may be fewer."""
        pool = self._mixed
        if pool is None:
            yield from blocks
            return
        pool.n = 0
        counter = count(1)  # enumerate would keep the block until the next one is read
        for block in blocks:
            pool.add(block)
            del block
            if next(counter) % self.stream.n_mixed == 0:
                yield pool.taken()
        if pool.n:
            yield pool.taken()


class Pool:
    """Rows of several blocks, copied into one.

    Parameters
    ----------
    capacity : int
        Maximum number of rows.
    like : TrainingSet
        Rows of the same kind.

    Attributes
    ----------
    n : int
        Number of rows in the pool.
    """

    def __init__(self, capacity: int, like: TrainingSet):
        self.n = 0
        self._sparse: list = []
        self._X = None if issparse(like.X) else rows_like(like.X, capacity)
        self._Y = rows_like(like.Y, capacity)
        self._w = None if like.w is None else rows_like(like.w, capacity)

    def add(self, data: TrainingSet) -> None:
        """Add a copy of the rows of a set, in their order."""
        if not len(data):
            return
        if self.n == 0:
            self._sparse.clear()
        place = slice(self.n, self.n + len(data))
        for values, pooled in zip(
            (data.X, data.Y, data.w), (self._X, self._Y, self._w), strict=True
        ):
            if pooled is None:
                continue
            if data.rows is None:
                pooled[place] = values
            else:
                take(values, data.rows, pooled[place])
        if self._X is None:
            self._sparse.append(data.select(data.X))
        self.n += len(data)

    def taken(self) -> TrainingSet:
        """Return the rows and empty the pool; `add` overwrites the rows."""
        rows, self.n = slice(self.n), 0
        X = vstack(self._sparse, format="csr") if self._X is None else self._X[rows]
        return TrainingSet(X, self._Y[rows], None if self._w is None else self._w[rows])
