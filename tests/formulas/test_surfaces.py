"""Surfaces, held to numerical derivatives; solvers' paths, to closed forms."""

import math
import pickle
import warnings

import numpy as np
import pytest
from problems import rate_for
from scipy.optimize import approx_fprime, minimize, rosen, rosen_der
from sklearn.exceptions import ConvergenceWarning

from skoptnet import SGD, Adam, MLPRegressorX, Momentum, Nesterov, Optimizer
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, OneCycle, Plateau, Schedule
from skoptnet.surfaces import (
    SURFACES,
    Surface,
    best_learning_rate,
    descend,
    quadratic,
    saddle,
)

surfaces = pytest.mark.parametrize("name", list(SURFACES))
solvers = pytest.mark.parametrize("solver", list(OPTIMIZERS))


def spread(surface, n=40):
    """Points all over the picture."""
    low, high = np.array(surface.limits).T
    return np.random.RandomState(0).uniform(low, high, (n, 2))


# ---------------------------------------------------------------------------- surfaces


@surfaces
def test_gradients_are_those_of_numerical_derivatives(name):
    surface = SURFACES[name]
    points = spread(surface)
    expected = [approx_fprime(p, lambda q: float(surface(*q)), 1e-7) for p in points]
    scale = 1 + np.abs(expected)
    assert (abs(surface.gradient(*points.T).T - expected) < 2e-5 * scale).all()


@surfaces
def test_minima_are_where_they_are_said_to_be(name):
    surface = SURFACES[name]
    assert abs(surface.gradient(*surface.minima.T)).max() < 1e-10
    for minimum in surface.minima:
        found = minimize(
            lambda q: float(surface(*q)), minimum + 0.02, method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-14},
        )  # fmt: skip
        np.testing.assert_allclose(found.x, minimum, atol=1e-6)
        assert float(surface(*minimum)) <= found.fun + 1e-13
    points = spread(surface, 5000)
    assert surface(*points.T).min() >= surface.lowest


@surfaces
def test_a_start_lies_in_the_picture_and_minima_too(name):
    surface = SURFACES[name]
    (x_min, x_max), (y_min, y_max) = surface.limits
    for x, y in [surface.start, *surface.minima]:
        assert x_min < x < x_max
        assert y_min < y < y_max


def test_rosenbrocks_function_is_scipys():
    surface = SURFACES["rosenbrock"]
    for point in spread(surface):
        assert float(surface(*point)) == pytest.approx(rosen(point))
        np.testing.assert_allclose(surface.gradient(*point), rosen_der(point))


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("beale", (0, 0), 1.5**2 + 2.25**2 + 2.625**2),
        ("himmelblau", (0, 0), 170),
        ("himmelblau", (-0.270845, -0.923039), 181.617),  # its maximum
        ("local_minima", (0.0898, -0.7126), -1.0316),
        ("local_minima", (1.703607, -0.796084), -0.215464),
        ("local_minima", (1.607105, 0.568651), 2.104250),
        ("saddle", (0, 1), -0.25),
        ("ravine", (2, 1), 42),
    ],
)
def test_published_values(name, point, value):
    assert float(SURFACES[name](*point)) == pytest.approx(value, abs=1e-3)


def scalar_only(x, y):
    return math.sin(x) + (y**2 if y > 0 else 0.5 * math.exp(y))


