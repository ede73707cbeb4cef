"""The solvers of recent years: the paths of their authors' programs, and properties.

``reference/recent.json`` holds what those programs and other libraries compute in
float64; ``reference/README.md`` says how it was made. What every solver has to do is
tested where OPTIMIZERS is gone through.
"""

import json
import pickle
from math import prod
from pathlib import Path

import numpy as np
import pytest
from problems import DIGITS, X, assert_same_state, batched
from scipy.optimize import rosen, rosen_der
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

import skoptnet.optimizers.recent as recent
from skoptnet import (
    AdaBelief,
    Adan,
    Lion,
    MLPClassifierX,
    MLPRegressorX,
    Muon,
    ScheduleFreeAdamW,
    Yogi,
)
from skoptnet.blocks import Block
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update
from skoptnet.testing import check_optimizer

REFERENCE = Path(__file__).parents[1] / "reference"
PROBLEM = json.loads((REFERENCE / "trajectories.json").read_text())["problem"]
RECORD = json.loads((REFERENCE / "recent.json").read_text())

RECENT = [
    name for name, Solver in OPTIMIZERS.items() if Solver.__module__ == recent.__name__
]
solvers = pytest.mark.parametrize("solver", RECENT)
pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def layout_of(shapes):
    """Return where matrices and vectors of these shapes lie in theta."""
    layout, at = [], 0
    for shape in map(tuple, shapes):
        rows = slice(at, at + prod(shape))
        layout.append(Block(rows, shape, decays=len(shape) == 2))
        at += prod(shape)
    return layout


def path_of(optimizer, theta0, gradient, rates, layout=None):
    """Return theta after each update, and the state."""
    theta = np.array(theta0, dtype=float)
    g, state = np.empty_like(theta), optimizer.start(theta, np)
    update, path = Update(optimizer, theta, g, state, np, layout), []
    for t, rate in enumerate(rates):
        g[...] = gradient(update.gradient_point(), t)
        update.step(rate)
        update.update_average()
        path.append(theta.copy())
    return np.array(path), state


# ------------------------------------------------------------- the same as elsewhere


def _name(run):
    own = "-".join(run["hyperparameters"])
    return "-".join(filter(None, (run["source"], own, run["case"], run["schedule"])))


@pytest.mark.parametrize("run", RECORD["runs"], ids=_name)
@pytest.mark.each_pair
def test_path_is_that_of_the_authors_or_another_library(run):
    A, c = np.array(PROBLEM["A"]), np.array(PROBLEM["c"])
    size, solver = RECORD["scale"][run["case"]], run["solver"]
    path, _ = path_of(
        OPTIMIZERS[solver](**run["hyperparameters"]),
        PROBLEM["theta0"],
        lambda theta, t: size * A[t % len(A)] @ (theta - c[t % len(c)]),
        run["lr0"] * np.array(RECORD["factors"][run["schedule"]]),
        layout_of(RECORD["shapes"]) if solver == "muon" else None,
    )
    reached = path[np.array(RECORD["recorded_after"]) - 1]
    # torch uses Muon's 1e-7 in another way, and counts the bias corrections as floats.
    room = 1e-6 if run["source"] == "torch.optim.Muon" else 1e-12
    np.testing.assert_allclose(reached, run["iterates"], rtol=room, atol=room)


def test_every_one_is_recorded():
    assert {run["solver"] for run in RECORD["runs"]} == set(RECENT)


# ------------------------------------------------------------------------ the contract


@pytest.mark.parametrize(
    "optimizer",
    [
        Yogi(beta_1=0.0, beta_2=0.5, epsilon=1e-8, weight_decay=0.1),
        AdaBelief(beta_1=0.5, beta_2=0.9, epsilon=1e-8),
        Adan(beta_1=0.5, beta_2=0.0, beta_3=0.9, weight_decay=0.3),
        Lion(beta_1=0.0, beta_2=0.5, weight_decay=0.0),
        ScheduleFreeAdamW(beta_1=0.0, beta_2=0.9, warmup_steps=3),
        ScheduleFreeAdamW(beta_1=0.98, weight_decay=0.2, warmup_steps=7),
        Muon(momentum=0.0, beta_1=0.5, beta_2=0.5, bias_rate=0.0),
    ],
    ids=repr,
)
def test_keeps_the_contract_with_other_hyperparameters(optimizer):
    check_optimizer(optimizer)


