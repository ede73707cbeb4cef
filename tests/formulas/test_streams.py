"""Streams: parts and minibatches of blocks, and the order of their rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, issparse

from skoptnet.optimizers import SGD
from skoptnet.training import Run, Stream, TrainingSet

SIZES = (7, 1, 30, 2, 16, 16, 5)


def stream_of(sizes=SIZES, sparse=False, rows=None, **settings):
    """Return a stream of numbered rows; each block has those of ``rows``, or all."""
    ends = np.cumsum(sizes)
    X = np.arange(1.0, ends[-1] + 1)[:, np.newaxis]
    blocks = [
        TrainingSet(csr_array(part) if sparse else part, part, part[:, 0], rows)
        for part in np.split(X, ends[:-1])
    ]

    def read(numbers):
        for i in range(len(blocks)) if numbers is None else numbers:
            yield blocks[i]

    kept = [len(block) for block in blocks]
    return Stream(read, np.array(kept), blocks[0], **settings)


def run_of(epoch=0):
    run = Run.new(np.zeros(1), SGD(), np.random.RandomState(0), np)
    run.epoch = epoch
    return run


def minibatches(stream, size, shuffle=False, epoch=0):
    """Return the numbers of the rows of each minibatch."""
    found = []
    for part in stream.minibatches(size, shuffle, 1000, run_of(epoch)).parts():
        for batch in part.ranges():
            (rows,) = part.chunks(batch)
            X = rows.X.toarray() if issparse(rows.X) else rows.X
            assert (X == rows.Y).all()
            assert (X[:, 0] == rows.w).all()
            found.append(X[:, 0].astype(int).tolist())
    return found


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=12),
    size=st.integers(1, 30),
    sparse=st.booleans(),
)
def test_minibatches_are_those_of_the_rows_in_order(sizes, size, sparse):
    n = sum(sizes)
    expected = [list(range(a + 1, min(a + size, n) + 1)) for a in range(0, n, size)]
    stream = stream_of(sizes, sparse)
    batches = stream.minibatches(size, False, 1000, run_of())
    assert batches.n_updates == len(expected)
    if batches.spans_parts:
        expected = np.split(np.arange(1, n + 1), np.cumsum(sizes)[:-1])
        expected = [part.tolist() for part in expected]
    assert minibatches(stream, size) == expected


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("n_mixed", [1, 2, 3, 20])
def test_an_epoch_has_each_row_once(n_mixed, any_order, sparse):
    stream = stream_of(sparse=sparse, n_mixed=n_mixed, any_order=any_order, seed=3)
    orders = set()
    for epoch in range(4):
        batches = minibatches(stream, 10, True, epoch)
        assert [len(batch) for batch in batches] == [10] * 7 + [7]
        order = tuple(np.concatenate(batches))
        assert sorted(order) == list(range(1, 78))
        orders.add(order)
        assert order == tuple(np.concatenate(minibatches(stream, 10, True, epoch)))
    assert len(orders) == 4
    other = stream_of(sparse=sparse, n_mixed=n_mixed, any_order=any_order, seed=4)
    assert tuple(np.concatenate(minibatches(other, 10, True))) not in orders


def blocks_of(batches):
    return np.searchsorted(np.cumsum(SIZES), np.concatenate(batches)).tolist()


def test_blocks_that_cannot_be_chosen_keep_their_order():
    stream = stream_of(n_mixed=3)
    for epoch in range(3):
        groups = np.array(blocks_of(minibatches(stream, 10, True, epoch))) // 3
        assert (np.diff(groups) >= 0).all()


def test_rows_of_some_blocks_are_mixed():
    """Over many epochs, each block is mixed with each other, and comes at any time."""
    stream, together, first = stream_of(n_mixed=2, any_order=True), set(), set()
    for epoch in range(60):
        order = blocks_of(minibatches(stream, 10, True, epoch))
        first.add(order[0])
        last = [max(np.flatnonzero(np.array(order) == b)) for b in range(7)]
        start = [order.index(b) for b in range(7)]
        groups = [
            {b, c} for b in range(7) for c in range(7)
            if b != c and start[b] < last[c] and start[c] < last[b]
        ]  # fmt: skip
        # Rows of single-row blocks may lie at an end of their group.
        assert all(sum(b in group for group in groups) <= 2 for b in range(7))
        together |= {frozenset(group) for group in groups}
    assert first == set(range(7))
    assert len(together) == 7 * 6 / 2


def test_rows_are_shuffled_uniformly():
    """Each of the rows of a block is first in the block equally often."""
    stream = stream_of((6,) * 2, any_order=True)
    firsts = [minibatches(stream, 5, True, epoch)[0][0] for epoch in range(600)]
    counts = np.bincount(firsts, minlength=13)[1:]
    assert abs(counts - 50).max() < 30  # deviation 6.8


@pytest.mark.parametrize("shuffle", [False, True])
def test_some_rows_of_each_block(shuffle):
    rows = np.array([3, 1])
    stream = stream_of((5, 5, 5), rows=rows, n_mixed=2)
    assert len(stream) == 6
    found = minibatches(stream, 4, shuffle)
    assert sorted(np.concatenate(found)) == [2, 4, 7, 9, 12, 14]
    if not shuffle:
        assert found == [[4, 2, 9, 7], [14, 12]]
