"""Pictures of paths: what is drawn are the numbers, on surfaces and in networks."""

import re
import warnings

import joblib
import matplotlib
import numpy as np
import pytest
from drawn import coordinates
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import Adam, MLPClassifierX, MLPRegressorX
from skoptnet.displays import OptimizerPathDisplay
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.surfaces import SURFACES, Surface, best_learning_rate, descend

matplotlib.use("Agg")

import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("no_figures_left")

KINDS = ("contour", "3d")
RNG = np.random.RandomState(0)
X, LABELS = make_moons(60, noise=0.2, random_state=0)
NUMBERS = X @ [1.0, -2.0] + 0.1 * RNG.standard_normal(60)


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


# ------------------------------------------------------------------------ on a surface


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(SURFACES))
def test_lines_are_the_paths(name, kind):
    solvers = ["gd", "momentum", "adam"]
    display = OptimizerPathDisplay.from_solvers(
        name, solvers, learning_rates=0.001, n_updates=15, random_state=3, resolution=30
    )
    assert display.plot(kind=kind) is display
    display.figure_.canvas.draw()
    for solver in solvers:
        path = descend(name, solver, learning_rate=0.001, n_updates=15, random_state=3)
        data = coordinates(display.lines_[solver])
        np.testing.assert_array_equal(data[:2].T, path.points)
        if kind == "3d":
            heights = path.values
            if SURFACES[name].log:
                heights = np.cbrt(heights - SURFACES[name].lowest)
            np.testing.assert_allclose(data[2], heights)
        np.testing.assert_array_equal(display.values[solver], path.values)
        np.testing.assert_array_equal(display.rates[solver], path.rates)
        np.testing.assert_array_equal(coordinates(display.ends_[solver]), data[:, -1:])
    assert len({line.get_color() for line in display.lines_.values()}) == 3
    surface = SURFACES[name]
    np.testing.assert_array_equal(coordinates(display.start_)[:2, 0], surface.start)
    np.testing.assert_array_equal(coordinates(display.minima_)[:2].T, surface.minima)
    assert display.ax_.get_xlim() == SURFACES[name].limits[0]
    assert display.ax_.get_ylim() == SURFACES[name].limits[1]
    heights = ["f(x, y)"] if kind == "contour" else []
    stars = "minimum" if len(surface.minima) == 1 else "minima"
    expected = [*heights, *solvers, "start", stars]
    assert texts(display.ax_.get_legend()) == expected


def test_rates_are_the_best_unless_they_are_given():
    named = {"a": "gd", "b": "gd", "c": "adam", "d": "momentum"}
    rates = {"a": 0.003, "b": "auto", "c": "best"}
    display = OptimizerPathDisplay.from_solvers(
        "beale", named, learning_rates=rates, n_updates=15
    )
    best = {
        s: best_learning_rate("beale", s, n_updates=15) for s in ("adam", "momentum")
    }
    assert display.best_rates == {"c": best["adam"], "d": best["momentum"]}
    first = {label: rates[0] for label, rates in display.rates.items()}
    assert first == {
        "a": 0.003, "b": 0.1, "c": best["adam"], "d": best["momentum"],
    }  # fmt: skip
    words = texts(display.plot().ax_.get_legend())
    assert words[3:5] == [f"c, rate {best['adam']:g}", f"d, rate {best['momentum']:g}"]
    assert words[1].startswith("a (") or words[1] == "a"
    assert texts(display.plot_values().ax_.get_legend())[2] == words[3]
    alone = OptimizerPathDisplay.from_solvers("beale", "adam", n_updates=15)
    np.testing.assert_array_equal(alone.points["adam"], display.points["c"])


def test_the_best_rate_of_a_function_stays_within_the_given_limits():
    # On the slope x + 2 y, the path to (-1, -2) rate * n_updates is within the limits
    # if that is not below -4.
    display = OptimizerPathDisplay.from_solvers(
        lambda x, y: x + 2 * y, "gd", n_updates=10, limits=((-4, 4), (-4, 4)),
        resolution=10,
    )  # fmt: skip
    assert display.best_rates == {"gd": 0.2}


def test_the_limits_of_a_textbook_surface_do_not_change_its_best_rate():
    zoomed = OptimizerPathDisplay.from_solvers(
        "beale", "gd", n_updates=15, limits=((2, 4), (0, 1)), resolution=10
    )
    assert zoomed.best_rates == {"gd": best_learning_rate("beale", n_updates=15)}


