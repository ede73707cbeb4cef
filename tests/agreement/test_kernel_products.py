"""The matrix products of the kernels: sizes, memory layouts and blocks of all kinds."""

import numpy as np
import pytest
from compiled import ROOM, dtypes, losses, needs_kernels
from kernel_trainings import (
    NETWORKS,
    N,
    assert_same,
    build,
    bundled,
    containers,
    go,
    gradient,
    held,
    networks,
    solvers,
)
from problems import DIGITS

from skoptnet import compiled
from skoptnet.training import TrainingSet

pytestmark = needs_kernels

WIDTHS = [1, 3, 7, 15, 16, 17, 33, 65, 100]  # around the numbers in a vector
SIZES = [1, 2, 3, 5, 6, 8, 11, 12, 13, 31, 100]  # around the rows of a tile


@pytest.mark.each_value
@containers
@pytest.mark.parametrize("hidden", [(), (3, 17, 7), *[(k,) for k in WIDTHS]], ids=str)
def test_batches_layers_and_containers_of_all_sizes(hidden, container, both):
    for i, size in enumerate((1, 2, 5, 31, 200)):
        data = held(container, bundled(weighted=i % 2 == 0))
        network, options = build(data, hidden), {"batch_size": size, "n": 2}
        for shuffle in (False, True):
            pair = both(go, network, "momentum", data, shuffle=shuffle, **options)
            assert_same(network, pair)


@pytest.mark.each_value
@containers
@solvers
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_larger_than_a_block(solver, shuffle, container, both, monkeypatch):
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 17 * 64)
    data = held(container, bundled("multilabel", weighted=True))
    network = build(data, (9, 4), "mish", "multilabel")
    assert network.block_rows(data.X) < 60
    pair = both(go, network, solver, data, batch_size=60, shuffle=shuffle)
    assert_same(network, pair)


@pytest.mark.each_pair
@dtypes
@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 9, 15, 16, 17, 33, 64, 65, 129, 263])
@pytest.mark.parametrize("pieces", [False, True])
def test_layers_of_all_widths(pieces, k, dtype, instruction_set, both, monkeypatch):
    """Columns go by vectors, of which the last overlaps the one before."""
    if pieces:  # whose gradients are added up
        monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 17 * max(k, 64))
    data = bundled(dtype=dtype)
    network = build(data, (k, 3))
    pair = both(gradient, network, data, size=60)
    assert_same(network, [one[::-1] for one in pair], ROOM[dtype])


@pytest.mark.each_pair
@losses
@dtypes
def test_every_instruction_set_makes_the_same_gradients(
    instruction_set, dtype, loss, both
):
    data = bundled(loss, dtype, weighted=True)
    for i, k in enumerate(WIDTHS):
        network = build(data, (k, WIDTHS[i - 6]), "logistic", loss)
        for m in SIZES if loss == "multiclass" else SIZES[i::5]:
            order = np.random.RandomState(m).permutation(N) if m > 1 else None
            pair = both(gradient, network, data, size=m, order=order)
            assert_same(network, [one[::-1] for one in pair], ROOM[dtype])


def shifted(array, n):
    """Return a copy that begins n numbers after a cache line."""
    room = np.empty(array.size + n + 64, array.dtype)
    begin = -room.ctypes.data % 64 // array.itemsize + n
    copy = room[begin : begin + array.size].reshape(array.shape)
    copy[...] = array
    return copy


@dtypes
@pytest.mark.parametrize("n", [0, 1, 2, 5, 7])
def test_arrays_begin_at_any_number(n, dtype, instruction_set):
    data = bundled("multilabel", dtype, weighted=True)
    moved = TrainingSet(*[shifted(array, n) for array in (data.X, data.Y, data.w)])
    network = build(data, (33, 17), ["relu", "gelu"], "multilabel")
    trained = [go(network, "adam", rows, 3, shuffle=False) for rows in (moved, data)]
    assert_same(network, trained, ROOM[dtype])
    theta = trained[1][0]
    z = compiled.outputs(network, shifted(theta, n), moved.X)
    right = network.outputs(theta, data.X)
    np.testing.assert_allclose(z, right, rtol=0, atol=ROOM[dtype])


