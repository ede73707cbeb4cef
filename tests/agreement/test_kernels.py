"""The compiled kernels against the readable formulas, which define what is right."""

import _thread
import threading
import time
from functools import cache, partial
from inspect import signature
from itertools import cycle, islice
from random import Random

import numpy as np
import pytest
from compiled import (
    JUMPING,
    NUMBERS,
    ROOM,
    RULES,
    SIGMAS,
    activations,
    dtypes,
    losses,
    needs_kernels,
)
from problems import CANCER, DIABETES, DIGITS, peak_of
from quick_schedules import QUICK
from scipy.sparse import csr_array
from sklearn.preprocessing import scale
from training import epochs_with, new_run, train_with

from skoptnet import MLPClassifierX, _kernels, compiled
from skoptnet.activations import ACTIVATIONS
from skoptnet.dropout import Dropout, numbers
from skoptnet.losses import (
    LOSSES,
    Pinball,
)
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.optimizers.update import _BLOCK
from skoptnet.parametrizations import NTK
from skoptnet.schedules import SCHEDULES
from skoptnet.training import Diverged, TrainingSet, Watcher
from skoptnet.training.epochs import FormulaUpdates

pytestmark = needs_kernels

WIDTHS = [1, 3, 7, 15, 16, 17, 33, 65, 100]  # around the numbers in a vector
SIZES = [1, 2, 3, 5, 6, 8, 11, 12, 13, 31, 100]  # around the rows of a tile
N = 131  # rows: four batches of 32 and one of 3

MIXTURES = [
    ("relu", "gelu"),
    ("leaky_relu 0.3", "elu 0.5", "mish"),
    ("softplus", "leaky_relu", "silu", "selu"),
    ("identity", "elu", "tanh", "elu 0.5", "logistic"),
]
MIXED_PAIRS = [("relu", "gelu"), ("elu 0.5", "tanh"), ("mish", "logistic")]

#: The solvers that have a kernel of their own.
MADE = sorted(name for name in OPTIMIZERS if _kernels.kernel_of(OPTIMIZERS[name]()))

solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
mixtures = pytest.mark.parametrize("mixture", MIXTURES, ids="-".join)


def pairs(*tables):
    """Return combinations in which every entry of every table is met."""
    n = max(map(len, tables))
    return list(islice(zip(*map(cycle, tables), strict=False), n))


def sparse(X, index=np.int32):
    rows = csr_array(np.where(np.abs(X) > 0.5, X, 0))
    rows.indices, rows.indptr = rows.indices.astype(index), rows.indptr.astype(index)
    return rows


CONTAINERS = {"dense": np.asarray, "int32": sparse, "int64": lambda X: sparse(X, "i8")}
containers = pytest.mark.parametrize("container", CONTAINERS)


@pytest.fixture
def both(monkeypatch):
    """Calls a function with the kernels and without them."""

    def results(function, *args, **options):
        kernels = function(*args, **options)
        with monkeypatch.context() as patch:
            patch.setenv("SKOPTNET_KERNELS", "0")
            return kernels, function(*args, **options)

    return results


@pytest.fixture(params=[2, 3])
def many_threads(request, monkeypatch):
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", 1)
    monkeypatch.setattr(compiled, "blas_limit", lambda: request.param)
    return request.param


@cache
def bundled(loss="multiclass", dtype=np.float64, weighted=False, n=N):
    bunch = DIABETES if loss in NUMBERS else CANCER if "binary" in loss else DIGITS
    X, y = scale(bunch.data)[:n].astype(dtype), bunch.target[:n]
    Y = np.column_stack([y > 0, y % 3 == 0, y > 4]).astype(dtype)
    if loss in NUMBERS:
        Y = targets(loss, scale(np.column_stack([y, y * X[:, 0]]))).astype(dtype)
    w = np.random.RandomState(1).uniform(0, 3, n)
    w[::7] = 0
    Y = y if "multiclass" in loss else Y[:, :1].copy() if "binary" in loss else Y
    return TrainingSet(X, Y, (w / w.mean()).astype(dtype) if weighted else None)


def targets(loss, y):
    """Return numbers that the loss can have, at a distance where its slope jumps."""
    if loss in JUMPING:
        y = y + 5 * np.sign(y)
    y = {"poisson": np.floor(np.exp(y)), "gamma": np.exp(y)}.get(loss, y)
    return y[:, :1].copy() if loss == "quantiles" else y


def held(container, data):
    return TrainingSet(CONTAINERS[container](data.X), data.Y, data.w)