def test_the_grid_is_that_of_the_function():
    display = OptimizerPathDisplay.from_solvers(
        "beale", "gd", learning_rates=0.01, resolution=20, limits=((0, 4), (-1, 1))
    )
    assert display.z.shape == (20, 20)
    i, j = 3, 17
    assert display.z[i, j] == SURFACES["beale"](display.x[j], display.y[i])
    assert (display.x[0], display.x[-1], display.y[0]) == (0, 4, -1)


@pytest.mark.parametrize("name", list(SURFACES))
def test_contour_lines_rise_and_divide_the_picture(name):
    display = OptimizerPathDisplay.from_solvers(name, "gd", n_updates=1).plot()
    levels = display.contour_.levels
    assert (np.diff(levels) > 0).all()
    assert 5 <= len(levels) <= 25
    between = np.digitize(display.z, levels)
    assert len(np.unique(between)) >= 0.7 * len(levels)
    if SURFACES[name].log:
        above = levels - SURFACES[name].lowest
        assert above[-1] / above[0] > 100


@pytest.mark.parametrize("kind", KINDS)
def test_paths_that_leave_are_cut_off_and_said_to(kind):
    display = OptimizerPathDisplay.from_solvers(
        "ravine", {"good": "gd", "bad": "gd"}, n_updates=40, resolution=20,
        learning_rates={"good": 0.02, "bad": 0.03},
    )  # fmt: skip
    with warnings.catch_warnings(action="error"):
        display.plot(kind=kind).figure_.canvas.draw()
    leaves = int(np.flatnonzero(abs(display.points["bad"][:, 1]) > 3)[0])
    said = texts(display.ax_.get_legend())
    assert f"bad (leaves at update {leaves})" in said
    assert "good" in said
    assert display.ax_.get_ylim() == (-3, 3)
    shown = np.isfinite(coordinates(display.lines_["bad"])[1])
    if kind == "3d":
        np.testing.assert_array_equal(shown, abs(display.points["bad"][:, 1]) <= 3)
    else:  # up to the first point outside
        assert shown.sum() == leaves + 1
        assert shown[: leaves + 1].all()


def test_a_path_that_diverges_within_the_picture_is_said_to():
    cliff = Surface(
        lambda x, y: np.where(x < 1, y**2 - x, np.nan),
        lambda x, y: (-1 + 0 * x, 2 * y),
        limits=((-1, 2), (-1, 1)),
    )  # fmt: skip
    display = OptimizerPathDisplay.from_solvers(cliff, "gd", learning_rates=0.3)
    display.plot()
    display.figure_.canvas.draw()
    assert display.diverged == ["gd"]
    assert "gd (diverges at update 4)" in texts(display.ax_.get_legend())


def test_without_limits_the_picture_holds_the_paths():
    display = OptimizerPathDisplay.from_solvers(
        lambda x, y: x**2 + y**4, "gd", start=(3, 1), learning_rates=0.1
    )
    assert (display.x[0] < 0) & (display.x[-1] > 3)
    assert (display.y[0] < display.points["gd"][:, 1].min()) & (display.y[-1] > 1)
    display.plot()
    assert display.minima_ is None
    assert display.title == "f"
    lost = OptimizerPathDisplay.from_solvers(
        lambda x, y: x**2 + y**4, "gd", start=(3, 1), learning_rates=2.0
    )
    assert lost.diverged == ["gd"]
    with warnings.catch_warnings(action="error"):
        lost.plot().figure_.canvas.draw()
        lost.plot_values().figure_.canvas.draw()


def test_a_start_outside_makes_the_picture_larger():
    display = OptimizerPathDisplay.from_solvers("ravine", "gd", start=(5, 9))
    assert display.x[-1] > 5
    assert display.y[-1] > 9
    assert display.x[0] < SURFACES["ravine"].limits[0][0]
    outside = OptimizerPathDisplay.from_solvers(
        "ravine",
        "gd",
        learning_rates=0.01,
        start=(5, 0),
        n_updates=2,
        limits=((-1, 1), (-1, 1)),
    )
    assert "gd (outside)" in texts(outside.plot().ax_.get_legend())