@pytest.mark.each_pair
@dtypes
@pytest.mark.parametrize("n_classes", range(3, 14))
def test_every_number_of_classes(n_classes, dtype, instruction_set, both):
    X = bundled(dtype=dtype).X
    data = TrainingSet(X, np.arange(N) % n_classes)
    pair = both(gradient, build(data), data, size=100)
    assert_same(build(data), [one[::-1] for one in pair], ROOM[dtype])


# Rows per batch, columns and hidden layers: gradients in several blocks (of 12 rows at
# the least), products left to BLAS, more features or rows than a panel is long.
WIDE = [(5, 64, (1100, 100)), (40, 64, (6000, 20)), (100, 64, (6000, 20))]
WIDE += [(128, 64, (300, 300)), (31, 2100, (40, 150)), (2200, 64, (30,))]


def wide_rows(size, d):
    X = np.tile(DIGITS.data / 16, (2, 1))[: max(100, size + 40)]
    X = np.hstack([X, *(X * np.roll(X, i, axis=1) for i in range(32))])[:, :d].copy()
    return TrainingSet(X, np.tile(DIGITS.target, 2)[: len(X)])


@pytest.mark.each_pair
@networks
@pytest.mark.parametrize("solver", ["sgd", "adam", "nesterov", "schedule_free_adamw"])
@pytest.mark.parametrize(("size", "d", "hidden"), WIDE)
@pytest.mark.usefixtures("no_zeros")
def test_wide_layers_with_blocks_of_their_own(
    size, d, hidden, solver, kind, instruction_set, both
):
    data = wide_rows(size, d)
    network = build(data, hidden, "relu", **NETWORKS[kind])
    # Adam's first steps are signs of gradients, which rounding turns near 0.
    room = 1e-9 if solver in ("sgd", "nesterov") else 1e-5
    pair = both(go, network, solver, data, 1, batch_size=size)
    assert_same(network, pair, room)


@pytest.mark.each_pair
@dtypes
@pytest.mark.usefixtures("guards")
@pytest.mark.parametrize("m", [1, 2, 3, 5, 7, 11, 13, 50])
@pytest.mark.parametrize("n_outputs", [1, 2, 3, 5, 7, 9, 17, 31, 33, 65])
def test_products_of_all_sizes(n_outputs, m, dtype, instruction_set, both):
    """Narrow and short ones, and those of a gradient that is packed, too."""
    data = bundled("squared_error", dtype=dtype)
    rng = np.random.RandomState(n_outputs)
    data = TrainingSet(data.X, rng.standard_normal((N, n_outputs)).astype(dtype))
    for hidden in [(), (m,), (n_outputs, 70 * m)]:
        network = build(data, hidden, "tanh", "squared_error")
        pair = both(gradient, network, data, size=m)
        assert_same(network, [one[::-1] for one in pair], ROOM[dtype])


@pytest.mark.each_pair
@dtypes
@pytest.mark.usefixtures("guards")
@pytest.mark.parametrize("m", [1, 7, 13, 24, 110])
@pytest.mark.parametrize("d", [1, 8, 9, 17])
@pytest.mark.parametrize("hidden", [(1024,), (512, 1024)])
def test_rows_4096_bytes_apart(hidden, d, m, dtype, instruction_set, both):
    """They compete for places in a cache; so some products go by rows, or pack b."""
    rng = np.random.RandomState(d)
    X, Y = (rng.standard_normal((m, k)).astype(dtype) for k in (d, 10))
    data = TrainingSet(X, Y)
    network = build(data, hidden, "relu", "squared_error")
    pair = both(gradient, network, data, size=m)
    assert_same(network, [one[::-1] for one in pair], ROOM[dtype])


@pytest.mark.parametrize(("size", "d", "hidden"), WIDE)
def test_wide_layers_in_blocks_and_by_blas(size, d, hidden, instruction_set, both):
    data = wide_rows(size, d)
    network = build(data, hidden, "relu")
    for solver in ("sgd", "nesterov"):
        assert_same(network, both(go, network, solver, data, 1, batch_size=size))