def build(data, hidden=(5,), activation="tanh", loss="multiclass", **options):
    k = data.Y.max() + 1 if data.Y.ndim == 1 else data.Y.shape[1]
    rule = RULES[loss]
    k = rule.n_outputs(k) if loss in NUMBERS else k
    sizes = (data.X.shape[1], *hidden, int(k))
    if isinstance(activation, str):
        activation = [activation] * max(1, len(hidden))
    sigmas = tuple(SIGMAS[name] for name in activation)
    return Network(sizes, sigmas, rule, l2=0.01, **options)


def begin(network, solver, dtype, rng=0, **parameters):
    optimizer = OPTIMIZERS[solver](**parameters)
    return optimizer, new_run(network, optimizer, dtype, rng)


def epochs_of(network, data, solver="adam", size=32, order=True):
    optimizer, run = begin(network, solver, data.X.dtype)
    given = order if isinstance(order, np.ndarray) else None
    return epochs_with(
        network, optimizer, run, data, order is not None, given, batch_size=size
    )


def gradient(network, data, **options):
    """Return the objective of the first minibatch and its gradient."""
    epochs = epochs_of(network, data, **options)
    objective = epochs.objective
    with objective.threads(), np.errstate(all="ignore"):  # as in training
        batch = range(epochs.batches.size)
        return objective.loss_and_gradient(epochs.run.theta, batch), objective.g


def go(
    network, solver, data, n=10, schedule="constant", known=True, own=None, average=0.0,
    **options,
):  # fmt: skip
    """Train, with kernels where they are on; return theta, losses and outcome."""
    parameters = {"average": average} if average else {}
    optimizer, run = begin(network, solver, data.X.dtype, **parameters)
    knows = compiled.Kernel.knows(network, run.theta, data)
    assert knows == (_kernels.enabled() and known)
    # Above, differences of rounding grow from epoch to epoch.
    rate = min(optimizer.default_learning_rate, 0.03)
    defaults = {"batch_size": 32, "learning_rate": rate}
    options = {**defaults, "tol": 0, "patience": np.inf, "max_epochs": n, **options}
    optimizer, rates = own or optimizer, SCHEDULES[schedule](**QUICK.get(schedule, {}))
    outcome = train_with(network, optimizer, rates, run, data, **options)
    return run.theta, run.metrics()["loss"], outcome


def assert_same(network, pair, tolerance=1e-9):
    """Compare theta, or gradients, layer by layer, and the losses one by one."""
    (kernels, losses, *_), (readable, expected, *_) = pair
    assert np.isfinite(readable).all()
    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    least = 0.01 * np.abs(readable).max()
    layers = zip(network.layers(kernels), network.layers(readable), strict=True)
    arrays = [arrays for layer in layers for arrays in zip(*layer, strict=True)]
    if network.input_scaling:
        arrays.append((network.scales(kernels), network.scales(readable)))
    for a, b in arrays:
        room = tolerance * max(np.abs(b).max(), least)
        np.testing.assert_allclose(a, b, rtol=0, atol=room)


@pytest.mark.each_value
@activations
@losses
def test_trainings_are_those_of_the_formulas(activation, loss, both):
    """The textbook's solvers meet every activation and every loss on the way."""
    place = list(SIGMAS).index(activation) + list(RULES).index(loss)
    solver = sorted(TEXTBOOK)[place % len(TEXTBOOK)]
    for i, (dtype, room) in enumerate(ROOM.items()):
        data = bundled(loss, dtype, weighted=(place // len(TEXTBOOK) + i) % 2 == 0)
        network = build(data, (6, 5), activation, loss)
        n = 50 if OPTIMIZERS[solver].full_batch else 10
        assert_same(network, both(go, network, solver, data, n), room)


@containers
@mixtures
def test_layers_may_differ(mixture, container, both):
    for loss, weighted in (("multiclass", True), ("huber", False)):
        data = held(container, bundled(loss, weighted=weighted))
        network = build(data, (9, 17, 8, 5, 7)[: len(mixture)], mixture, loss)
        assert_same(network, both(go, network, "momentum", data))


@pytest.mark.each_value
@containers
@losses
def test_losses_of_many_rows(loss, container, both):
    """More rows than a loss takes at a time."""
    data = held(container, bundled(loss, weighted=True, n=431))
    network, order = build(data, loss=loss), np.random.RandomState(0).permutation(431)
    for size in (20, 300, 430):
        for rows in (order, None):
            pair = both(gradient, network, data, size=size, order=rows)
            assert_same(network, [one[::-1] for one in pair])


def test_many_quantiles(both):
    levels = tuple(np.linspace(0.001, 0.999, 300))
    data = TrainingSet(bundled().X, scale(bundled().X[:, :1] + bundled().X[:, 5:6]))
    network = Network((64, 300), (SIGMAS["relu"],), Pinball(levels))
    pair = both(gradient, network, data, size=100)
    assert_same(network, [one[::-1] for one in pair])


@pytest.mark.each_value
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@solvers
def test_rates_are_those_of_the_schedule(solver, schedule, both):
    network = build(bundled())
    # After more epochs, rounding shows in the weights of a pixel that is nearly always
    # white: their steps are too long for them, and errors grow from each to the next.
    assert_same(network, both(go, network, solver, bundled(), 21, schedule))


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
@dtypes
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 17, 100, 1100])
def test_masks_are_those_of_the_formulas(k, dtype, instruction_set):
    dropout, x = Dropout((0.5, 0.3), 2**64 - 3), np.random.RandomState(0).randn(300, k)
    x = x.astype(dtype)
    for first, m in ((0, 1), (5, 7), (2**40, 300)):
        for layer in (0, 1):
            (key,) = numbers(dropout.seed, range(9, 10)).tolist()
            (key,) = numbers(key, range(layer + 1, layer + 2)).tolist()
            mask = dropout.mask(8, layer, range(first, first + m), k, dtype)
            values, scale = x[:m].copy(), 1 / (1 - dropout.rates[layer])
            threshold = dropout.threshold(layer)
            _kernels.loops.drop(values, key, first, threshold, scale, instruction_set)
            np.testing.assert_array_equal(values, x[:m] * mask)


