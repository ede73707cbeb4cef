"""Threads of the kernels: shares of the work, predictions, errors and Ctrl-C."""

import _thread
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from compiled import ROOM, dtypes, needs_kernels
from kernel_trainings import (
    NETWORKS,
    N,
    assert_same,
    begin,
    build,
    bundled,
    containers,
    epochs_of,
    go,
    gradient,
    held,
    networks,
    solvers,
)
from training import epochs_with

from skoptnet import compiled
from skoptnet.training import TrainingSet, Watcher

pytestmark = needs_kernels


@pytest.mark.each_value
@networks
@solvers
@containers
@pytest.mark.parametrize("hidden", [(), (1,), (33, 9), (900, 40)], ids=str)
@pytest.mark.usefixtures("no_zeros")
def test_threads_share_blocks_of_their_own(
    hidden, container, solver, kind, many_threads, both, monkeypatch
):
    data = held(container, bundled(weighted=True))
    network, options = build(data, hidden, "gelu", **NETWORKS[kind]), {"batch_size": 45}
    threads = epochs_of(network, data, size=45).kernel.n_threads
    assert threads == many_threads
    several, readable = both(go, network, solver, data, 2, **options)
    # Of a pixel that is nearly always white, solvers enlarge what rounding leaves.
    assert_same(network, (several, readable), 1e-7)
    pair = both(gradient, network, data, size=45)
    assert_same(network, [each[::-1] for each in pair])
    monkeypatch.setattr(compiled, "blas_limit", lambda: 1)
    one = go(network, solver, data, 2, **options)
    assert_same(network, (several, one), 1e-8)


@pytest.mark.parametrize(("least", "n_threads"), [(10**9, 1), (1000, 1), (500, 2)])
def test_an_update_takes_no_more_threads_than_it_keeps_busy(
    least, n_threads, monkeypatch
):
    """32 rows by 25 weights are 800 multiplications; 31 steps count as 496.

    64 threads could be had.
    """
    data = TrainingSet(np.ones((40, 4)), np.ones((40, 1)))
    network = build(data, loss="squared_error")
    assert network.n_parameters == 31
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", least)
    monkeypatch.setattr(compiled, "blas_limit", lambda: 64)
    assert epochs_of(network, data).kernel.n_threads == n_threads


@pytest.mark.each_value
@solvers
@pytest.mark.parametrize("hidden", [(), (1,), (33, 9), (900, 40)], ids=str)
def test_several_threads_give_what_one_gives(solver, hidden, many_threads, monkeypatch):
    data = bundled(weighted=True)
    network = build(data, hidden, "gelu")
    for size in (1, 2, 45) if len(hidden) < 2 else (45,):
        pairs = []
        for n in (many_threads, 1):
            monkeypatch.setattr(compiled, "blas_limit", lambda n=n: n)
            assert epochs_of(network, data).kernel.n_threads == n
            one, several = (
                gradient(network, data, size=size)[::-1],
                {"batch_size": size},
            )
            pairs.append((one, go(network, solver, data, 2, **several)))
        for pair, room in zip(zip(*pairs, strict=True), (1e-12, 1e-10), strict=True):
            assert_same(network, pair, room)  # solvers enlarge differences near 0


@dtypes
@pytest.mark.parametrize(
    ("size", "hidden"), [(600, (610, 501)), (37, (1500, 270)), (100, (300,))]
)
def test_threads_share_the_units_of_large_layers(
    size, hidden, dtype, many_threads, monkeypatch
):
    """Each column of a product is summed in the same order, whoever makes it."""
    data = bundled(dtype=dtype, weighted=True, n=700)
    network = build(data, hidden, ["relu", "gelu"])
    several = gradient(network, data, size=size)
    several_updates = go(network, "sgd", data, 1, batch_size=size)
    monkeypatch.setattr(compiled, "blas_limit", lambda: 1)
    one = gradient(network, data, size=size)
    # A sum of m numbers is off by up to m roundings.
    room = max(1e-12, size * float(np.finfo(dtype).eps))
    assert several[0] == pytest.approx(one[0], rel=room)
    assert_same(network, (several[::-1], one[::-1]), ROOM[dtype])
    updates = go(network, "sgd", data, 1, batch_size=size)
    assert_same(network, (several_updates, updates), ROOM[dtype])
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")
    readable = gradient(network, data, size=size)
    assert_same(network, (several[::-1], readable[::-1]), ROOM[dtype])


