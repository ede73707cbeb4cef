"""Parametrizations and the scaling layer: first weights, and the rate of each block."""

import numpy as np
import pytest
from problems import (
    DIABETES,
    ESTIMATORS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_refused,
    batched,
    small,
    target,
)
from quick_schedules import quick
from scipy import stats
from scipy.sparse import csr_array
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale
from training import epochs_with, new_run, train_with

from skoptnet import SGD, MLPClassifierX, MLPRegressorX, Optimizer
from skoptnet.activations import ACTIVATIONS
from skoptnet.blocks import Block
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update
from skoptnet.parametrizations import NTK, PARAMETRIZATIONS, Standard
from skoptnet.schedules import SCHEDULES, Constant
from skoptnet.training import TrainingSet
from skoptnet.training.l1_penalty import l1_penalty

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of (epochs|iterations)",
    "ignore:Training ended at a loss",
    "ignore:Stochastic Optimizer. Maximum iterations",
)

solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
kernels = pytest.mark.parametrize("kernels", ["0", "1"])
scalings = pytest.mark.parametrize("scaled", [False, True])
parametrizations = pytest.mark.parametrize("name", sorted(PARAMETRIZATIONS))
OUTPUTS = np.column_stack([NUMBERS, X[:, 1] - X[:, 0]])


def network_of(
    sizes=(4, 5, 3, 2), scaled=True, parametrization=None, activation="tanh", **options
):
    return Network(
        sizes,
        (ACTIVATIONS[activation](),) * max(1, len(sizes) - 2),
        LOSSES["squared_error"](),
        input_scaling=scaled,
        parametrization=parametrization or NTK(),
        **options,
    )


def arrays(network, theta):
    """Return s, W_1, b_1, ... by the layers, not by the layout."""
    s = network.scales(theta)
    layers = [array for pair in network.layers(theta) for array in pair]
    return layers if s is None else [s, *layers]


# ------------------------------------------------------------------- the first weights


@scalings
@parametrizations
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(4, 2), (4, 5, 3, 2), (1, 1, 1)])
def test_draws_fill_theta(sizes, dtype, name, scaled):
    network = network_of(sizes, scaled, PARAMETRIZATIONS[name]())
    theta = network.draw(np.random.RandomState(0), dtype)
    assert theta.dtype == dtype
    assert theta.shape == (network.n_parameters,)
    assert np.isfinite(theta).all()
    if scaled:
        np.testing.assert_array_equal(network.scales(theta), np.ones(sizes[0]))
    other = network.draw(np.random.RandomState(0), np.float64)
    np.testing.assert_allclose(theta, other, rtol=1e-6)


@parametrizations
def test_a_scaling_layer_takes_no_random_numbers(name):
    thetas, states = [], []
    for scaled in (True, False):
        network = network_of(scaled=scaled, parametrization=PARAMETRIZATIONS[name]())
        rng = np.random.RandomState(3)
        thetas.append(network.draw(rng, np.float64))
        states.append(rng.randint(2**31))
    np.testing.assert_array_equal(thetas[0][4:], thetas[1])
    assert states[0] == states[1]


def test_ntk_draws_are_normal_and_the_output_layer_is_zero():
    sizes = (900, 400, 250, 60)
    network = network_of(sizes)
    *hidden, (W, b) = network.layers(network.draw(np.random.RandomState(0), float))
    assert not W.any()
    assert not b.any()
    for (W, b), k in zip(hidden, sizes, strict=False):
        assert W.shape[0] == k
        assert W.std() * np.sqrt(k) == pytest.approx(1, rel=0.01)
        assert stats.kstest(W.ravel() * np.sqrt(k), "norm").pvalue > 0.01
        assert stats.kstest(b, "norm").pvalue > 0.01
    (W, b), (V, _) = hidden
    assert abs(np.corrcoef(W[:250].ravel(), V[:, :].ravel()[:100_000])[0, 1]) < 0.02


def test_ntk_draws_weights_before_biases_layer_by_layer():
    network = network_of((4, 5, 3, 2))
    layers = network.layers(network.draw(np.random.RandomState(7), float))
    rng = np.random.RandomState(7)
    for (W, b), (k_in, k_out) in zip(layers[:2], [(4, 5), (5, 3)], strict=True):
        V = rng.standard_normal((k_in, k_out))
        np.testing.assert_allclose(W * np.sqrt(k_in), V, rtol=1e-14)
        np.testing.assert_allclose(b, rng.standard_normal(k_out), rtol=1e-14)