# Of each hidden layer; one may be left whole.
DROPPED = [(0.5, 0.2), (0.0, 0.3), (0.4, 0.0)]


@pytest.mark.each_value
@solvers
@containers
@pytest.mark.parametrize("block", [2**20, 17 * 64])
def test_dropout_is_that_of_the_formulas(
    block, container, solver, both, many_threads, monkeypatch
):
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", block)
    data = held(container, bundled(weighted=True))
    for rates, mixture in zip(DROPPED, MIXED_PAIRS, strict=True):
        network, options = build(data, (9, 6), mixture), {"dropout": rates, "n": 3}
        pair = both(go, network, solver, data, batch_size=50, **options)
        assert_same(network, pair)
        whole = go(network, solver, data, 3, batch_size=50)
        assert np.abs(whole[0] - pair[0][0]).max() > 1e-4
    pair = both(go, network, solver, data, max_grad_norm=0.5, **options)
    assert_same(network, pair)


@pytest.mark.each_value
@activations
@dtypes
def test_dropout_of_every_activation(activation, dtype, both):
    data = bundled(dtype=dtype)
    network, options = build(data, (6, 5), activation), {"dropout": (0.3, 0.5)}
    pair = both(go, network, "momentum", data, n=5, **options)
    assert_same(network, pair, ROOM[dtype])


