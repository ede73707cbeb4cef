"""What displays, range tests and surfaces make of unusual and of wrong arguments."""

import pickle
import warnings
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skoptnet import MLPClassifierX, MLPRegressorX, learning_rate_range_test
from skoptnet.displays import (
    LearningRateRangeDisplay,
    LossCurveDisplay,
    OptimizerPathDisplay,
    ScheduleDisplay,
    SolverGridDisplay,
    WeightsDisplay,
)
from skoptnet.surfaces import Surface

mpl.use("Agg")
import matplotlib.pyplot as plt

X, y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def net():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MLPClassifierX((4,), max_iter=3, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def search():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifierX((4,), max_iter=2, random_state=0)
        return GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schedules": 5}, "schedules must be .* Got 5"),
        ({"schedules": None}, "schedules must be .* Got None"),
        ({"schedules": lambda clock: -1.0}, "finite factor that is not negative"),
        ({"schedules": lambda clock: "a"}, "finite factor that is not negative"),
        ({"schedules": "plateau", "losses": 5}, "losses must be .* Got 5"),
        ({"schedules": "plateau", "losses": ["a"] * 200}, "losses must be"),
        ({"schedules": "adaptive", "losses": [1.0] * 200, "tol": "a"}, "'tol'"),
        (
            {"schedules": "adaptive", "losses": [1.0] * 200, "n_iter_no_change": -4},
            "'n_iter_no_change'",
        ),
        ({"schedules": "cosine", "unit": ["epochs"]}, "'unit' .* must be a str among"),
    ],
)
def test_wrong_arguments_of_schedules(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ScheduleDisplay.from_schedules(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 2.5}, r"units must be ints .* Got 2\.5"),
        ({"image_shape": 4}, "image_shape must be .* Got 4"),
        ({"image_shape": (-2, -2)}, "image_shape must be"),
        ({"image_shape": (0.5, 8)}, "image_shape must be"),
        ({"feature_names": 5, "kind": "bars"}, "feature_names must be .* Got 5"),
    ],
)
def test_wrong_arguments_of_weights(net, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        WeightsDisplay.from_estimator(net, **arguments)


def test_show_that_is_no_figure(net):
    with pytest.raises(ValueError, match=r"show must be one or several of .* Got 3"):
        LossCurveDisplay.from_estimator(net).plot(show=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda s: LossCurveDisplay.from_cv_results(s, group_by=3),
            "group_by must name a parameter",
        ),
        (
            lambda s: SolverGridDisplay.from_cv_results(s, where=3),
            "where must be a dict .* Got 3",
        ),
    ],
)
def test_wrong_arguments_of_searches(search, make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make(search)


def test_a_search_of_one_candidate_is_one_cell(net):
    model = MLPClassifierX((4,), max_iter=2, random_state=0)
    search = GridSearchCV(model, {"alpha": [0.1]}, cv=2).fit(X, y)
    display = SolverGridDisplay.from_cv_results(search).plot()
    assert display.cells["x"] == ["0.1"]
    assert display.ax_.get_xlabel() == "alpha"
    assert display.cells["mean"] == [search.best_score_]


def test_no_logarithm_of_rates_that_are_all_zero():
    display = ScheduleDisplay.from_schedules({"none": lambda clock: 0.0}, epochs=3)
    with pytest.raises(ValueError, match="log must be False here"):
        display.plot(log=True)


def test_no_logarithm_of_losses_that_are_all_zero():
    display = LossCurveDisplay({"a": {"epoch": [1, 2], "loss": [0.0, 0.0]}})
    assert display.plot().ax_.get_yscale() == "linear"
    with pytest.raises(ValueError, match="log must be False here"):
        display.plot(log=True)


def test_the_legend_of_many_curves_leaves_room_for_them():
    curve = {"epoch": [1, 2], "loss": [2.0, 1.0]}
    display = LossCurveDisplay({f"{i / 7:.6f}": curve for i in range(60)}).plot()
    display.figure_.canvas.draw()
    box = display.ax_.get_window_extent()
    legend = display.ax_.get_legend().get_window_extent()
    assert box.width > 0.3 * display.figure_.bbox.width
    assert box.height > 0.6 * display.figure_.bbox.height
    assert legend.y0 >= 0
    assert legend.x1 <= display.figure_.bbox.width


@pytest.mark.parametrize("value", [0.0, 1e8, 1e17, -1e300])
def test_histograms_of_numbers_that_hardly_differ(value):
    W = np.full((3, 2), value)
    W[0, 0] = np.nextafter(value, np.inf)
    display = WeightsDisplay([W], [W[0]], kind="distributions").plot()
    display.figure_.canvas.draw()
    drawn = [sum(bar.get_height() for bar in bars) for bars in display.bars_]
    assert drawn == [6, 2]


def test_rates_so_close_that_the_mean_of_all_is_taken():
    """The weights of the mean reach no further than there are losses."""
    model = MLPClassifierX((4,), random_state=0)
    close = learning_rate_range_test(
        model, X, y, min_rate=1, max_rate=1 + 1e-10, n_updates=10, n_seeds=1,
        random_state=0,
    )  # fmt: skip
    np.testing.assert_allclose(close.smoothed, close.losses.mean(), rtol=1e-12)


def test_a_range_display_takes_lists():
    result = learning_rate_range_test(
        MLPRegressorX((4,)), X, y, n_updates=20, n_seeds=2, random_state=0
    )
    names = ("rates", "losses", "smoothed", "diverged_at")
    lists = {name: getattr(result, name).tolist() for name in names}
    display = LearningRateRangeDisplay(
        **lists, suggested_rate=result.suggested_rate, interval=result.interval
    ).plot()
    expected = LearningRateRangeDisplay.from_result(result).plot()
    for line, other in zip(
        display.smoothed_lines_, expected.smoothed_lines_, strict=True
    ):
        np.testing.assert_array_equal(line.get_xydata(), other.get_xydata())


def test_a_display_is_pickled_without_its_animation():
    display = OptimizerPathDisplay.from_solvers("ravine", "gd", n_updates=3)
    animation = display.animate(frames=2)
    twin = pickle.loads(pickle.dumps(display))
    np.testing.assert_array_equal(twin.points["gd"], display.points["gd"])
    assert not hasattr(twin, "animation_")
    assert display.animation_ is animation
    animation.pause()
    animation._draw_was_started = True  # else matplotlib warns that none saw it


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minima": [(1, 2, 3)]}, "'minima' .* pairs"),
        ({"minima": "a"}, "'minima' .* pairs"),
        ({"levels": [3, 2]}, "'levels' .* rising"),
        ({"levels": "a"}, "'levels' .* rising"),
        ({"levels": []}, "'levels' .* rising"),
        ({"levels": [[1, 2]]}, "'levels' .* rising"),
        ({"levels": [1, np.nan]}, "'levels' .* rising"),
    ],
)
def test_wrong_minima_and_levels_of_surfaces(arguments, message):
    with pytest.raises(ValueError, match=message):
        Surface(lambda x, y: x + y, **arguments)


def test_ticks_of_a_narrow_range_display_do_not_overlap():
    result = learning_rate_range_test(
        MLPClassifierX((4,)), X, y, n_updates=20, n_seeds=1, random_state=0
    )
    _, ax = plt.subplots(figsize=(3, 2.5))
    LearningRateRangeDisplay.from_result(result).plot(ax).figure_.canvas.draw()
    low, high = ax.get_xlim()
    boxes = [
        tick.label1.get_window_extent()
        for tick in ax.xaxis.get_major_ticks()
        if low <= tick.get_loc() <= high and tick.label1.get_text()
    ]
    assert len(boxes) >= 3
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_a_loss_is_called_alike_by_all_displays():
    model = MLPRegressorX((4,), alpha=0, max_iter=3, loss="huber", random_state=0)
    path = OptimizerPathDisplay.from_estimator(model, X, y, resolution=3)
    curve = LossCurveDisplay.from_estimator(model.fit(X, y)).plot()
    assert path.names[2] == curve.ax_.get_ylabel() == "training loss (Huber loss)"