@dtypes
def test_more_threads_than_panels(dtype, instruction_set, monkeypatch):
    """The last thread packs a whole panel and the columns that remain."""
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", 1)
    data = bundled(dtype=dtype, weighted=True, n=1400)
    network = build(data, (300, 99), "relu")
    several, one = [], []
    for n, results in (13, several), (1, one):
        monkeypatch.setattr(compiled, "blas_limit", lambda n=n: n)
        results += gradient(network, data, size=1400)[::-1]
    assert_same(network, (several, one), ROOM[dtype])


@contextmanager
def other_work():
    """Keep a core busy, and the interpreter."""
    ended = threading.Event()

    def work():
        while not ended.is_set():
            sum(range(1000))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


@dtypes
@pytest.mark.parametrize("hidden", [(610, 501), (300,)], ids=str)
@pytest.mark.parametrize(
    "options", [{"max_grad_norm": 0.1, "dropout": (0.2,)}, {"l1": 0.001}], ids=str
)
def test_every_run_gives_the_same_bits(options, hidden, dtype, many_threads):
    """Whichever thread takes a small piece of the work."""
    data = bundled(dtype=dtype, weighted=True, n=700)
    network = build(data, hidden, "relu")
    if "dropout" in options:
        options = {**options, "dropout": options["dropout"] * len(hidden)}

    def train():
        theta, losses, _ = go(network, "adam", data, 2, batch_size=100, **options)
        return theta.tobytes(), losses

    runs = [train() for _ in range(3)]
    with other_work():
        runs += [train() for _ in range(3)]
    assert all(run == runs[0] for run in runs)


@dtypes
@pytest.mark.usefixtures("guards")
def test_units_that_are_not_dropped_and_shared_by_threads(dtype, many_threads, both):
    """The objective without dropout, by kernels whose updates have it."""
    data = bundled(dtype=dtype, weighted=True)
    network = build(data, (600, 520), "relu")

    def objective():
        optimizer, run = begin(network, "sgd", dtype)
        options = {"batch_size": 20, "dropout": (0.2, 0.5)}
        epochs = epochs_with(network, optimizer, run, data, **options)
        with epochs.objective.threads():
            loss = epochs.objective.loss_and_gradient(run.theta, range(20))
        return epochs.objective.g, [loss]

    assert_same(network, both(objective), ROOM[dtype])


@dtypes
@containers
@pytest.mark.parametrize("some", [False, True], ids=["all", "some"])
def test_several_threads_predict_what_one_predicts(
    some, container, dtype, many_threads, monkeypatch
):
    """Also where blocks of rows are read, or converted, by each thread."""
    monkeypatch.setattr(compiled, "_WORK_OF_A_BLOCK", 1)
    monkeypatch.setattr(compiled, "_ROWS_OF_A_BLOCK", 17)
    data = held(container, bundled())
    network = build(bundled(), (33, 9), "gelu")
    theta = begin(network, "sgd", dtype)[1].theta
    rows = np.random.RandomState(0).permutation(N)[:100] if some else None
    several = compiled.Outputs(network, data.X, rows, theta.dtype)
    assert len(several.passes) == many_threads
    assert several.size == 17
    assert len(compiled.Outputs(network, data.X[:17], None, theta.dtype).passes) == 1
    monkeypatch.setattr(compiled, "blas_limit", lambda: 1)
    one = compiled.Outputs(network, data.X, rows, theta.dtype)
    assert len(one.passes) == 1
    np.testing.assert_array_equal(several(theta), one(theta))
    right = network.outputs(theta, data.X, rows)
    room = ROOM[dtype] / 10 * np.abs(right).max()
    np.testing.assert_allclose(one(theta), right, rtol=0, atol=room)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("where", ["own", "other"])