def test_going_on_after_another_solver_takes_the_next_masks(both):
    """Their number is that of the updates of the run, whatever the solver counts."""

    def masks_of_second_call():
        model = MLPClassifierX(
            (6,), solver="sgd", dropout=0.5, warm_start=True, max_iter=2, tol=0,
            random_state=0, batch_size=40,
        )  # fmt: skip
        X, y = bundled().X, bundled().Y
        model.fit(X, y).set_params(solver="adam").fit(X, y)
        return model._run.theta, model.loss_curve_

    kernels, readable = both(masks_of_second_call)
    np.testing.assert_allclose(kernels[0], readable[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(kernels[1], readable[1], rtol=1e-9)


@containers
@pytest.mark.parametrize("size", [20, 50, 200])
def test_rows_that_do_not_belong_to_the_set(container, size, both):
    whole = held(container, bundled(weighted=True))
    rows = np.flatnonzero(np.arange(N) % 3)[::-1].copy()
    data = TrainingSet(whole.X, whole.Y, whole.w, rows)
    network = build(data)
    for shuffle in (False, True):
        pair = both(go, network, "adam", data, batch_size=size, shuffle=shuffle)
        assert_same(network, pair)


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


@pytest.mark.each_pair
@solvers
@dtypes
def test_every_instruction_set_makes_the_same_updates(
    instruction_set, dtype, solver, both
):
    data = bundled("binary", dtype)
    network = build(data, (33, 7), loss="binary")
    assert_same(network, both(go, network, solver, data, 5), ROOM[dtype])


# Rows per batch, columns and hidden layers: gradients in several blocks (of 12 rows at
# the least), products left to BLAS, more features or rows than a panel is long.
WIDE = [(5, 64, (1100, 100)), (40, 64, (6000, 20)), (100, 64, (6000, 20))]
WIDE += [(128, 64, (300, 300)), (31, 2100, (40, 150)), (2200, 64, (30,))]


def wide_rows(size, d):
    X = np.tile(DIGITS.data / 16, (2, 1))[: max(100, size + 40)]
    X = np.hstack([X, *(X * np.roll(X, i, axis=1) for i in range(32))])[:, :d].copy()
    return TrainingSet(X, np.tile(DIGITS.target, 2)[: len(X)])


# ------------------------------------------------- scaling layer, NTK parametrization

NETWORKS = {
    "scaled": {"input_scaling": True},
    "ntk": {"parametrization": NTK()},
    "both": {"input_scaling": True, "parametrization": NTK()},
}
networks = pytest.mark.parametrize("kind", NETWORKS)


@pytest.fixture
def no_zeros(monkeypatch):
    """Trainings begin with scales that differ, and an output layer that is not 0."""
    draw = Network.draw

    def moved(network, rng, dtype):
        theta = draw(network, rng, dtype)
        theta += 0.2 * np.random.RandomState(9).randn(len(theta)).astype(dtype)
        return theta

    monkeypatch.setattr(Network, "draw", moved)


TRAININGS = {
    "plain": {},
    "max_grad_norm": {"max_grad_norm": 0.5},
    "dropout": {"dropout": (0.5, 0.2)},
    "l1": {"l1": 0.001},
    "one_cycle": {"schedule": "one_cycle"},
}


@pytest.mark.each_pair
@networks
@solvers
@containers
@dtypes
@pytest.mark.parametrize("block", [2**20, 17 * 64])
@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.usefixtures("no_zeros")
def test_blocks_of_theta_with_rates_of_their_own(
    training, block, dtype, container, solver, kind, both, monkeypatch
):
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", block)
    data = held(container, bundled("multilabel", dtype, weighted=True))
    network = build(data, (9, 4), "mish", "multilabel", **NETWORKS[kind])
    options = {"batch_size": 60, "shuffle": True, **TRAININGS[training]}
    n = 6 if dtype == np.float64 else 2
    assert_same(network, both(go, network, solver, data, n, **options), ROOM[dtype])


# ---------------------------------------------- what an update adds to the formula


@pytest.fixture
def only_kernels(monkeypatch):
    """The readable updates are for trainings without kernels alone."""
    make = FormulaUpdates.make

    def asked(self, *args):
        assert not _kernels.enabled()
        return make(self, *args)

    monkeypatch.setattr(FormulaUpdates, "make", asked)


def takes(solver, parameter):
    return parameter in signature(OPTIMIZERS[solver]).parameters


#: What may meet in an update. All combinations would be too many to collect.
FACTORS = {
    "solver": MADE,
    "average": [0.0, 0.5, 0.95],
    "schedule": ["constant", "one_cycle"],
    "l1": [0.0, 0.001, 0.05],
    "max_grad_norm": [None, 0.01, 0.5, 100.0],
    "dropout": [(), (0.5, 0.2)],
    "kind": [None, *NETWORKS],
    "container": list(CONTAINERS),
    "block": [2**20, 17 * 64],
    "n_threads": [1, 2, 3],
    "dtype": list(ROOM),
    "instruction_set": [*_kernels.INSTRUCTION_SETS] or ["base"],
}


def drawn(factors, n, seed):
    """Return n different combinations of values."""
    rng, cases = Random(seed), {}
    while len(cases) < n:
        cases[tuple(rng.choice(values) for values in factors.values())] = None
    return list(cases)


@pytest.mark.each_pair
@pytest.mark.parametrize(tuple(FACTORS), drawn(FACTORS, 2000, 0))
@pytest.mark.usefixtures("no_zeros", "only_kernels")
def test_what_an_update_adds_to_the_formula(
    solver, average, schedule, l1, max_grad_norm, dropout, kind, container, block,
    n_threads, dtype, instruction_set, both, monkeypatch,
):  # fmt: skip
    monkeypatch.setenv(_kernels.VARIABLE, instruction_set)
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", block)
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", 1)
    monkeypatch.setattr(compiled, "blas_limit", lambda: n_threads)
    data = held(container, bundled("multilabel", dtype, weighted=True))
    network = build(data, (9, 4), "mish", "multilabel", **NETWORKS.get(kind, {}))
    options = {"batch_size": 60, "schedule": schedule, "dropout": dropout, "l1": l1}
    options["max_grad_norm"] = max_grad_norm
    if takes(solver, "average"):
        options["average"] = average
    n = 6 if dtype == np.float64 else 2
    assert_same(network, both(go, network, solver, data, n, **options), ROOM[dtype])


@pytest.mark.each_value
@dtypes
@pytest.mark.parametrize("max_grad_norm", [None, 1.0])
@pytest.mark.parametrize("power", [0.45, 0.6, 1.0])
@pytest.mark.usefixtures("only_kernels")
def test_norms_that_overflow_are_clipped_as_without_kernels(
    power, max_grad_norm, dtype, instruction_set, both
):
    """At 0.45 the norm is finite, at 0.6 it is not, at 1 nor is the gradient."""
    X = np.full((8, 3), float(np.finfo(dtype).max) ** power).astype(dtype)
    w = np.full(8, 8, dtype) if power == 1 else None
    data = TrainingSet(X, np.ones((8, 1), dtype), w)
    network = Network((3, 1), (SIGMAS["identity"],), RULES["absolute_error"])

    def end():
        optimizer, run = begin(network, "sgd", dtype)
        run.theta[...] = 0
        epochs = epochs_with(
            network, optimizer, run, data, learning_rate=1e-30, batch_size=8,
            max_grad_norm=max_grad_norm,
        )  # fmt: skip
        with np.errstate(all="ignore"):
            (sums,), _ = epochs.updates.make(None, np.array([[1e-30]]))
        return run.theta, sums

    (theta, sums), (readable, expected) = both(end)
    np.testing.assert_allclose(theta, readable, rtol=1e-5)
    assert sums[0] == pytest.approx(expected[0], rel=1e-5)
    assert np.isfinite(sums[1]) == np.isfinite(expected[1])
    clipped = max_grad_norm is not None
    assert np.isnan(theta).any() == (clipped and power == 1)
    assert (theta == 0).all() == (clipped and power == 0.6)


@pytest.mark.each_pair
@networks
@dtypes
@losses
@containers
@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.usefixtures("no_zeros")
def test_gradients_with_blocks_of_their_own(
    pieces, container, loss, dtype, kind, instruction_set, both, monkeypatch
):
    if pieces:  # whose gradients are added up
        monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 17 * 64)
    data = held(container, bundled(loss, dtype, weighted=True))
    for k in (1, 7, 33):
        network = build(data, (k, 3), "gelu", loss, **NETWORKS[kind])
        for size in (1, 60, N):
            pair = both(gradient, network, data, size=size)
            assert_same(network, [one[::-1] for one in pair], ROOM[dtype])


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


@networks
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_scale_that_is_not_finite_ends_the_epoch(bad, kind):
    data = bundled()
    network = build(data, (3, 2), **NETWORKS[kind])
    for i in range(0, network.layout[0].rows.stop, 9):
        epochs = epochs_of(network, data)
        epochs.run.theta[i] = bad
        assert epochs.kernel
        with pytest.raises(Diverged):
            epochs.train_epochs(1)


@pytest.mark.each_value
@networks
@pytest.mark.parametrize("rate", [3.0, 1e3, 1e60])
@pytest.mark.parametrize("solver", ["sgd", "adam", "schedule_free_adamw", "muon"])
def test_blocks_of_their_own_diverge_as_without_kernels(solver, rate, kind, both):
    data = bundled("squared_error")
    network = build(data, (4, 3), "identity", "squared_error", **NETWORKS[kind])

    def end():
        try:
            _, history, outcome = go(network, solver, data, 12, learning_rate=rate)
        except Diverged:
            return "at once", 0, 0
        return outcome.reason, outcome.kept_epoch, len(history)

    kernels, readable = both(end)
    assert kernels == readable


@pytest.mark.each_pair
@networks
@dtypes
@pytest.mark.parametrize("block", [2**20, 20 * 64, 1])
@pytest.mark.usefixtures("no_zeros")
def test_outputs_of_networks_with_scales(
    block, dtype, kind, instruction_set, monkeypatch
):
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", block)
    network = build(bundled(), (17, 5), "gelu", **NETWORKS[kind])
    theta = begin(network, "sgd", dtype)[1].theta
    for X in forms_of(bundled().X):
        z, right = compiled.outputs(network, theta, X), network.outputs(theta, X)
        assert (z.dtype, z.shape) == (right.dtype, right.shape)
        room = ROOM[dtype] / 10 * np.abs(right).max(initial=0)
        np.testing.assert_allclose(z, right, rtol=0, atol=room)


@pytest.mark.each_pair
@losses
@dtypes
@pytest.mark.parametrize("weighted", [False, True])
def test_mean_losses(weighted, dtype, loss, instruction_set):
    data = bundled(loss, dtype, weighted)
    network = build(data, loss=loss)
    outputs = compiled.Outputs(network, data.X, None, np.dtype(dtype))
    assert outputs.passes is not None
    z = outputs(begin(network, "sgd", dtype)[1].theta)
    before, Y = z.copy(), data.Y.astype(float) if data.Y.ndim == 2 else data.Y
    value = compiled.MeanLoss(outputs, data.Y, data.w)(z)
    right = np.average(network.loss.value(z.astype(float), Y, np), weights=data.w)
    assert value == pytest.approx(right, rel=ROOM[dtype] / 10)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("factor", [1e-60, 1e-30, 1e30, 1e60])
@losses
@pytest.mark.each_value
def test_mean_losses_of_weights_beyond_float32(loss, factor):
    data = bundled(loss, np.float32, True)
    w = data.w.astype(float) * factor
    network = build(data, loss=loss)
    outputs = compiled.Outputs(network, data.X, None, np.dtype(np.float32))
    z = outputs(begin(network, "sgd", np.float32)[1].theta)
    value = compiled.MeanLoss(outputs, data.Y, w)(z)
    assert value == compiled.MeanLoss(outputs, data.Y, data.w.astype(float))(z)
    assert value == pytest.approx(
        compiled.MeanLoss(outputs, data.Y, data.w)(z), rel=1e-5
    )


@losses
def test_mean_losses_of_targets_in_any_form(loss):
    data = bundled(loss, np.float32, True)
    network = build(data, loss=loss)
    outputs = compiled.Outputs(network, data.X, None, np.dtype(np.float32))
    z = outputs(begin(network, "sgd", np.float32)[1].theta)
    right = compiled.MeanLoss(outputs, data.Y, data.w)(z)
    forms = [np.asfortranarray(data.Y), np.repeat(data.Y, 2, axis=0)[::2]]
    forms += [data.Y.astype(np.int32 if data.Y.ndim == 1 else np.float64)]
    for Y in forms:
        w = np.repeat(data.w, 2)[::2]
        Y.flags.writeable = w.flags.writeable = False
        assert compiled.MeanLoss(outputs, Y, w)(z) == right


@pytest.mark.each_pair
@dtypes
@pytest.mark.parametrize(("solver", "moved"), [("yogi", "r"), ("lion", "theta")])
def test_signs_of_differences_that_round_to_zero(
    solver, moved, dtype, instruction_set, both
):
    """A fused multiplication and subtraction does not see the tie, and takes a side."""
    g = np.random.RandomState(0).randn(1, 300).astype(dtype)
    network = Network((300, 1), (SIGMAS["identity"],), RULES["absolute_error"])
    data = TrainingSet(g, np.full((1, 1), -1e9, dtype))  # so that dL/dz is 1

    def moves():
        optimizer, run = begin(network, solver, dtype)
        optimizer.weight_decay = 0.0
        if solver == "yogi":
            run.state.r[:-1] = g * g
        else:
            run.state.s[:-1] = (1 - optimizer.beta_1) * g / dtype(-optimizer.beta_1)
        vector = run.theta if moved == "theta" else run.state.r
        before = vector.copy()
        epochs_with(network, optimizer, run, data).train_epochs(1)
        return np.sign(vector - before)[:-1]

    kernels, readable = both(moves)
    assert (readable == 0).mean() > 0.5
    np.testing.assert_array_equal(kernels, readable)


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
@pytest.mark.parametrize("m", [1, 7, 12, 13, 24, 40, 110])
@pytest.mark.parametrize("d", [1, 4, 8, 9, 16, 17, 70])
@pytest.mark.parametrize("hidden", [(1024,), (512, 1024), (1021, 512)])
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


@dtypes
def test_largest_sees_every_number(dtype, instruction_set):
    largest = partial(_kernels.loops.largest, instruction_set=instruction_set)
    rng = np.random.RandomState(0)
    assert largest(np.empty(0, dtype=dtype)) == 0
    for n in (1, 2, 7, 16, 33, 100):
        x = rng.randn(n).astype(dtype)
        for i in range(n):
            for bad in (np.nan, np.inf, -np.inf):
                assert np.isnan(
                    largest(np.where(np.arange(n) == i, bad, x).astype(dtype))
                )
            x[i] = -100 - i
            assert largest(x) == 100 + i


@pytest.mark.each_pair
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("activation", "loss"), pairs(SIGMAS, RULES))
def test_a_parameter_that_is_not_finite_ends_the_epoch(
    bad, activation, loss, instruction_set
):
    data = bundled(loss)
    network = build(data, (3, 2), activation, loss)
    for i in range(0, network.n_parameters, 5):
        epochs = epochs_of(network, data)
        epochs.run.theta[i] = bad
        assert epochs.kernel
        with pytest.raises(Diverged):
            epochs.train_epochs(1)