@scalings
@estimators
@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("hidden", [(), (6, 3)])
def test_standard_draws_are_scikit_learns(hidden, activation, Estimator, scaled):
    Theirs = MLPClassifier if Estimator is MLPClassifierX else MLPRegressor
    options = {
        "hidden_layer_sizes": hidden, "activation": activation, "solver": "sgd",
        "random_state": 5, "max_iter": 1, "learning_rate_init": 1e-300,
    }  # fmt: skip
    y = target(Estimator)
    theirs = Theirs(**options).fit(X, y)
    model = Estimator(input_scaling=scaled, **options).fit(X, y)
    for name in ("coefs_", "intercepts_"):
        for ours, other in zip(
            getattr(model, name), getattr(theirs, name), strict=True
        ):
            np.testing.assert_array_equal(ours, other)
    if scaled:
        np.testing.assert_array_equal(model.input_scale_, np.ones(4))


# -------------------------------------------------------------------- rates of blocks


def test_rate_factors_of_the_blocks():
    ntk, standard = network_of((4, 25, 2)), network_of((4, 25, 2), True, Standard())
    factors = [block.rate_factor for block in ntk.layout]
    assert factors == pytest.approx([6, 1 / 2, 0.1, 1 / 5, 0.1], rel=1e-15)
    assert [block.rate_factor for block in standard.layout] == [6, 1, 1, 1, 1]
    plain = network_of((4, 25, 2), False, Standard())
    assert [block.rate_factor for block in plain.layout] == [1, 1, 1, 1]


class Parts:
    """A network each of whose s, W_l and b_l has a solver of its own."""

    def __init__(self, network, optimizer, theta):
        self.network, self.theta = network, theta.copy()
        self.g, self.updates = np.empty_like(theta), []
        point = arrays(network, self.theta)
        for part, g in zip(point, arrays(network, self.g), strict=True):
            shape = part.shape
            flat = part.reshape(-1)
            assert np.shares_memory(flat, self.theta)
            layout = [Block(slice(0, part.size), shape, len(shape) == 2)]
            state = optimizer.start(flat, np)
            update = Update(optimizer, flat, g.reshape(-1), state, np, layout)
            self.updates.append(update)

    def train(self, X, Y, rate, n):
        k = self.network.layer_sizes
        factors = [6.0] if self.network.input_scaling else []
        for k_in in k[:-1]:
            factors += [1 / np.sqrt(k_in), 0.1]
        for _ in range(n):
            points = [update.gradient_point().copy() for update in self.updates]
            at = np.concatenate(points)
            self.network.loss_and_gradient(at, X, Y, None, out=self.g)
            for update, factor in zip(self.updates, factors, strict=True):
                update.step(factor * rate)
                update.update_average()
        return self.theta


AVERAGED = sorted(n for n in OPTIMIZERS if "average" in OPTIMIZERS[n]().get_params())


