"""What the kernels add to a solver's formula: clipping, L1, averages, own rates."""

from inspect import signature
from random import Random

import numpy as np
import pytest
from compiled import ROOM, RULES, SIGMAS, dtypes, needs_kernels
from kernel_trainings import (
    CONTAINERS,
    MADE,
    NETWORKS,
    assert_same,
    begin,
    build,
    bundled,
    containers,
    epochs_of,
    go,
    held,
    networks,
    solvers,
)
from problems import peak_of
from training import epochs_with

from skoptnet import _kernels, compiled
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import _BLOCK
from skoptnet.schedules import SCHEDULES
from skoptnet.training import TrainingSet
from skoptnet.training.epochs import FormulaUpdates

pytestmark = needs_kernels


@pytest.mark.each_value
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@solvers
def test_rates_are_those_of_the_schedule(solver, schedule, both):
    network = build(bundled())
    # After more epochs, rounding shows in the weights of a pixel that is nearly always
    # white: their steps are too long for them, and errors grow from each to the next.
    assert_same(network, both(go, network, solver, bundled(), 21, schedule))


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
    monkeypatch.setattr(compiled, "_DIVISIBLE_WORK", 1)
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