@pytest.mark.each_pair
@dtypes
@losses
def test_huge_rows_give_a_total_that_is_not_finite(loss, dtype, instruction_set):
    X, Y = bundled(loss, dtype).X.copy(), bundled(loss, dtype).Y
    X[40] = np.finfo(dtype).max
    network = build(TrainingSet(X, Y), (4,), "identity", loss)
    epochs = epochs_of(network, TrainingSet(X, Y), order=None)
    epochs.run.theta[...] *= 1 if loss in ("poisson", "gamma") else 10
    sums, between = np.zeros((1, 2)), np.empty((0, network.n_parameters), dtype)
    epochs.kernel.epochs(None, np.full((1, 5), 0.1), 32, 0, sums, between)
    assert not np.isfinite(sums[0, 0])
    assert np.isfinite(epochs.run.theta).all()
    assert epochs.run.state.t == 1  # the second update met row 40


@pytest.mark.each_value
@solvers
@pytest.mark.parametrize("rate", [3.0, 1e3, 1e60])
def test_training_diverges_as_without_kernels(solver, rate, both):
    data = bundled("squared_error")
    network = build(data, (4, 3), "identity", "squared_error")

    def end():
        try:
            theta, history, outcome = go(network, solver, data, 12, learning_rate=rate)
        except Diverged:
            return "at once", 0, 0, 0
        return outcome.reason, outcome.kept_epoch, len(history), np.abs(theta).max()

    (*kernels, largest), (*readable, right) = both(end)
    assert kernels == readable
    if not OPTIMIZERS[solver].layerwise:  # Muon's products let rounding grow
        assert largest == pytest.approx(right, rel=1e-6)


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
@pytest.mark.parametrize(("size", "hidden"), [(600, (610, 501)), (37, (1500, 270))])
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