@solvers
@pytest.mark.parametrize("layers", [False, True])
def test_pieces_of_theta_make_the_same_update(solver, layers, monkeypatch):
    """Numbers of the state come out of the pieces, and go on through a copy."""
    optimizer = OPTIMIZERS[solver](weight_decay=0.1)
    layout = layout_of([(7, 5), (5,), (5, 3), (3,)]) if layers else None
    rng, ends = np.random.RandomState(0), []
    start, gradients = rng.randn(58), rng.randn(6, 58)
    for block in (10**6, 16):
        monkeypatch.setattr("skoptnet.optimizers.update._BLOCK", block)
        theta, g = start.copy(), np.empty(58)
        state = optimizer.start(theta, np)
        for row in gradients:
            update = Update(optimizer, theta, g, state, np, layout)
            g[...] = row * update.gradient_point()
            update.step(0.1 / (1 + state.t))
            state = optimizer.go_on(pickle.loads(pickle.dumps(state)), theta, np)
        ends.append({"theta": theta, **vars(state)})
        assert all(type(ends[-1][name]) is float for name in optimizer.numbers)
    assert ends[0].keys() == ends[1].keys()
    for name, value in ends[0].items():
        np.testing.assert_array_equal(value, ends[1][name], err_msg=name)


@solvers
def test_single_precision_follows_double(solver):
    paths = []
    for dtype in (np.float32, np.float64):
        model = batched(MLPClassifierX, solver=solver, learning_rate_init=1e-3)
        model.fit(X.astype(dtype), np.arange(len(X)) % 3)
        state = model._run.state
        for name in OPTIMIZERS[solver].memory:
            assert getattr(state, name).dtype == dtype
        paths.append(model._run.theta)
    assert abs(paths[1]).max() > 0.1
    np.testing.assert_allclose(*paths, atol=2e-5)


# ------------------------------------------------------------------------ convergence


# Rates that suit the solver's steps; the other ones take 0.1.
RATES = {"yogi": 0.3, "lion": 0.03, "muon": 0.03}


def rates(solver, updates, rate=None):
    """Rates that fall by four orders of magnitude, where a solver needs a schedule."""
    rate = rate or RATES.get(solver, 0.1)
    if solver == "schedule_free_adamw":
        return [rate] * updates
    return rate * 1e-4 ** (np.arange(updates) / updates)


@solvers
def test_a_quadratic_is_minimised(solver):
    rng = np.random.RandomState(0)
    Q = np.linalg.qr(rng.randn(12, 12))[0]
    A, c = Q @ np.diag(np.geomspace(0.1, 3, 12)) @ Q.T, rng.randn(12)
    theta0 = c + 3 * rng.randn(12)
    optimizer = OPTIMIZERS[solver](weight_decay=0.0)
    layout = layout_of([(2, 3), (3,), (3, 1)])
    path, _ = path_of(
        optimizer,
        theta0,
        lambda theta, t: A @ (theta - c),
        rates(solver, 4000),
        layout,
    )
    assert np.linalg.norm(path[-1] - c) < 1e-4
    assert np.linalg.norm(theta0 - c) > 5


@solvers
@pytest.mark.once
def test_rosenbrocks_valley_is_followed(solver):
    path, _ = path_of(
        OPTIMIZERS[solver](weight_decay=0.0),
        [-1.2, 1.0],
        lambda theta, t: rosen_der(theta),
        rates(solver, 20_000, 0.03),
    )
    assert rosen(path[0]) > 1
    assert rosen(path[-1]) < 1e-3
    np.testing.assert_allclose(path[-1], 1, atol=0.05)


@solvers
def test_a_saddle_is_left(solver):
    """(x^2 - y^2) / 2 + y^4 / 4, from next to its ridge: minima at y = 1 and -1."""
    path, _ = path_of(
        OPTIMIZERS[solver](weight_decay=0.0),
        [1.0, 1e-3],
        lambda theta, t: theta * [1, -1] + [0, theta[1] ** 3],
        rates(solver, 3000, 0.05),
    )
    np.testing.assert_allclose(path[-1], [0, 1], atol=0.02)