def test_an_error_in_one_thread_ends_a_prediction(
    where, error, many_threads, monkeypatch
):
    """A second prediction is whole again, and no thread is left."""
    monkeypatch.setattr(compiled, "_ROWS_OF_A_BLOCK", 1)
    monkeypatch.setattr(compiled, "_WORK_OF_A_BLOCK", 1)
    network, before = build(bundled()), threading.enumerate()
    theta = begin(network, "sgd", np.float64)[1].theta
    outputs = compiled.Outputs(network, bundled().X, None, theta.dtype)
    main, fails, readable = threading.current_thread(), [True], compiled.readable

    def failing(*args):
        in_main = threading.current_thread() is main
        while fails and not in_main and where == "own":
            time.sleep(0.001)
        if fails and in_main == (where == "own"):
            fails.clear()
            raise error
        if fails:
            time.sleep(0.001)
        return readable(*args)

    monkeypatch.setattr(compiled, "readable", failing)
    with pytest.raises(error):
        outputs(theta)
    assert threading.enumerate() == before
    right = network.outputs(theta, bundled().X)
    np.testing.assert_allclose(outputs(theta), right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
@pytest.mark.parametrize("where", ["watchers", "validate"])
def test_an_error_leaves_no_thread_behind(error, where, many_threads):
    before, seen = threading.enumerate(), []

    def fail(_):
        seen.append(len(threading.enumerate()) - len(before))
        if len(seen) == 3:
            raise error
        return {"validation_score": 0.0, "validation_loss": 0.0}

    class Failing(Watcher):
        def after_epoch(self, metrics):
            fail(metrics)

    def end():
        option = {where: [Failing()] if where == "watchers" else fail}
        return go(build(bundled()), "adam", bundled(), **option)[2].reason

    if error is KeyboardInterrupt:
        assert end() == "interrupted"
    else:
        with pytest.raises(error):
            end()
    assert seen == [many_threads - 1] * 3
    assert threading.enumerate() == before


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("size", [256, 60_000])
def test_ctrl_c_is_heard_within_an_epoch(size, many_threads):
    """The one epoch takes much longer than the half second until it comes."""
    data = bundled(n=1500)
    data = TrainingSet(np.tile(data.X, (40, 1)), np.tile(data.Y, 40))
    before, timer = threading.enumerate(), threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        go(build(data, (3000, 300)), "sgd", data, 1, batch_size=size)
    timer.join()
    assert threading.enumerate() == before


@pytest.mark.each_pair
@containers
@dtypes
@pytest.mark.parametrize("shuffle", [False, True])
def test_rows_targets_and_weights_are_only_read(
    container, dtype, shuffle, many_threads
):
    before = held(container, bundled(dtype=dtype, weighted=True))
    data = TrainingSet(*(array.copy() for array in (before.X, before.Y, before.w)))
    parts = ("data", "indices", "indptr") if container != "dense" else ()
    arrays = [getattr(data.X, part) for part in parts] or [data.X]
    for array in (*arrays, data.Y, data.w):
        array.flags.writeable = False
    network = build(data)
    theta = go(network, "adam", data, 2, shuffle=shuffle)[0]
    compiled.outputs(network, theta, data.X)
    assert abs(data.X - before.X).max() == 0
    np.testing.assert_array_equal(data.Y, before.Y)
    np.testing.assert_array_equal(data.w, before.w)


def test_tiny_numbers_are_numbers_again_after_training(many_threads):
    go(build(bundled()), "adam", bundled(), 2)
    assert (np.full(5, 1e-310) * 0.5 > 0).all()
