"""The L1 penalty: its subgradient, its exact zeros, and what else it goes with."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    CANCER,
    DIABETES,
    ESTIMATORS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_same_state,
    batched,
    rate_for,
    some_solvers,
    target,
)
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn import __version__
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression
from sklearn.preprocessing import scale
from sklearn.utils.fixes import parse_version
from training import epochs_with, new_run

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.training import Plan, TrainingSet
from skoptnet.training.epochs import FormulaUpdates

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")

solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
# Thousands of updates each: not for all.
textbook_solvers = pytest.mark.parametrize("solver", sorted(TEXTBOOK))
estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)

# Ten features that count, more or less, and ten that are noise.
N = len(DIABETES.target)
NOISE = np.random.RandomState(0).randn(N, 10)
ROWS, TARGETS = scale(np.hstack([DIABETES.data, NOISE])), scale(DIABETES.target)


def linear(Estimator, **parameters):
    """A linear model, trained until it stands still."""
    settings = {"solver": "gd", "tol": 0, "n_iter_no_change": np.inf, "max_iter": 4000}
    return Estimator((), **settings | {"random_state": 0} | parameters)


# ------------------------------------------------------------- the same as elsewhere


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("l1_ratio", [1, 0.5, 0.1])
@pytest.mark.each_value
def test_a_linear_regression_is_scikit_learns(alpha, l1_ratio):
    if l1_ratio == 1:
        reference = Lasso(alpha, tol=1e-12, max_iter=100_000)
    else:
        reference = ElasticNet(alpha, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000)
    reference.fit(ROWS, TARGETS)
    model = linear(MLPRegressorX, alpha=alpha * N, l1_ratio=l1_ratio, max_iter=6000)
    (W,), (b,) = model.fit(ROWS, TARGETS).coefs_, model.intercepts_
    assert_allclose(W[:, 0], reference.coef_, atol=1e-9)
    assert_array_equal(W[:, 0] == 0, reference.coef_ == 0)
    assert_allclose(b, reference.intercept_, atol=1e-9)
    if l1_ratio == 1:
        assert 1 <= (W == 0).sum() < len(W)


@pytest.mark.parametrize(
    "l1_ratio", [1, pytest.param(0.5, marks=pytest.mark.exhaustive)]
)
@pytest.mark.once
def test_a_logistic_regression_is_scikit_learns(l1_ratio):
    rows, y, alpha = scale(CANCER.data), CANCER.target, 20
    options = {"l1_ratio": l1_ratio}
    if parse_version(__version__) < parse_version("1.8"):
        options["penalty"] = "elasticnet"
    reference = LogisticRegression(
        C=1 / alpha, solver="saga", tol=1e-9, max_iter=50_000, **options
    ).fit(rows, y)
    model = linear(
        MLPClassifierX, alpha=alpha, l1_ratio=l1_ratio, learning_rate_init=0.5,
        max_iter=30_000,
    ).fit(rows, y)  # fmt: skip
    W = model.coefs_[0][:, 0]
    assert_allclose(W, reference.coef_[0], atol=1e-5)
    assert_array_equal(W == 0, reference.coef_[0] == 0)
    assert 1 <= (W == 0).sum() < len(W)
    # And by itself: the subgradient of the objective vanishes.
    residual = expit(rows @ W + model.intercepts_[0]) - y
    g = (rows.T @ residual + alpha * (1 - l1_ratio) * W) / len(y)
    least = alpha * l1_ratio / len(y)
    assert_allclose(g[W != 0], -least * np.sign(W[W != 0]), atol=1e-6)
    assert (abs(g[W == 0]) <= least).all()


# ------------------------------------------------------------------- every solver

# Rates that fall slowly enough for each solver to get there, and fast enough to settle.
DECAY = {"lr_schedule": "exponential", "decay_epochs": 300}
RATES = {
    "gd": 0.1,
    "sgd": 0.03,
    "momentum": 0.01,
    "nesterov": 0.003,
    "adagrad": 0.1,
    "rmsprop": 0.003,
    "adam": 0.01,
}


@some_solvers
def test_every_solver_has_exact_zeros_where_they_belong(solver):
    """The support is Lasso's, exactly; the other weights to 1e-3, or 2e-3."""
    reference = Lasso(0.1, tol=1e-12).fit(ROWS, TARGETS).coef_
    model = linear(
        MLPRegressorX, solver=solver, alpha=0.1 * N, l1_ratio=1, batch_size=N,
        learning_rate_init=RATES.get(solver, rate_for(solver, 0.01)),
        **DECAY,
    ).fit(ROWS, TARGETS)  # fmt: skip
    W = model.coefs_[0][:, 0]
    assert_array_equal(W == 0, reference == 0)
    assert not np.signbit(W[W == 0]).any()
    assert_allclose(W, reference, atol=1e-3 if solver in TEXTBOOK else 2e-3)