@pytest.fixture
def guards(monkeypatch):
    """The bytes after each buffer of the kernels, which must stay what they are."""
    empty, guards = np.empty, []

    def guarded(shape, dtype=float, **options):
        if dtype is not np.uint8:
            return empty(shape, dtype, **options)
        array = empty(shape + 4096, dtype)
        array[shape:] = len(guards) % 251  # not that of the buffer next to it
        guards.append(array[shape:])
        return array[:shape]

    monkeypatch.setattr(np, "empty", guarded)
    yield guards
    assert guards
    assert all((guard == i % 251).all() for i, guard in enumerate(guards))


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


def test_rows_may_lie_in_a_file(tmp_path, both):
    mapped = []
    data = bundled("binary", weighted=True)
    for name in ("X", "Y", "w"):
        np.save(tmp_path / f"{name}.npy", getattr(data, name))
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    network = build(TrainingSet(*mapped), loss="binary")
    assert_same(network, both(go, network, "adam", TrainingSet(*mapped)))


PARTS = [*(OPTIMIZERS[name] for name in MADE), *LOSSES.values(), *ACTIVATIONS.values()]


@pytest.mark.parametrize("part", PARTS)
def test_built_in_parts_have_kernels_and_what_is_derived_from_them_has_none(part):
    assert _kernels.kernel_of(part())
    assert _kernels.kernel_of(type("Own", (part,), {})()) is None


