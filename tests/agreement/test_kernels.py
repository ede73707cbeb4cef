"""The compiled kernels against the readable formulas, which define what is right."""

from functools import partial
from inspect import signature
from itertools import cycle, islice

import numpy as np
import pytest
from compiled import ROOM, RULES, SIGMAS, activations, dtypes, losses, needs_kernels
from kernel_trainings import (
    MADE,
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
    sparse,
)
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX, _kernels, compiled
from skoptnet.activations import ACTIVATIONS
from skoptnet.dropout import Dropout, numbers
from skoptnet.losses import LOSSES, Pinball
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.training import Diverged, TrainingSet

pytestmark = needs_kernels

MIXTURES = [
    ("relu", "gelu"),
    ("leaky_relu 0.3", "elu 0.5", "mish"),
    ("softplus", "leaky_relu", "silu", "selu"),
    ("identity", "elu", "tanh", "elu 0.5", "logistic"),
]
MIXED_PAIRS = [("relu", "gelu"), ("elu 0.5", "tanh"), ("mish", "logistic")]

mixtures = pytest.mark.parametrize("mixture", MIXTURES, ids="-".join)


def pairs(*tables):
    """Return combinations in which every entry of every table is met."""
    n = max(map(len, tables))
    return list(islice(zip(*map(cycle, tables), strict=False), n))


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
@solvers
@dtypes
def test_every_instruction_set_makes_the_same_updates(
    instruction_set, dtype, solver, both
):
    data = bundled("binary", dtype)
    network = build(data, (33, 7), loss="binary")
    assert_same(network, both(go, network, solver, data, 5), ROOM[dtype])


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


@pytest.mark.parametrize(
    "penalty", [{"alpha": 0.0}, {"alpha": 1e-22, "l1_ratio": 1.0}], ids=["none", "l1"]
)
def test_weights_whose_squares_are_infinite_without_an_l2_penalty(
    penalty, instruction_set, both
):
    X = np.random.RandomState(0).randn(64, 5).astype(np.float32)
    model = MLPRegressorX(
        (), loss="absolute_error", solver="sgd", learning_rate_init=1e21, max_iter=3,
        batch_size=64, random_state=0, **penalty,
    )  # fmt: skip
    kernels, readable = both(lambda: model.fit(X, X[:, 0]).coefs_[0])
    assert np.abs(readable).max() > 1e20
    np.testing.assert_allclose(kernels, readable, rtol=1e-4)


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
