"""The order of the rows is that of NumPy's own shuffle, whoever shuffles."""

import numpy as np
import pytest
from numpy.random import MT19937, PCG64, RandomState

from skoptnet import _kernels
from skoptnet.compiled import shuffle_into

sources = pytest.mark.parametrize("source", [MT19937, PCG64])


def check(ours, theirs, n, times=3):
    order, orders = np.arange(n), np.full((times, n), -1)
    shuffle_into(orders, order, ours)
    expected = np.arange(n)
    for shuffled in orders:
        theirs.shuffle(expected)
        np.testing.assert_array_equal(shuffled, expected)
    np.testing.assert_array_equal(order, expected)
    # Both go on with the same numbers.
    assert ours.randint(2**62) == theirs.randint(2**62)


@sources
@pytest.mark.parametrize("n", [*range(20), 63, 64, 65, 127, 128, 129, 1000, 70_001])
def test_shuffles_are_those_of_numpy(n, source):
    for seed in range(3):
        check(RandomState(source(seed)), RandomState(source(seed)), n)


def test_shuffles_are_those_of_numpy_without_kernels(monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")
    check(RandomState(0), RandomState(0), 50)


def test_numpys_own_source_of_random_numbers_is_shared():
    """It is one object for all of the process, and stays it."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(3)  # noqa: NPY002
        check(np.random.mtrand._rand, RandomState(3), 50)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_shuffling_in_place_makes_no_copy():
    order, expected = np.arange(50), np.arange(50)
    shuffle_into(order[np.newaxis], order, RandomState(1))
    RandomState(1).shuffle(expected)
    np.testing.assert_array_equal(order, expected)


class Backwards(RandomState):
    """A source with a shuffle of its own."""

    def shuffle(self, x):
        x[...] = x[::-1].copy()


def test_a_shuffle_of_ones_own_is_called():
    order = np.arange(5)
    shuffle_into(order[np.newaxis], order, Backwards(0))
    assert order.tolist() == [4, 3, 2, 1, 0]


@pytest.mark.skipif(not _kernels.enabled(), reason="tells whether the kernel is used")
@pytest.mark.parametrize(
    "rng", [RandomState(0), np.random.mtrand._rand], ids=["own", "numpys"]
)
def test_the_kernel_is_used(rng, monkeypatch):
    """NumPy keeps the source of the bits in a private attribute: is it there?"""
    called = []
    monkeypatch.setattr(_kernels.shuffles, "shuffle_into", lambda *a: called.append(a))
    order = np.arange(5)
    shuffle_into(order[np.newaxis], order, rng)
    assert len(called) == 1