@pytest.mark.parametrize("part", PARTS)
def test_kernels_read_every_parameter_of_their_class(part):
    """But those of all solvers, which are no part of a formula."""
    parameters = set(signature(part).parameters) - {"weight_decay", "average"}
    assert set(part.kernel_numbers) == parameters


def kernel_for(part, instruction_set="base"):
    """Make the kernel of a part; for an activation, return its slopes at -1."""
    if part.kernel in _kernels.loops.SOLVERS:
        theta = np.ones(3)
        state = part.start(theta, np)
        return _kernels.solver.Solver(part.kernel, part, theta, state, instruction_set)
    if part.kernel in _kernels.loops.ACTIVATIONS:
        return _kernels.network.activate(part, -np.ones((1, 1)), instruction_set)
    sizes, dtype = (1, 1), np.dtype(float)
    layout = Network(sizes, (), part).layout
    return _kernels.network.Network(
        sizes, layout, (), part, 0.0, dtype, 1, 1, False, instruction_set
    )


READ = [(part, name) for part in PARTS for name in part.kernel_numbers]


@pytest.mark.parametrize(("part", "name"), READ)
def test_a_number_that_a_kernel_reads_must_be_there(part, name, monkeypatch):
    broken = part()
    kernel_for(broken)
    delattr(broken, name)
    for base in part.__mro__:  # the defaults
        if name in vars(base):
            monkeypatch.delattr(base, name)
    with pytest.raises(AttributeError, match=name):
        kernel_for(broken)