def test_a_path_without_an_update_has_pictures():
    display = OptimizerPathDisplay.from_solvers(
        "rosenbrock", "gd", learning_rates=1e300
    )
    assert display.points["gd"].shape == (1, 2)
    assert display.to_html(dpi=30).count("data:image/png;base64") == 2


def test_values_over_updates(two_paths):
    two_paths.plot_values()
    assert two_paths.ax_.get_xlabel() == "updates"
    assert two_paths.ax_.get_ylabel() == "f(x, y)"
    assert two_paths.ax_.get_yscale() == "log"
    for label, line in two_paths.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), two_paths.values[label])
        np.testing.assert_array_equal(line.get_xdata(), range(21))
    two_paths.figure_.canvas.draw()
    labels = [t.get_text() for t in two_paths.ax_.get_yticklabels()]
    assert all(re.fullmatch(r"[\d.e+-]*", label) for label in labels)


@pytest.mark.parametrize("kind", KINDS)
def test_a_display_of_plain_lists_draws_the_same(two_paths, kind):
    twin = OptimizerPathDisplay(
        two_paths.x.tolist(), two_paths.y.tolist(), two_paths.z.tolist(),
        {label: points.tolist() for label, points in two_paths.points.items()},
        {label: values.tolist() for label, values in two_paths.values.items()},
        minima=two_paths.minima.tolist(), log=True,
    )  # fmt: skip
    twin.plot_values()
    twin.plot(kind=kind)
    two_paths.plot(kind=kind)
    for label, line in twin.lines_.items():
        np.testing.assert_array_equal(
            coordinates(line), coordinates(two_paths.lines_[label])
        )
    twin.to_html(frames=2, dpi=30)


def test_values_beyond_the_picture_are_cut_off():
    display = OptimizerPathDisplay.from_solvers("ravine", "gd", learning_rates=1.0)
    display.plot_values()
    assert display.values["gd"].max() > 1e4
    bottom, top = display.ax_.get_ylim()
    assert 0 < bottom < display.values["gd"][0] == 200.5
    assert top < 2 * display.z.max()


def test_given_axes_are_drawn_on(two_paths):
    figure, (flat, other) = plt.subplots(1, 2)
    space = plt.figure().add_subplot(projection="3d")
    assert two_paths.plot(flat).ax_ is flat
    assert two_paths.figure_ is figure
    assert two_paths.plot_values(other).ax_ is other
    assert two_paths.plot(space, kind="3d").ax_ is space
    with pytest.raises(ValueError, match="has two dimensions, but kind='3d' needs"):
        two_paths.plot(flat, kind="3d")
    with pytest.raises(ValueError, match="has three dimensions"):
        two_paths.plot(space)


def test_all_solvers_in_one_picture():
    display = OptimizerPathDisplay.from_solvers("beale", list(OPTIMIZERS), n_updates=5)
    display.plot()
    assert list(display.lines_) == list(OPTIMIZERS)
    display.figure_.canvas.draw()