@textbook_solvers
@pytest.mark.once
def test_with_minibatches_zeros_are_near(solver):
    """Minibatches scatter: some are not exact, but all within the last rates."""
    reference = Lasso(0.1, tol=1e-12).fit(ROWS, TARGETS).coef_
    model = linear(
        MLPRegressorX, solver=solver, alpha=0.1 * N, l1_ratio=1, batch_size=150,
        learning_rate_init=RATES[solver], max_iter=3000, **DECAY,
    ).fit(ROWS, TARGETS)  # fmt: skip
    W = model.coefs_[0][:, 0]
    assert_allclose(W, reference, atol=1e-3)
    assert (W[reference == 0] == 0).mean() > 0.3
    assert abs(W[reference == 0]).max() < 1e-5
    assert (W[reference != 0] != 0).all()


@textbook_solvers
@estimators
@pytest.mark.each_value
@pytest.mark.once
def test_a_large_penalty_leaves_the_biases(Estimator, solver):
    """They are free: with all weights at 0, the output is that of the mean target."""
    y = TARGETS + 1 if Estimator is MLPRegressorX else TARGETS > 0.3
    model = linear(
        Estimator, solver=solver, alpha=10 * N, l1_ratio=0.5, batch_size=N,
        learning_rate_init=RATES[solver], lr_schedule="exponential", decay_epochs=800,
    ).fit(ROWS, y)  # fmt: skip
    assert not model.coefs_[0].any()
    if Estimator is MLPRegressorX:
        assert_allclose(model.predict(ROWS), y.mean(), atol=1e-2)
    else:
        assert_allclose(model.predict_proba(ROWS)[:, 1], y.mean(), atol=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_columns_of_noise_are_cut_off(seed):
    """Three columns count, ten say nothing: they end without a connection."""
    rng = np.random.RandomState(seed)
    rows = rng.randn(1000, 13)
    a, b, c = rows[:, :3].T
    y = np.tanh(2 * a) + np.maximum(b, 0) - np.exp(c / 2) + 0.2 * rng.randn(1000)
    model = MLPRegressorX(
        (10,), solver="adagrad", alpha=30, batch_size=1000, max_iter=600, tol=0,
        n_iter_no_change=np.inf, random_state=seed, learning_rate_init=0.1,
        lr_schedule="exponential", decay_epochs=80,
    )  # fmt: skip
    with_l1 = clone(model).set_params(l1_ratio=1).fit(rows, scale(y))
    assert not with_l1.coefs_[0][3:].any()
    assert with_l1.coefs_[0][:3].any(axis=1).all()
    assert with_l1.score(rows, scale(y)) > 0.75
    assert model.fit(rows, scale(y)).coefs_[0].all()


# ------------------------------------------------------------------- the gradient


@pytest.fixture
def no_kernels(monkeypatch):
    """The readable formulas are looked at."""
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")


def epochs_of(l1, activation="tanh", l2=0.2, rows=X, solver="sgd"):
    Y = np.arange(len(rows)) % 3
    network = Network(
        (rows.shape[1], 5, 3), (ACTIVATIONS[activation](),), LOSSES["multiclass"](), l2
    )
    optimizer = OPTIMIZERS[solver]()
    run = new_run(network, optimizer, rows.dtype)
    return epochs_with(network, optimizer, run, TrainingSet(rows, Y), l1=l1)


@pytest.mark.usefixtures("no_kernels")
def test_objective_is_the_formula_and_its_gradient_the_derivative():
    l1 = 0.3
    epochs, smooth = epochs_of(l1), epochs_of(0.0)
    theta, objective = epochs.run.theta, epochs.objective
    penalty = l1 * sum(abs(W).sum() for W, _ in objective.network.layers(theta))
    with objective.threads():
        assert objective.value(theta) == pytest.approx(
            smooth.objective.value(theta) + penalty, rel=1e-13
        )
        numerical = [
            (objective.value(theta + e) - objective.value(theta - e)) / 2e-6
            for e in 1e-6 * np.eye(len(theta))
        ]
        objective.loss_and_gradient(theta, range(len(X)))
        epochs.updates.l1.add_to_gradient()
    assert_allclose(objective.g, numerical, atol=1e-6 * np.linalg.norm(numerical))


@pytest.mark.usefixtures("no_kernels")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_zero_the_subgradient_is_the_shortest_there_is(dtype):
    """g + lambda_1 s with s in [-1, 1] is shortest at s = -g / lambda_1, cut off."""
    l1 = 0.01
    epochs = epochs_of(l1, rows=X.astype(dtype))
    theta = epochs.run.theta
    for W, _ in epochs.objective.network.layers(theta):
        W[::2] = 0
    with epochs.objective.threads():
        epochs.objective.loss_and_gradient(theta, range(len(X)))
    before = epochs.objective.g.astype(float)
    s = np.where(theta == 0, np.clip(-before / l1, -1, 1), np.sign(theta))
    for _, bias in epochs.objective.network.layers(s):
        bias[...] = 0
    epochs.updates.l1.add_to_gradient()
    assert epochs.objective.g.dtype == dtype
    room = {np.float32: 1e-7, np.float64: 1e-15}[dtype]
    assert_allclose(epochs.objective.g, before + l1 * s, rtol=0, atol=room)
    at_zero = epochs.objective.g[theta == 0]
    assert (at_zero == 0).any()
    assert (at_zero != 0).any()


@solvers
@pytest.mark.parametrize("kernels", ["0", "1"])
def test_a_weight_at_zero_leaves_only_downhill(solver, kernels, monkeypatch):
    """Whatever the solver remembers of earlier gradients."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    epochs = epochs_of(0.05, solver=solver)
    theta, layers = epochs.run.theta, epochs.objective.network.layers(epochs.run.theta)
    rng = np.random.RandomState(1)
    for name in OPTIMIZERS[solver].memory:
        memory = getattr(epochs.run.state, name)
        memory[...] = rng.randn(len(memory)) if name in "vs" else rng.rand(len(memory))
    for W, _ in layers:
        W[::2] = 0
    before, objective = theta.copy(), epochs.objective
    plan, optimizer = Plan(0.1, len(X), l1=0.05), OPTIMIZERS[solver]()
    formula = FormulaUpdates(optimizer, epochs.run, objective, None, plan, ())
    if epochs.kernel:
        epochs.kernel.start_from(epochs.run.state)
    with objective.threads():
        objective.loss_and_gradient(formula.update.gradient_point(), range(len(X)))
        formula.l1.add_to_gradient()
        downhill = -np.sign(objective.g)
        epochs.updates.make(None, np.array([[0.1]]))
    weights = np.zeros(len(theta), bool)
    for W, _ in epochs.objective.network.layers(weights):
        W[...] = True
    changed = theta - before
    at_zero = weights & (before == 0)
    stays = at_zero & (downhill == 0)
    assert stays.any()
    assert not changed[stays].any()
    assert (changed * downhill >= 0)[at_zero].all()
    assert (theta * before >= 0)[weights].all()
    assert changed[~weights].any()


def test_losses_have_the_penalty_in_them():
    options = {"alpha": 7.0, "l1_ratio": 0.3, "learning_rate_init": 1e-300}
    w = np.random.RandomState(0).uniform(0, 3, len(X))
    model = batched(MLPRegressorX, **options, max_iter=1, solver="sgd")
    model.fit(X, NUMBERS, w)
    errors = ((model.predict(X) - NUMBERS) / model.y_scale_) ** 2
    penalty = sum(7 * (0.3 * abs(W).sum() + 0.35 * (W**2).sum()) for W in model.coefs_)
    expected = np.average(errors, weights=w) / 2 + penalty / w.sum()
    assert model.loss_ == pytest.approx(expected, rel=1e-12)


# -------------------------------------------------------------- what it goes with


def sparse(Estimator, **parameters):
    return batched(Estimator, **{"alpha": 5.0, "l1_ratio": 0.6, **parameters})


@estimators
@solvers
@pytest.mark.each_value
def test_without_it_nothing_changes(Estimator, solver):
    y = target(Estimator)
    plain = batched(Estimator, solver=solver).fit(X, y)
    assert_same_state(batched(Estimator, solver=solver, l1_ratio=0).fit(X, y), plain)
    free = batched(Estimator, solver=solver, alpha=0)
    assert_same_state(clone(free).set_params(l1_ratio=0.5).fit(X, y), free.fit(X, y))


@solvers
def test_kernels_do_as_well(solver, monkeypatch):
    for container, dtype, room in (
        (np.asarray, np.float64, 1e-9),
        (csr_array, np.float32, 1e-3),
    ):
        rows, model = container(X.astype(dtype)), sparse(MLPClassifierX, solver=solver)
        fast = clone(model).fit(rows, LABELS)
        with monkeypatch.context() as patch:
            patch.setenv("SKOPTNET_KERNELS", "0")
            slow = clone(model).fit(rows, LABELS)
        assert fast.coefs_[0].dtype == dtype
        assert_allclose(fast.loss_curve_, slow.loss_curve_, rtol=room)
        assert_allclose(fast._run.theta, slow._run.theta, rtol=room, atol=room)


def test_a_gradient_is_shortened_with_its_penalty():
    options = {"max_iter": 1, "batch_size": 150, "solver": "sgd", "alpha": 3000.0}
    model = sparse(MLPRegressorX, **options, learning_rate_init=1e-3)
    still = clone(model).set_params(learning_rate_init=1e-300).fit(X, NUMBERS)
    limited = clone(model).set_params(max_grad_norm=0.5).fit(X, NUMBERS)
    moved = np.linalg.norm(limited._run.theta - still._run.theta)
    assert moved == pytest.approx(1e-3 * 0.5, rel=1e-6)


def test_early_stopping_dropout_and_class_weights():
    model = sparse(
        MLPClassifierX, early_stopping=True, class_weight="balanced", dropout=0.2,
        max_iter=300, learning_rate_init=0.05, solver="adagrad", n_iter_no_change=50,
        scoring="loss",
    ).fit(X, LABELS)  # fmt: skip
    assert model.score(X, LABELS) > 0.9
    assert any((W == 0).any() for W in model.coefs_)


class Leap(Schedule):
    """Far too high a rate, from the fourth epoch on."""

    def __call__(self, clock):
        return 1.0 if clock.epoch < 3 else 1e300


@solvers
def test_divergence_is_seen(solver):
    """Weights that overflow are not taken for such that changed their sign."""
    model = sparse(MLPRegressorX, solver=solver, lr_schedule=Leap())
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch (4|5)"):
        model.fit(X, NUMBERS)
    assert np.isfinite(model._run.theta).all()


@estimators
def test_lbfgs_refuses(Estimator):
    y = target(Estimator)
    message = assert_fit_refused(
        "solver='lbfgs' cannot train with an L1 penalty",
        sparse(Estimator, solver="lbfgs"),
        X,
        y,
    )
    assert "l1_ratio=0.6 with alpha=5.0" in message
    free = batched(Estimator, solver="lbfgs", alpha=0, tol=0.1, max_iter=500)
    assert_same_state(clone(free).set_params(l1_ratio=0.5).fit(X, y), free.fit(X, y))


@estimators
def test_the_twin_of_scikit_learn_has_the_l2_part(Estimator):
    model = sparse(Estimator).fit(X, target(Estimator))
    twin = model.to_sklearn()
    assert twin.alpha == pytest.approx(5 * 0.4)
    if Estimator is MLPRegressorX:
        assert_allclose(twin.predict(X), model.predict(X), rtol=1e-12)
    else:
        assert_array_equal(twin.predict(X), model.predict(X))