@pytest.mark.parametrize("part", [OPTIMIZERS[name] for name in MADE])
def test_a_kernel_of_a_solver_knows_the_names_of_its_numbers(part, monkeypatch):
    monkeypatch.setattr(part, "kernel_numbers", ("weight_decay",))
    with pytest.raises(ValueError, match="read no 'weight_decay'"):
        kernel_for(part())


@pytest.mark.parametrize(
    ("part", "name"),
    [(part, name) for part, name in READ if part not in LOSSES.values()],
)
def test_a_number_that_is_not_named_is_not_a_silent_zero(part, name, monkeypatch):
    """It is NaN: training diverges, or is another where a comparison hides the NaN."""

    def result():
        if part in ACTIVATIONS.values():
            return kernel_for(part())
        (solver,) = (key for key in MADE if OPTIMIZERS[key] is part)
        return go(build(bundled()), solver, bundled(), n=2)[0]

    right = result()
    others = tuple(other for other in part.kernel_numbers if other != name)
    monkeypatch.setattr(part, "kernel_numbers", others)
    try:
        wrong = result()
    except Diverged:
        return
    assert not np.allclose(wrong, right)


@solvers
def test_a_solver_of_a_users_own_gets_the_same_gradients(solver, both):
    data, own = bundled(weighted=True), type("Own", (OPTIMIZERS[solver],), {})()
    network = build(data)
    pair = both(go, network, solver, data, own=own)
    assert_same(network, pair)
    assert_same(network, (go(network, solver, data), pair[1]))


def own(part):
    return type("Own", (type(part),), {})()


@pytest.mark.parametrize("part", ["first activation", "last activation", "loss"])
def test_parts_of_a_users_own_are_called(part, both):
    network = build(bundled(), hidden=(5, 4))
    (first, last), loss = network.activations, network.loss
    if part == "loss":
        loss = own(loss)
    elif part == "first activation":
        first = own(first)
    else:
        last = own(last)
    network = Network(network.layer_sizes, (first, last), loss)
    kernels, readable = both(go, network, "adam", bundled(), known=False)
    np.testing.assert_array_equal(kernels[0], readable[0])


def test_linear_models_run_the_kernels():
    go(build(bundled(), ()), "sgd", bundled(), n=1, known=True)


def forms_of(X):
    """Return rows in all the ways that they may lie in memory."""
    rows, twice = sparse(X), sparse(X)
    twice.indices //= 2  # the same place several times
    forms = [
        X,
        np.asfortranarray(X),
        X[::-1],
        X[:, ::-1],
        X.repeat(2, 1)[:, ::2],
        X > 0,
    ]
    forms += [X.astype(kind) for kind in (np.float32, ">f8", int)] + [X[:1], X[:0]]
    forms += [rows, sparse(X, np.int64), rows.astype(np.float32), rows[:0], twice]
    return [*forms, np.broadcast_to(X[0], X.shape)]


@pytest.mark.each_pair
@dtypes
@pytest.mark.parametrize(
    ("block", "activation"), pairs([2**20, 20 * 64, 1], SIGMAS), ids=str
)
def test_outputs_of_rows_in_any_form(
    block, activation, dtype, instruction_set, monkeypatch
):
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", block)
    network = build(bundled(), (17, 5), activation)
    theta = begin(network, "sgd", dtype)[1].theta
    for X in forms_of(bundled().X):
        z, right = compiled.outputs(network, theta, X), network.outputs(theta, X)
        assert (z.dtype, z.shape) == (right.dtype, right.shape)
        room = ROOM[dtype] / 10 * np.abs(right).max(initial=0)
        np.testing.assert_allclose(z, right, rtol=0, atol=room)


def test_the_seven_of_the_textbook_have_kernels():
    assert set(MADE) >= set(TEXTBOOK)


@pytest.mark.each_value
@solvers
@containers
def test_an_update_allocates_nothing_that_grows_with_the_network(solver, container):
    """Without a kernel, a solver's temporaries are of the size of a block or two."""
    data, peaks = held(container, bundled()), []
    for hidden in ((5, 5), (3000, 100)):
        epochs = epochs_of(build(data, hidden), data, solver)
        epochs.train_epochs(1)
        peaks.append(peak_of(epochs.train_epochs, 1))
    room = 4000 if solver in MADE else 6 * 8 * _BLOCK
    assert peaks[1] < peaks[0] + room
    assert peaks[0] < 26_000


def test_tiny_numbers_are_numbers_again_after_training(many_threads):
    go(build(bundled()), "adam", bundled(), 2)
    assert (np.full(5, 1e-310) * 0.5 > 0).all()