@solvers
@pytest.mark.once
def test_digits_by_the_default_rate(solver):
    """No worse than Adam by more than 2 in 100 held-out rows."""
    rows, held_out, labels, answers = train_test_split(
        scale(DIGITS.data), DIGITS.target, random_state=0
    )
    scores = [
        MLPClassifierX(solver=name, random_state=0)
        .fit(rows, labels)
        .score(held_out, answers)
        for name in ("adam", solver)
    ]
    assert scores[0] > 0.96
    assert scores[1] > scores[0] - 0.02


# -------------------------------------------------------------------------- going on


@solvers
@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
def test_k_epochs_and_k_more_are_2k(solver, Estimator):
    """Through partial_fit and warm starts, with a pickle in between."""
    own = {"warmup_steps": 7} if solver == "schedule_free_adamw" else {}
    model = batched(
        Estimator,
        solver=OPTIMIZERS[solver](weight_decay=0.05, **own),
        lr_schedule="exponential",
        decay_epochs=3.5,
        tol=0,
        warm_start=True,
    )
    y = np.arange(len(X)) % 3
    given = {"classes": range(3)} if Estimator is MLPClassifierX else {}
    whole = clone(model).set_params(max_iter=6).fit(X, y)
    halves = clone(model).set_params(max_iter=3).fit(X, y)
    halves = pickle.loads(pickle.dumps(halves)).fit(X, y)
    assert_same_state(halves, whole)
    calls = [clone(model), clone(model)]
    for k in range(6):
        for i in (0, 1):
            calls[i].partial_fit(X, y, **given)
            if i == 0 and k == 2:
                calls[0] = pickle.loads(pickle.dumps(calls[0]))
    assert_same_state(*calls)
    assert not np.array_equal(calls[0]._run.theta, model.fit(X, y)._run.theta)


# ---------------------------------------------------------------------- schedule-free


def recorded(optimizer, rate):
    """Return theta after each update of a noisy problem, and each z."""
    rng, zs = np.random.RandomState(0), []

    class Recording(ScheduleFreeAdamW):
        def step(self, theta, g, state, rate, xp):
            super().step(theta, g, state, rate, xp)
            zs.append(state.z.copy())

    path, _ = path_of(
        Recording(**optimizer.get_params()),
        np.ones(5),
        lambda y, t: y + rng.randn(5),
        rate,
    )
    return path, np.array(zs)