@solvers
@scalings
@kernels
@pytest.mark.parametrize("average", [0.0, 0.8])
@pytest.mark.each_pair
def test_each_block_is_trained_at_its_own_rate(
    average, kernels, scaled, solver, monkeypatch
):
    """As by a solver of its own, with the gradient of the whole network."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    optimizer = OPTIMIZERS[solver]()
    assert optimizer.elementwise or optimizer.layerwise
    optimizer.weight_decay = 0.0
    if average and solver in AVERAGED:
        optimizer.set_params(average=average)
    network = network_of(scaled=scaled, l2=0.01)
    run = new_run(network, optimizer)
    network.layers(run.theta)[-1][0][...] = [[0.3, -0.1], [0.2, 0.5], [-0.4, 0.1]]
    run = type(run).new(run.theta, optimizer, np.random.RandomState(0), np)
    first, data = run.theta.copy(), TrainingSet(X, OUTPUTS)
    epochs = epochs_with(network, optimizer, run, data, learning_rate=0.02)
    assert bool(epochs.kernel) == (
        bool(epochs.objective.kernel) and bool(epochs.objective.kernel.makes_updates)
    )
    for _ in range(6):
        epochs.train_epochs(1)
    expected = Parts(network, optimizer, first).train(X, OUTPUTS, 0.02, 6)
    for found, right, before in zip(
        arrays(network, run.theta), arrays(network, expected), arrays(network, first),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(found, right, rtol=1e-8, atol=1e-10)
        assert (found != before).any()


class Halved(Standard):
    """The standard parametrization with half of the rate."""

    name = "halved"
    bias_rate = 0.5

    def weight_rate(self, k_in):
        return 0.5


OPTIONS = {
    "plain": {},
    "max_grad_norm": {"max_grad_norm": 0.3},
    "l1": {"l1": 0.02},
    "dropout": {"dropout": (0.3, 0.2)},
}


@solvers
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("option", OPTIONS)
@kernels
@pytest.mark.each_pair
def test_half_the_factor_is_half_the_rate(
    kernels, option, schedule, solver, monkeypatch
):
    """Whatever the schedule does, of momenta as well, and whatever else is on."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    data, results = TrainingSet(X, OUTPUTS), []
    for parametrization, rate in ((Standard(), 0.005), (Halved(), 0.01)):
        network = network_of(scaled=False, parametrization=parametrization, l2=0.01)
        optimizer = OPTIMIZERS[solver]()
        optimizer.weight_decay = 0.0
        run = new_run(network, optimizer)
        train_with(
            network, optimizer, _schedule(schedule), run, data, batch_size=40,
            shuffle=True, learning_rate=rate, tol=0, patience=np.inf, max_epochs=5,
            **OPTIONS[option],
        )  # fmt: skip
        results.append((run.theta, run.metrics()["loss"], run.state))
    (theta, losses, state), (other, other_losses, other_state) = results
    np.testing.assert_allclose(other, theta, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(other_losses, losses, rtol=1e-9)
    for number, first in OPTIMIZERS[solver].numbers.items():
        value = getattr(state, number)
        power = OPTIMIZERS[solver].rate_powers.get(number, 0)
        assert value != first
        # The state has the numbers of the plain rate.
        expected = value * 2**power
        assert getattr(other_state, number) == pytest.approx(expected, rel=1e-12)


def _schedule(name):
    schedule = quick(name)
    return SCHEDULES[schedule]() if isinstance(schedule, str) else schedule


def test_the_norm_of_a_gradient_is_that_of_all_blocks():
    network, optimizer = network_of(), SGD()
    run = new_run(network, optimizer)
    network.layers(run.theta)[-1][0][...] = 0.5
    first, data = run.theta.copy(), TrainingSet(X, OUTPUTS)
    g = np.empty_like(first)
    network.loss_and_gradient(first, X, OUTPUTS, None, out=g)
    assert np.linalg.norm(g[:4]) > 0.1
    train_with(
        network, optimizer, Constant(), run, data, batch_size=len(X), max_epochs=1,
        learning_rate=0.1, tol=0, patience=np.inf, shuffle=False, max_grad_norm=0.2,
    )  # fmt: skip
    factors = np.ones_like(g)
    for block in network.layout:
        factors[block.rows] = block.rate_factor
    moved = (first - run.theta) / (0.1 * factors)
    np.testing.assert_allclose(
        moved, 0.2 * g / np.linalg.norm(g), rtol=1e-9, atol=1e-14
    )


# ------------------------------------------------------------------- decay and penalty


@solvers
@kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.each_pair
def test_weights_decay_by_the_rate_whatever_the_factor(
    dtype, kernels, solver, monkeypatch
):
    """With rows of weight zero there is nothing but decay."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    data = TrainingSet(X.astype(dtype), OUTPUTS.astype(dtype), np.zeros(len(X), dtype))
    ends, optimizer = [], OPTIMIZERS[solver](weight_decay=0.2)
    for scaled, parametrization in ((False, Standard()), (True, NTK())):
        network = network_of(scaled=scaled, parametrization=parametrization)
        theta = np.ones(network.n_parameters, dtype)
        theta[-51:] = np.linspace(1, 2, 51)  # the layers of both networks
        run = type(new_run(network, optimizer)).new(
            theta.copy(), optimizer, np.random.RandomState(0), np
        )
        epochs = epochs_with(network, optimizer, run, data, learning_rate=0.3)
        for _ in range(3):
            epochs.train_epochs(1)
        before, after = arrays(network, theta), arrays(network, run.theta)
        for first, last in zip(before, after, strict=True):
            if first.ndim == 1:
                np.testing.assert_array_equal(last, first)
            else:
                assert (abs(last) < abs(first)).all()
        ends.append(network.layers(run.theta))
    room = 1e-5 if dtype == np.float32 else 1e-13
    for (W, _), (V, _) in zip(*ends, strict=True):
        np.testing.assert_allclose(V, W, rtol=room)
    if OPTIMIZERS[solver].decay is Optimizer.decay:
        first = network.layers(theta)[0][0]
        found = ends[1][0][0]
        np.testing.assert_allclose(found, (1 - 0.3 * 0.2) ** 3 * first, rtol=room)


def test_an_l1_penalty_is_on_weights_only():
    network = network_of()
    theta = np.arange(1.0, network.n_parameters + 1)
    total = sum(W.sum() for W, _ in network.layers(theta))
    assert l1_penalty(network, theta, 0.5) == pytest.approx(0.5 * total, rel=1e-15)
    assert total < theta.sum()
    model = small(
        MLPRegressorX, input_scaling=True, parametrization="ntk", alpha=1e5,
        l1_ratio=1.0, solver="sgd", max_iter=30, learning_rate_init=0.001,
    ).fit(X, NUMBERS)  # fmt: skip
    assert not any(W.any() for W in model.coefs_)
    assert model.input_scale_.all()
    assert model.intercepts_[0].all()


@pytest.mark.parametrize(
    ("solver", "settings"),
    [("gd", {}), ("adam", {}), ("adam", {"input_scaling": True})],
    ids=str,
)
@pytest.mark.once
def test_rates_of_blocks_leave_the_optimum_where_it_is(solver, settings):
    """Of a linear model with an L1 penalty, zeros included; without one if scaled."""
    rows, y = scale(DIABETES.data), scale(DIABETES.target)
    alpha = 0 if settings else 0.2 * len(y)
    options = {
        "solver": solver, "alpha": alpha, "l1_ratio": 1.0 if alpha else 0.0,
        "learning_rate_init": 0.02, "batch_size": len(y), "tol": 0, "max_iter": 6000,
        "n_iter_no_change": np.inf, "random_state": 0, "lr_schedule": "cosine",
    }  # fmt: skip
    standard = MLPRegressorX((), **options).fit(rows, y)
    ntk = MLPRegressorX((), parametrization="ntk", **options, **settings).fit(rows, y)
    W, V = standard.coefs_[0], ntk.coefs_[0]
    if alpha:
        assert 2 <= (W == 0).sum() <= 8
        np.testing.assert_array_equal(W == 0, V == 0)
    else:
        V = V * ntk.input_scale_[:, None]
        assert abs(ntk.input_scale_ - 1).max() > 0.01
    np.testing.assert_allclose(V, W, atol=2e-3)


# ----------------------------------------------------------------- solvers of one's own


class ByTheNorm(Optimizer):
    """Steps of equal length: one rate for all of theta."""

    default_learning_rate = 0.01

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g / xp.sqrt(xp.sum(g * g) + 1e-8)


class BySign(Optimizer):
    elementwise = True
    default_learning_rate = 0.01

    def step(self, theta, g, state, rate, xp):
        theta -= rate * xp.sign(g)


@estimators
@pytest.mark.parametrize(
    "settings", [{"parametrization": "ntk"}, {"input_scaling": True}], ids=str
)
def test_a_solver_with_one_rate_is_refused_before_training(settings, Estimator):
    y = target(Estimator)
    model = small(Estimator, solver=ByTheNorm(), **settings)
    message = assert_fit_refused("ByTheNorm updates all of theta at once", model, X, y)
    assert "elementwise = True" in message
    assert "parametrization='ntk' or input_scaling=True" in message
    assert_refused(
        "ByTheNorm", "partial_fit", X, y, model=model,
        **({"classes": np.unique(y)} if Estimator is MLPClassifierX else {}),
    )  # fmt: skip
    small(Estimator, solver=ByTheNorm()).fit(X, y)


@estimators
def test_a_solver_of_ones_own_that_is_elementwise_has_the_factors(Estimator):
    model = small(
        Estimator, solver=BySign(), input_scaling=True, parametrization="ntk",
        learning_rate_init=1e-3, batch_size=len(X), max_iter=1, tol=0,
    ).fit(X, target(Estimator))  # fmt: skip
    # The first gradient is 0 before the output layer, whose weights are zero.
    np.testing.assert_array_equal(model.input_scale_, np.ones(4))
    np.testing.assert_allclose(abs(model.coefs_[1]), 1e-3 / np.sqrt(5), rtol=1e-9)
    np.testing.assert_allclose(abs(model.intercepts_[1]), 1e-4, rtol=1e-9)


# --------------------------------------------------------------------------- L-BFGS


def test_lbfgs_trains_the_scales():
    """To the optimum of a linear model, which a scaling layer leaves where it is."""
    rows, y = scale(DIABETES.data), scale(DIABETES.target)
    model = MLPRegressorX(
        (), solver="lbfgs", input_scaling=True, alpha=0, max_iter=5000, tol=1e-9,
        random_state=0, normalize_y=False,
    ).fit(rows, y)  # fmt: skip
    linear = LinearRegression().fit(rows, y)
    np.testing.assert_allclose(model.predict(rows), linear.predict(rows), atol=1e-3)
    assert abs(model.input_scale_ - 1).max() > 0.01


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@estimators
@kernels
def test_lbfgs_ends_where_the_gradient_vanishes(
    kernels, Estimator, container, monkeypatch
):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    y = target(Estimator)
    model = Estimator(
        (3,), "tanh", solver="lbfgs", input_scaling=True, alpha=1.0, tol=1e-6,
        max_iter=2000, random_state=0,
    ).fit(container(X), y)  # fmt: skip
    network = model._network
    Y = (model.classes_[:, None] == LABELS).argmax(0) if y is LABELS else None
    if Y is None:
        Y = ((y - model.y_mean_) / model.y_scale_)[:, None]
    first = network.draw(np.random.RandomState(0), np.float64)
    g = np.empty_like(first)

    def objective(theta):
        return network.loss_and_gradient(theta, X, Y, None, out=g)

    def largest_slope(theta):
        steps = 1e-6 * np.eye(len(theta))
        slopes = [objective(theta + e) - objective(theta - e) for e in steps]
        return abs(np.array(slopes)).max() / 2e-6

    # What ends the training is an objective that falls no more.
    assert largest_slope(model._run.theta) < 0.02 * largest_slope(first)
    assert model.loss_ == pytest.approx(objective(model._run.theta), rel=1e-9)
    assert abs(model.input_scale_ - 1).max() > 0.01


@estimators
def test_lbfgs_takes_only_the_draw_of_ntk(Estimator, monkeypatch):
    y, settings = target(Estimator), {"solver": "lbfgs", "max_iter": 20}
    ntk = small(Estimator, parametrization="ntk", **settings).fit(X, y)
    draw = Network.draw

    def as_ntk(self, rng, dtype):
        return draw(network_like(self), rng, dtype)

    standard = small(Estimator, **settings).fit(X, y)
    assert standard.loss_curve_ != ntk.loss_curve_
    monkeypatch.setattr(Network, "draw", as_ntk)
    same = small(Estimator, **settings).fit(X, y)
    assert same.loss_curve_ == ntk.loss_curve_
    np.testing.assert_array_equal(same._run.theta, ntk._run.theta)


def network_like(network):
    return Network(
        network.layer_sizes, network.activations, network.loss, parametrization=NTK()
    )


# --------------------------------------------------------------------------- learning


@estimators
@solvers
def test_every_solver_learns_with_both(solver, Estimator):
    y = target(Estimator)
    rate = 0.1 if solver in ("gd", "adadelta") else 0.02
    model = batched(
        Estimator, solver=solver, input_scaling=True, parametrization="ntk",
        learning_rate_init=rate, max_iter=40, tol=0,
    ).fit(X, y)  # fmt: skip
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]
    assert np.isfinite(model.input_scale_).all()