@pytest.mark.parametrize(
    "f",
    [scalar_only, lambda x, y: np.where(y > 0, np.sin(x) + y**2, np.sin(x))],
    ids=["numbers", "arrays"],
)
def test_any_function_is_a_surface(f):
    surface = Surface(f)
    x, y = np.meshgrid(np.linspace(-2, 2, 5), [-1.0, 0.5, 3.0])
    expected = [[float(f(a, b)) for a, b in zip(*r, strict=True)] for r in zip(x, y)]  # noqa: B905
    np.testing.assert_array_equal(surface(x, y), expected)
    np.testing.assert_array_equal(surface(x[0], 0.5), expected[1])
    assert surface(0.0, 0.5).shape == ()
    by_x, by_y = surface.gradient(x, y)
    np.testing.assert_allclose(by_x, np.cos(x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(by_y[1:], 2 * y[1:], rtol=1e-9)


@surfaces
def test_central_differences_have_the_documented_accuracy(name):
    surface = SURFACES[name]
    points = spread(surface)
    f = Surface(lambda x, y: surface(x, y))
    exact, found = surface.gradient(*points.T), f.gradient(*points.T)
    scale = 1 + abs(exact) + abs(surface(*points.T))
    assert (abs(exact - found) < 1e-8 * scale).all()


def test_gradients_may_be_written_for_numbers():
    surface = Surface(scalar_only, lambda x, y: (math.cos(x), 2 * max(y, 0)))
    by_x, by_y = surface.gradient(np.zeros(3), np.array([-1.0, 0, 2]))
    np.testing.assert_array_equal(by_x, [1, 1, 1])
    np.testing.assert_array_equal(by_y, [0, 0, 4])


def test_errors_of_a_function_are_its_own():
    with pytest.raises(ZeroDivisionError):
        Surface(lambda x, y: 1 // 0)(np.zeros(3), np.zeros(3))
    with pytest.raises(TypeError, match="positional argument"):
        Surface(lambda x: x)(0, 0)


def test_values_that_overflow_are_infinite_without_a_warning():
    surface = Surface(lambda x, y: math.exp(float(x)) + y)
    assert surface(1e4, 0) == np.inf
    assert np.isinf(surface(np.array([0, 1e4]), 0)).tolist() == [False, True]
    assert SURFACES["rosenbrock"](1e200, 0) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Surface("rosenbrock"), "The 'f' parameter of Surface must be a func"),
        (lambda: Surface(saddle, 3), "The 'gradient' parameter of Surface"),
        (lambda: Surface(saddle, noise=-1), "The 'noise' parameter of Surface"),
        (lambda: Surface(saddle, start=3), r"'start' parameter .* two finite numbers"),
        (lambda: Surface(saddle, start=(0, np.nan)), "'start' parameter"),
        (lambda: Surface(saddle, limits=((1, 0), (0, 1))), "finite and rising"),
        (lambda: Surface(saddle, limits=3), "The 'limits' parameter of Surface"),
        (lambda: quadratic(0), "The 'm' parameter of quadratic"),
        (lambda: descend("rosenbrok"), "Did you mean 'rosenbrock'"),
        (lambda: descend("saddle", "nestrov"), "Did you mean 'nesterov'"),
        (lambda: descend("saddle", "lbfgs"), "'solver' parameter of descend"),
        (lambda: descend("saddle", Adam), "Did you mean an object"),
        (lambda: descend("saddle", Adam(beta_1=2)), "'beta_1' parameter of Adam"),
        (lambda: descend("saddle", learning_rate=0), "'learning_rate' parameter"),
        (lambda: descend("saddle", lr_schedule="cosin"), "Did you mean 'cosine'"),
        (lambda: descend("saddle", n_updates=0), "'n_updates' parameter of descend"),
        (lambda: descend("saddle", updates_per_epoch=0.5), "'updates_per_epoch'"),
        (lambda: descend("saddle", start=(0, 0, 0)), "'start' parameter of descend"),
        (lambda: descend("saddle", random_state="a"), "'random_state' parameter"),
        (lambda: descend(lambda x, y: np.log(x)), "is not finite at the start"),
        (
            lambda: descend("saddle", lr_schedule=Plateau(monitor="validation_loss")),
            "monitors a validation loss",
        ),
        (
            lambda: descend("saddle", lr_schedule=lambda clock: -1.0),
            "must return a finite factor",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


# ------------------------------------------------------------------------------- paths


@solvers
def test_every_solver_descends(solver):
    """On a mild quadratic, at one of three rates, which then falls."""
    surface = quadratic(1, 4)
    ends = [
        descend(surface, solver, learning_rate=rate_for(solver, rate),
                lr_schedule="linear", n_updates=1000).values[-1]
        for rate in (0.03, 0.3, 1.0)
    ]  # fmt: skip
    assert min(ends) < 1e-3 * float(surface(*surface.start))


@solvers
def test_a_path_is_what_it_says(solver):
    path = descend("himmelblau", solver, learning_rate=1e-3, n_updates=20)
    assert len(path) == 20
    assert path.points.shape == (21, 2)
    assert path.gradients.shape == (20, 2)
    np.testing.assert_array_equal(path.points[0], SURFACES["himmelblau"].start)
    np.testing.assert_array_equal(path.values, SURFACES["himmelblau"](*path.points.T))
    np.testing.assert_array_equal(path.rates, [1e-3] * 20)
    assert not path.diverged


def test_gradient_descent_on_a_quadratic_is_its_closed_form():
    m, M, rate = 1, 25, 0.03
    path = descend(quadratic(m, M), "gd", learning_rate=rate, n_updates=30)
    k = np.arange(31)[:, None]
    expected = path.points[0] * (1 - rate * np.array([m, M])) ** k
    np.testing.assert_allclose(path.points, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("solver", "is_ahead"), [(Momentum(momentum=0.8), 0), (Nesterov(momentum=0.8), 1)]
)
def test_momentum_on_a_quadratic_is_a_recursion_of_its_own(solver, is_ahead):
    """theta_{k+1} = theta_k + d_k - rate H (theta_k + d_k or theta_k), d_k = a step."""
    H, rate = np.array([1, 25]), 0.02
    path = descend(quadratic(1, 25), solver, learning_rate=rate, n_updates=25)
    before = theta = path.points[0]
    for point in path.points[1:]:
        d = 0.8 * (theta - before)
        before, theta = theta, theta + d - rate * H * (theta + is_ahead * d)
        np.testing.assert_allclose(point, theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_rates_are_those_of_a_training_of_one_update_per_epoch(schedule):
    """Gradient descent makes one; no plateau comes in either."""
    model = MLPRegressorX(
        (), solver="gd", learning_rate_init=0.01, lr_schedule=schedule, max_iter=40,
        tol=0, random_state=0,
    )  # fmt: skip
    X = np.ones((1, 1))  # a sample per update, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, [3.0])
    path = descend(
        "ravine", "sgd", learning_rate=0.01, lr_schedule=schedule, n_updates=40
    )
    np.testing.assert_allclose(path.rates, model.history_["learning_rate"])


def test_an_epoch_is_one_update_or_as_many_as_are_said():
    for per_epoch in (1, 5):
        path = descend(
            "ravine", "sgd", learning_rate=0.01, lr_schedule="step", n_updates=60,
            updates_per_epoch=per_epoch,
        )  # fmt: skip
        epochs = np.arange(60) // per_epoch
        np.testing.assert_allclose(path.rates, 0.01 * 0.5 ** (epochs // 10))


def test_schedules_see_losses_plateaus_and_the_plan():
    seen = []

    def schedule(clock):
        seen.append((clock, list(clock.losses)))
        return 1.0

    path = descend(
        "ravine", "gd", learning_rate=0.02, lr_schedule=schedule, n_updates=9,
        updates_per_epoch=3,
    )  # fmt: skip
    clock, losses = seen[-1]
    assert (clock.update, clock.epoch, clock.step, clock.planned_epochs) == (8, 2, 2, 3)
    np.testing.assert_allclose(
        losses, [path.values[:3].mean(), path.values[3:6].mean()]
    )
    path = descend(
        "saddle", "gd", start=(0, 1), lr_schedule="adaptive", n_updates=40
    )  # at the minimum
    assert path.rates[9] == path.rates[0]
    assert path.rates[-1] == pytest.approx(path.rates[0] * 0.2**3)


def test_a_schedule_moves_the_momentum():
    class Heavier(Schedule):
        def __call__(self, clock):
            return 1.0

        def momentum(self, clock):
            return 0.5 if clock.update < 10 else 0.0

    solver = Momentum(momentum=0.9)
    path = descend(
        "ravine", solver, learning_rate=0.01, lr_schedule=Heavier(), n_updates=12
    )
    half = descend("ravine", Momentum(momentum=0.5), learning_rate=0.01, n_updates=10)
    np.testing.assert_array_equal(path.points[:11], half.points)
    H = np.array([1, 80])
    np.testing.assert_allclose(path.points[-1], path.points[-2] * (1 - 0.01 * H))
    assert solver.momentum == 0.9
    assert len(descend("ravine", "adam", lr_schedule=OneCycle(), n_updates=20)) == 20


@pytest.mark.parametrize("solver", ["gd", "momentum", "nesterov", "radam"])
@surfaces
def test_divergence_is_a_flag_and_no_warning(solver, name):
    with warnings.catch_warnings(action="error"):
        path = descend(name, solver, learning_rate=50, n_updates=500)
    if solver != "radam":
        assert path.diverged
        assert len(path) < 500
    assert np.isfinite(path.points).all()
    assert np.isfinite(path.values).all()
    assert len(path.values) == len(path.points) == len(path.rates) + 1


def test_a_surface_without_limits_may_diverge_too():
    path = descend(lambda x, y: -(x**2) - y, "gd", start=(1, 1), learning_rate=1)
    assert path.diverged
    assert np.isfinite(path.points).all()


def test_noise_is_reproducible_and_of_the_given_size():
    first, same, other = (
        descend("noisy", "sgd", learning_rate=0.01, n_updates=2000, random_state=seed)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.points, same.points)
    assert (first.points[1:] != other.points[1:]).all()
    surface = SURFACES["noisy"]
    noise = first.gradients - surface.gradient(*first.points[:-1].T).T
    assert noise.std(axis=0) == pytest.approx([surface.noise] * 2, rel=0.05)
    assert abs(noise.mean(axis=0)).max() < 4 * surface.noise / 2000**0.5
    quiet = descend(surface.with_noise(0), "sgd", learning_rate=0.01, n_updates=5)
    np.testing.assert_array_equal(
        quiet.gradients, surface.gradient(*quiet.points[:-1].T).T
    )
    assert surface.noise == 2.0


def test_weight_decay_averages_and_own_solvers_take_part():
    plain = quadratic(1, 1)
    path = descend(plain, SGD(weight_decay=1.0), learning_rate=0.1, n_updates=1)
    np.testing.assert_allclose(path.points[1], path.points[0] * (0.9 - 0.1))
    alone = descend(plain, SGD(), learning_rate=0.1, n_updates=5)
    mean = descend(plain, SGD(average=0.99), learning_rate=0.1, n_updates=5)
    np.testing.assert_allclose(mean.points[-1], alone.points[1:].mean(axis=0))

    class UsesUp(Optimizer):
        def step(self, theta, g, state, rate, xp):
            g *= rate
            theta -= g

    own = descend(plain, UsesUp(), learning_rate=0.1, n_updates=5)
    np.testing.assert_allclose(own.points, alone.points)
    np.testing.assert_allclose(own.gradients, own.points[:-1])


def test_named_surfaces_can_be_pickled_and_are_not_changed():
    before = SURFACES["beale"].start.copy()
    descend("beale", "momentum", learning_rate=0.01)
    np.testing.assert_array_equal(SURFACES["beale"].start, before)
    for name, surface in SURFACES.items():
        twin = pickle.loads(pickle.dumps(surface))
        assert twin(3.0, 0.5) == surface(3.0, 0.5)
        assert repr(twin) == f"<Surface {name!r}>"


# ------------------------------------------------------------------------- best rates

SIX = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")


@pytest.mark.parametrize(("m", "M"), [(1, 25), (1, 80), (0.5, 3)])
def test_best_rate_of_gradient_descent_is_that_of_the_closed_form(m, M):
    """Each coordinate shrinks by 1 - rate * curvature per update."""
    t = np.arange(101)[:, None]
    mean_log = {}
    for rate in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        x, y = ([-9, 2] * (1 - rate * np.array([m, M])) ** t).T
        leap = rate * np.hypot(9 * m, 2 * M)
        if abs(y).max() <= 3 and x.max() <= 3 and leap <= np.hypot(13, 6) / 4:
            heights = (m * x**2 + M * y**2) / (m * 9**2 + M * 2**2)
            mean_log[rate] = np.log(heights + 0.001).mean()
    assert len(mean_log) >= 2
    expected = min(mean_log, key=mean_log.get)
    assert best_learning_rate(quadratic(m, M), "gd") == expected


def test_best_rate_without_known_minima_limits_or_grid():
    bowl = Surface(lambda x, y: 3 + x**2 + y**2, start=(3, 1))
    assert best_learning_rate(bowl) == 0.5  # ends in the minimum at once
    assert best_learning_rate(bowl, rates=[0.9, 0.6]) == 0.6
    assert best_learning_rate(bowl, rates=[5, 3], n_updates=50) == 3  # all diverge
    assert best_learning_rate(bowl, start=(0, 0), n_updates=3) == 0.0001  # there


def test_best_rate_has_the_noise_of_the_path_and_leaves_the_source_as_it_is():
    rng = np.random.RandomState(3)
    rate = best_learning_rate("noisy", "adam", random_state=rng, n_updates=30)
    drawn_after = rng.standard_normal()
    assert drawn_after == np.random.RandomState(3).standard_normal()
    assert rate == best_learning_rate("noisy", "adam", random_state=3, n_updates=30)
    other = best_learning_rate("noisy", "sgd", lr_schedule="linear", n_updates=30)
    assert other > 0


@surfaces
@pytest.mark.once
def test_paths_at_the_best_rate_stay_in_the_picture_and_get_down(name):
    surface = SURFACES[name]
    low, high = np.transpose(surface.limits)
    for solver in SIX:
        rate = best_learning_rate(name, solver, random_state=0)
        path = descend(name, solver, learning_rate=rate, random_state=0)
        assert ((low <= path.points) & (path.points <= high)).all()
        left = (path.values - surface.lowest) / (path.values[0] - surface.lowest)
        assert left.min() < (0.51 if name == "local_minima" else 0.17)


def test_lessons_of_the_best_rates():
    def end(name, solver):
        rate = best_learning_rate(name, solver)
        return descend(name, solver, learning_rate=rate).values[-1]

    for solver in ("momentum", "nesterov", "adam"):
        # Momentum gets along the ravine, and rolls through the first local minimum,
        # which holds gradient descent.
        assert end("ravine", solver) < end("ravine", "sgd") / 100
        assert end("local_minima", solver) == pytest.approx(-1.0316, abs=1e-3)
    assert end("local_minima", "sgd") == pytest.approx(2.1043, abs=1e-3)
    for solver in SIX:
        assert end("saddle", solver) == pytest.approx(-0.25, abs=0.01)


@pytest.mark.parametrize(
    "rates", [[], [0.1, 0], [[0.1]], 0.1, "best", [np.nan], [1, np.inf]]
)
def test_grids_that_cannot_be_used_are_refused(rates):
    with pytest.raises(ValueError, match="'rates' parameter of best_learning_rate"):
        best_learning_rate("ravine", rates=rates)