def test_at_a_constant_rate_theta_is_the_mean_of_the_zs():
    path, zs = recorded(ScheduleFreeAdamW(weight_decay=0.1), [0.1] * 40)
    assert abs(zs[-1] - zs[-2]).min() > 1e-3
    means = np.cumsum(zs, axis=0) / np.arange(1, 41)[:, None]
    np.testing.assert_allclose(path, means, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("warmup_steps", [0, 1, 9, 60])
def test_the_weights_are_squares_of_the_largest_rate_so_far(warmup_steps):
    rate = 0.1 * np.array([0, 1, 0.5, 2, 1, 0.25] * 5)
    path, zs = recorded(ScheduleFreeAdamW(warmup_steps=warmup_steps), rate)
    warm = [min(1, t / warmup_steps) if warmup_steps else 1 for t in range(1, 31)]
    weights = np.maximum.accumulate(rate * warm) ** 2
    np.testing.assert_array_equal(path[0], 1)  # at rates of zero there is no average
    for t in range(1, 30):
        mean = np.average(zs[: t + 1], axis=0, weights=weights[: t + 1])
        np.testing.assert_allclose(path[t], mean, rtol=1e-12, atol=1e-14)


def test_the_gradient_is_taken_between_z_and_the_average():
    optimizer, theta = ScheduleFreeAdamW(beta_1=0.8), np.array([1.0, 2.0])
    state = optimizer.start(theta, np)
    np.testing.assert_array_equal(optimizer.gradient_point(theta, state, np), theta)
    state.z[:] = [2.0, 0.0]
    y = optimizer.gradient_point(theta, state, np)
    np.testing.assert_allclose(y, [0.8 * 1 + 0.2 * 2, 0.8 * 2])
    np.testing.assert_array_equal(theta, [1, 2])


def test_it_is_an_average_and_takes_no_other():
    with pytest.raises(TypeError, match="average"):
        ScheduleFreeAdamW(average=0.9)
    with pytest.raises(ValueError, match="Invalid parameter 'average'"):
        ScheduleFreeAdamW().set_params(average=0.9)


@pytest.mark.parametrize("bad", [-1, 2.5, "auto"])
def test_warmup_steps_are_a_number_of_updates(bad):
    model = MLPClassifierX(solver=ScheduleFreeAdamW(warmup_steps=bad))
    with pytest.raises(ValueError, match="'warmup_steps' parameter of Schedule"):
        model.fit(X, np.arange(len(X)) % 3)


def test_where_training_goes_back_to_an_earlier_epoch_z_goes_with_it():
    y = np.arange(len(X)) % 3
    model = batched(MLPClassifierX, solver="schedule_free_adamw", max_iter=100)
    model.set_params(early_stopping=True, n_iter_no_change=4).fit(X, y)
    assert model.best_epoch_ < model.n_iter_
    np.testing.assert_array_equal(model._run.state.z, model._run.theta)
    assert model._run.state.sum_of_weights == pytest.approx(
        model._run.state.t * 0.02**2, rel=1e-12
    )
    before = model.loss_
    model.set_params(early_stopping=False)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.loss_ < before


def test_an_l1_penalty_sets_z_to_zero_with_theta():
    """Else the gradient would be that of other weights than the zeros reported."""
    rng = np.random.RandomState(0)
    rows = rng.randn(300, 12)
    y = rows[:, :3] @ [1.0, -2.0, 0.5] + rng.randn(300)
    model = MLPRegressorX(
        (), solver="schedule_free_adamw", alpha=60.0, l1_ratio=1.0, batch_size=300,
        learning_rate_init=0.02, tol=0, max_iter=4000, n_iter_no_change=np.inf,
        random_state=0, normalize_y=False,
    )  # fmt: skip
    W = model.fit(rows, y).coefs_[0].ravel()
    z = model._run.state.z[:12]
    assert 5 <= (W == 0).sum() <= 9
    np.testing.assert_array_equal(W == 0, z == 0)
    # The subgradient of the objective vanishes at the weights reported.
    g = rows.T @ (rows @ W + model.intercepts_[0] - y) / 300
    np.testing.assert_allclose(g[W != 0], -0.2 * np.sign(W[W != 0]), atol=5e-3)
    assert (abs(g[W == 0]) < 0.2 + 5e-3).all()


# ------------------------------------------------------------------------------- Muon


@pytest.mark.parametrize("shape", [(20, 60), (60, 20), (30, 1), (1, 30), (8, 24)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_muon_update_is_nearly_orthogonal(shape, dtype):
    """Singular values between 0.7 and 1.2, singular vectors those of the gradient."""
    g = np.random.RandomState(0).randn(*shape).astype(dtype)
    U, _, Vt = np.linalg.svd(g, full_matrices=False)
    X = recent._orthogonalised(g, np)
    assert X.dtype == dtype
    inside = U.T @ X @ Vt.T
    sigma = np.diag(inside)
    assert sigma.min() > 0.65
    assert sigma.max() < 1.25
    room = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(inside, np.diag(sigma), atol=room)
    np.testing.assert_allclose((U * sigma) @ Vt, X, atol=room)


def test_a_vanishing_matrix_stays_where_it_is():
    assert not recent._orthogonalised(np.zeros((3, 4)), np).any()


@pytest.mark.parametrize("hidden", [(30, 40), (8,)])
def test_the_layers_of_a_model_move_by_the_rate_in_every_direction(hidden):
    """More by the root of k_l / k_{l-1} where a layer has more outputs than inputs."""
    rows, labels = DIGITS.data / 16, DIGITS.target
    model = MLPClassifierX(
        hidden, solver="muon", batch_size=len(rows), alpha=0, random_state=0,
        activation="tanh",
    )  # fmt: skip
    still = clone(model).set_params(learning_rate_init=1e-300)
    still.partial_fit(rows, labels, classes=range(10))
    model.partial_fit(rows, labels, classes=range(10))
    for W, before in zip(model.coefs_, still.coefs_, strict=True):
        k_in, k_out = W.shape
        sigma = np.linalg.svd(W - before, compute_uv=False)
        moved = model.learning_rate_ * max(1, k_out / k_in) ** 0.5
        assert 0.65 * moved < sigma[0] < 1.25 * moved
        # Directions in which the gradient is not negligible.
        assert np.median(sigma) > 0.1 * moved
    for b, before in zip(model.intercepts_, still.intercepts_, strict=True):
        first = abs(b - before)  # Adam's first update is by the rate
        np.testing.assert_allclose(first, model.learning_rate_, rtol=1e-3)


def test_biases_have_a_rate_of_their_own():
    y = np.arange(len(X)) % 3
    paths = []
    for bias_rate in (0.0, 0.015):
        model = batched(MLPClassifierX, solver=Muon(bias_rate=bias_rate), max_iter=1)
        model.set_params(batch_size=len(X)).fit(X, y)
        paths.append((model.coefs_, model.intercepts_))
    for W, same in zip(paths[0][0], paths[1][0], strict=True):
        np.testing.assert_array_equal(W, same)
    for b, moved in zip(paths[0][1], paths[1][1], strict=True):
        step = 0.015 * model.learning_rate_
        np.testing.assert_allclose(abs(moved - b), step, rtol=1e-3)


# ------------------------------------------------------------------ decay of weights


def without_gradient(optimizer, rate):
    """Return W and b before and after updates without any gradient."""
    theta, layout = np.linspace(1, 2, 8), layout_of([(2, 3), (2,)])
    path, _ = path_of(optimizer, theta, lambda at, t: 0.0, rate, layout)
    return theta[:6], path[-1][:6], theta[6:], path[-1][6:]


@pytest.mark.parametrize(
    ("Solver", "factor"),
    [
        (Yogi, lambda rate: np.prod(1 - 0.5 * rate)),
        (AdaBelief, lambda rate: np.prod(1 - 0.5 * rate)),
        (Lion, lambda rate: np.prod(1 - 0.5 * rate)),
        (Muon, lambda rate: np.prod(1 - 0.5 * rate)),
        (Adan, lambda rate: 1 / np.prod(1 + 0.5 * rate)),
    ],
)
def test_each_decays_in_its_sources_form(Solver, factor):
    rate = np.array([0.3, 0.2, 0.1])
    W, after, b, same = without_gradient(Solver(weight_decay=0.5), rate)
    np.testing.assert_array_equal(same, b)
    np.testing.assert_allclose(after, factor(rate) * W, rtol=1e-14)


def test_adans_decay_shrinks_its_update_too():
    """(theta - rate u) / (1 + rate lambda), with u = g / |g| at the first update."""
    optimizer, theta = Adan(weight_decay=0.5), np.array([2.0, -1.0])
    path, _ = path_of(optimizer, theta, lambda at, t: np.array([3.0, -4.0]), [0.1])
    np.testing.assert_allclose(path[0], (theta - [0.1, -0.1]) / 1.05, rtol=1e-8)


def test_schedule_free_decay_is_that_of_the_point_between():
    optimizer = ScheduleFreeAdamW(beta_1=0.8, weight_decay=0.5)
    W, after, b, same = without_gradient(optimizer, [0.3, 0.3])
    np.testing.assert_array_equal(same, b)
    z = x = W - 0.3 * 0.5 * W
    z = z - 0.3 * 0.5 * (0.2 * z + 0.8 * x)
    np.testing.assert_allclose(after, (x + z) / 2, rtol=1e-14)


def test_lions_own_default_is_a_little_decay():
    W, after, _, _ = without_gradient(Lion(), np.array([0.5]))
    np.testing.assert_allclose(after, (1 - 0.5 * 1e-3) * W, rtol=1e-14)