def test_schedules_by_label():
    display = OptimizerPathDisplay.from_solvers(
        "ravine", {"a": "gd", "b": "gd"}, lr_schedule={"b": "step"}, n_updates=11,
        learning_rates=0.01,
    )  # fmt: skip
    assert display.rates["a"][-1] == 0.01
    assert display.rates["b"][-1] == 0.005


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda D: D.from_solvers("ravin", "gd"), "Did you mean 'ravine'"),
        (lambda D: D.from_solvers("ravine", []), "at least one solver"),
        (
            lambda D: D.from_solvers("ravine", ["gd", "gd"]),
            "name a solver twice",
        ),
        (lambda D: D.from_solvers("ravine", "adm"), "Did you mean 'adam'"),
        (lambda D: D.from_solvers("ravine", 3), "'solver' parameter of descend"),
        (
            lambda D: D.from_solvers("ravine", "gd", learning_rates={"sgd": 1}),
            r"keys among the labels \['gd'\]. Got the unknown keys \['sgd'\]",
        ),
        (
            lambda D: D.from_solvers("ravine", "gd", learning_rates="bets"),
            "'learning_rates' parameter of from_solvers",
        ),
        (
            lambda D: D.from_solvers("ravine", "gd", learning_rates={"gd": 0}),
            "'learning_rates' parameter of from_solvers",
        ),
        (lambda D: D.from_solvers("ravine", "gd", resolution=1), "'resolution'"),
        (lambda D: D.from_solvers("ravine", "gd", limits=(0, 1)), "'limits' parameter"),
        (lambda D: D.from_solvers("ravine", "gd").plot(kind="2d"), "'kind' parameter"),
        (lambda D: D.from_solvers("ravine", "gd").animate(frames=1), "'frames'"),
        (lambda D: D.from_solvers("ravine", "gd").animate(fps=0), "'fps'"),
        (
            lambda D: D.from_solvers("ravine", "gd").animate("a.avi"),
            r'must end in "\.gif"',
        ),
        (lambda D: D.from_estimator({}, X, LABELS), "at least one estimator"),
        (lambda D: D.from_estimator(StandardScaler(), X, LABELS), "a Pipeline, fitted"),
        (lambda D: D.from_estimator("adam", X, LABELS), "needs an MLPClassifierX"),
        (
            lambda D: D.from_estimator(
                GridSearchCV(MLPClassifierX(), {"alpha": [1]}), X, LABELS
            ),
            "no best_estimator_; fit it with refit=True",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(OptimizerPathDisplay)


# ------------------------------------------------------------------------ of a network


def linear(**settings):
    return MLPRegressorX(
        (), **{"solver": "gd", "learning_rate_init": 0.3, "max_iter": 15, "alpha": 0.0,
               "random_state": 0, "tol": 0, "normalize_y": False, **settings}
    )  # fmt: skip


def small(**settings):
    return MLPClassifierX(
        (4,), **{"activation": "tanh", "max_iter": 12, "random_state": 0, "tol": 0,
                 **settings}
    )  # fmt: skip


def path_of(*arguments, **settings):
    """The display, without the warnings that training is not over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return OptimizerPathDisplay.from_estimator(*arguments, **settings)


@pytest.mark.parametrize("weighed", [False, True])
def test_the_surface_of_a_network_of_two_parameters_is_its_closed_form(weighed):
    """Half the squared error of a line: the plane is that of slope and intercept."""
    x = X[:, :1]
    w = np.linspace(0, 2, 60) if weighed else None
    model = linear(alpha=3.0)
    display = path_of(model, x, NUMBERS, sample_weight=w, resolution=9)
    with pytest.warns(ConvergenceWarning):
        model.fit(x, NUMBERS, sample_weight=w)
    np.testing.assert_allclose(display.points["gd"][-1], [0, 0], atol=1e-15)

    # Gradient descent by hand from the first weights, in slope and intercept.
    w = np.ones(60) if w is None else w
    design = np.column_stack([x, np.ones(60)])
    H = design.T @ (w[:, None] * design) / w.sum() + np.diag([3.0 / w.sum(), 0])
    best = np.linalg.solve(H, design.T @ (w * NUMBERS) / w.sum())
    rest = np.average((NUMBERS - design @ best) ** 2, weights=w) / 2
    rest += 3.0 / w.sum() * best[0] ** 2 / 2
    end = np.array([model.coefs_[0].item(), model.intercepts_[0].item()])
    step = np.eye(2) - 0.3 * H
    start = best + np.linalg.matrix_power(np.linalg.inv(step), 15) @ (end - best)
    path = [best + np.linalg.matrix_power(step, k) @ (start - best) for k in range(16)]

    def height(theta):
        return rest + (theta - best) @ H @ (theta - best) / 2

    np.testing.assert_allclose(
        display.values["gd"], [height(t) for t in path], rtol=1e-9
    )
    np.testing.assert_allclose(
        np.linalg.norm(display.points["gd"], axis=1),
        np.linalg.norm(np.array(path) - end, axis=1),
        atol=1e-12,
    )
    # The two directions from three points of the path: a rotation of the plane.
    rotation = np.linalg.lstsq(
        display.points["gd"], np.array(path) - end, rcond=None
    )[0]  # fmt: skip
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(2), atol=1e-9)
    expected = [
        [height(end + np.array([a, b]) @ rotation) for a in display.x]
        for b in display.y
    ]
    np.testing.assert_allclose(display.z, expected, rtol=1e-7)
    shares = [float(re.search(r"\((\S+) %", n)[1]) for n in display.names[:2]]
    assert sum(shares) == pytest.approx(100, abs=0.2)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alpha": 1.0},
        {"alpha": 1.0, "l1_ratio": 0.5},
        {"class_weight": "balanced"},
        {"early_stopping": True},
        {"label_smoothing": 0.1},
    ],
    ids=str,
)
def test_losses_along_a_path_are_those_of_the_estimator(settings):
    """Gradient descent sees the loss of the weights before each update."""
    model = small(solver="gd", learning_rate_init=0.5, **settings)
    y = (LABELS + (X[:, 0] > 1.5)).astype(str)
    display = path_of(model, X, y, resolution=3)
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, y)
    np.testing.assert_allclose(display.values["gd"][:-1], model.loss_curve_, rtol=1e-10)
    assert len(display.values["gd"]) == model.n_iter_ + 1


@pytest.mark.parametrize("solver", [*OPTIMIZERS, "lbfgs"])
def test_every_solver_has_a_path_and_what_was_passed_stays(solver):
    model = small(solver=solver, batch_size=20)
    before = joblib.hash((model, X, LABELS))
    display = path_of(model, X, LABELS, resolution=4)
    assert joblib.hash((model, X, LABELS)) == before
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, LABELS)
    (points,) = display.points.values()
    assert len(points) == model.n_iter_ + 1
    np.testing.assert_allclose(points[-1], [0, 0], atol=1e-12)
    p = np.clip(model.predict_proba(X)[np.arange(60), LABELS], 1e-300, None)
    penalty = 1e-4 / 120 * sum((W**2).sum() for W in model.coefs_)
    (values,) = display.values.values()
    assert values[-1] == pytest.approx(-np.log(p).mean() + penalty, rel=1e-9)


def test_the_plane_is_that_of_the_principal_directions():
    """Against the eigenvectors of the scatter about the end, from weights recorded."""
    rng = np.random.RandomState(1)
    weights = np.cumsum(rng.standard_normal((10, 17)) * np.linspace(2, 0.1, 17), axis=0)
    display = path_of(small(), X, LABELS, weights=weights, resolution=3, margin=0.0)
    away = weights - weights[-1]
    eigenvalues, vectors = np.linalg.eigh(away.T @ away)
    expected = away @ vectors[:, [-1, -2]]
    (points,) = display.points.values()
    np.testing.assert_allclose(abs(points), abs(expected), atol=1e-9)
    shares = 100 * eigenvalues[[-1, -2]] / eigenvalues.sum()
    assert display.names[0] == f"direction 1 ({shares[0]:.3g} % of variance)"
    assert display.names[1] == f"direction 2 ({shares[1]:.3g} % of variance)"
    # Surface and values against networks that are given the weights.
    model = small(alpha=0.0)
    path_of(small(), X, LABELS, resolution=2)
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, LABELS)

    def loss(theta):
        model.coefs_ = [theta[:8].reshape(2, 4), theta[12:16].reshape(4, 1)]
        model.intercepts_ = [theta[8:12], theta[16:]]
        p = model.predict_proba(X)[np.arange(60), LABELS]
        squares = (theta[:8] ** 2).sum() + (theta[12:16] ** 2).sum()
        return -np.log(p).mean() + 1e-4 / 120 * squares

    (values,) = display.values.values()
    np.testing.assert_allclose(values, [loss(theta) for theta in weights], rtol=1e-8)
    signs = np.sign(np.sum(points * expected, axis=0))
    directions = (vectors[:, [-1, -2]] * signs).T
    corner = weights[-1] + display.x[2] * directions[0] + display.y[0] * directions[1]
    assert display.z[0, 2] == pytest.approx(loss(corner), rel=1e-8)


def test_several_solvers_share_a_plane_and_a_start():
    models = {
        name: make_pipeline(StandardScaler(), small(solver=name, batch_size=20))
        for name in ("sgd", "momentum", "adam")
    }
    display = path_of(models, X, LABELS, resolution=5)
    assert list(display.points) == list(models)
    starts = np.array([points[0] for points in display.points.values()])
    np.testing.assert_allclose(starts, starts[[0, 0, 0]], atol=1e-12)
    ends = [points[-1] for points in display.points.values()]
    np.testing.assert_allclose(np.mean(ends, axis=0), [0, 0], atol=1e-12)
    display.plot()
    assert len(display.start_.get_xdata()) == 1
    assert display.names[2] == "training loss (binary cross-entropy)"
    assert display.ax_.get_xlabel().endswith("% of variance)")
    display.plot_values()
    assert display.ax_.get_xlabel() == "epochs"
    assert display.ax_.get_ylabel() == "training loss (binary cross-entropy)"
    again = path_of(models["adam"], X, LABELS, resolution=2)
    np.testing.assert_array_equal(again.values["adam"], display.values["adam"])


def test_a_pipeline_trains_on_transformed_rows():
    model = small(solver="gd")
    scaled = StandardScaler().fit_transform(X)
    inside = path_of(make_pipeline(StandardScaler(), model), X, LABELS, resolution=3)
    outside = path_of(model, scaled, LABELS, resolution=3)
    np.testing.assert_array_equal(inside.values["gd"], outside.values["gd"])
    np.testing.assert_array_equal(inside.z, outside.z)


def test_a_fitted_search_gives_its_best():
    search = GridSearchCV(small(), {"learning_rate_init": [1e-5, 0.1]}, cv=2)
    with warnings.catch_warnings(action="ignore"):
        search.fit(X, LABELS)
    display = path_of(search, X, LABELS, resolution=2)
    best = path_of(search.best_estimator_, X, LABELS, resolution=2)
    np.testing.assert_array_equal(display.values["adam"], best.values["adam"])
    assert search.best_params_ == {"learning_rate_init": 0.1}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_and_sparse_rows(dtype):
    from scipy.sparse import csr_array

    rows = X.astype(dtype)
    dense, sparse = (
        path_of(small(solver=Adam()), r, LABELS, resolution=3)
        for r in (rows, csr_array(rows))
    )
    assert list(dense.points) == ["Adam()"]
    np.testing.assert_allclose(dense.z, sparse.z, rtol=1e-4)


def test_blocks_of_rows_give_the_same(monkeypatch):
    from skoptnet import network

    whole = path_of(small(solver="gd"), X, LABELS, resolution=3)
    monkeypatch.setattr(network, "_BLOCK_ELEMENTS", 28)
    blocks = path_of(small(solver="gd"), X, LABELS, resolution=3)
    np.testing.assert_allclose(whole.z, blocks.z, rtol=1e-12)


def test_a_training_that_diverges_is_shown_up_to_there():
    model = linear(learning_rate_init=5.0, max_iter=300, n_iter_no_change=500)
    with pytest.warns(ConvergenceWarning):
        display = OptimizerPathDisplay.from_estimator(model, X, NUMBERS)
    n = len(display.points["gd"])
    assert 1 < n < 100
    assert display.values["gd"][-1] <= 1000 * display.values["gd"][0]
    assert display.values["gd"][-1] > 10 * display.values["gd"][0]
    with warnings.catch_warnings(action="error"):
        display.plot().figure_.canvas.draw()
        display.plot(kind="3d").figure_.canvas.draw()
    assert f"gd (diverges at epoch {n})" in texts(display.ax_.get_legend())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_layer_sizes": (5,)}, "must have layers of the same sizes"),
        ({"alpha": 3.0}, "must minimise the same objective"),
        ({"activation": "relu"}, "must minimise the same objective"),
        ({"early_stopping": True}, "must minimise the same objective"),
    ],
)
def test_what_shares_no_surface_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        path_of({"a": small(), "b": small().set_params(**settings)}, X, LABELS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((3, 16)), r"shape \(n_points, 17\).* Got shape \(3, 16\)"),
        (np.zeros(17), "Got shape"),
        (np.full((3, 17), np.nan), "must be finite"),
        ({"sgd": np.zeros((3, 17))}, r"keys among the labels \['adam'\]"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        path_of(small(), X, LABELS, weights=weights)


def test_errors_of_fit_are_its_own():
    with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifierX"):
        path_of(small(alpha=-1), X, LABELS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        path_of(small(), X, LABELS[1:])


def test_weights_that_never_move_have_a_picture():
    display = path_of(small(), X, LABELS, weights=np.ones((1, 17)), resolution=3)
    display.plot()
    display.figure_.canvas.draw()
    assert display.names[0] == "direction 1 (0 % of variance)"


def test_without_matplotlib_there_are_numbers_and_a_message(monkeypatch, two_paths):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    for draw in (two_paths.plot, two_paths.plot_values, two_paths.animate):
        with pytest.raises(ImportError, match=r"skoptnet\[plot\]"):
            draw()
