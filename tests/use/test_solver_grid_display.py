"""Scores of a search over two parameters, against pandas.

Artists are asked for their data; what they should have comes from elsewhere.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import DRAWN
from problems import LABELS, X, small
from sklearn.model_selection import GridSearchCV

from skoptnet import (
    Adam,
    MLPClassifierX,
    Momentum,
)
from skoptnet.displays import LossCurveDisplay, SolverGridDisplay

pytestmark = DRAWN


def test_cells_are_the_best_candidates(search):
    display = SolverGridDisplay.from_cv_results(search).plot()
    frame = pd.DataFrame(search.cv_results_)
    assert list(display.axes_) == ["sgd", "adam"]
    for solver, image in display.images_.items():
        best = frame[frame["param_mlp__solver"] == solver].pivot_table(
            index="param_mlp__batch_size",
            columns="param_mlp__learning_rate_init",
            values="mean_test_score",
            aggfunc="max",
        )
        assert np.allclose(image.get_array(), best)
        ax = display.axes_[solver]
        assert ax.get_title() == solver
    first = display.axes_["sgd"]
    ticks = [tick.get_text() for tick in first.get_xticklabels()]
    assert ticks == ["0.001", "0.01", "0.1"]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["40", "150"]
    assert first.get_xlabel() == "learning_rate_init"
    assert len({image.get_clim() for image in display.images_.values()}) == 1
    assert len(display.texts_) == 12
    label = display.colorbar_.ax.get_ylabel()
    assert label == "mean test score (accuracy)\nof 3 folds"


def test_the_best_cell_is_framed(search):
    display = SolverGridDisplay.from_cv_results(search).plot()
    best = search.best_params_
    assert display.best_.axes is display.axes_[best["mlp__solver"]]
    column, row = np.add(display.best_.get_xy(), 0.5).astype(int)
    assert [0.001, 0.01, 0.1][column] == best["mlp__learning_rate_init"]
    assert [40, 150][row] == best["mlp__batch_size"]
    i = display.cells["params"].index(best)
    assert display.cells["mean"][i] == pytest.approx(search.best_score_)
    std = search.cv_results_["std_test_score"][search.best_index_]
    assert display.texts_[i].get_text() == f"{search.best_score_:.3f}\n± {std:.3f}"


def test_a_training_that_went_wrong_takes_neither_the_colours_nor_the_room():
    """R2 of a diverged regression may have fifty digits."""
    means = [0.9, 0.8, 0.7, -1.1e42]
    cells = {
        "panel": ["", "", "", ""], "x": ["1", "2", "3", "4"], "y": ["", "", "", ""],
        "mean": means, "std": [0.1, 0.1, 0.1, 1e42], "n_failed": [0] * 4,
        "n_candidates": [1] * 4, "params": [{}] * 4,
    }  # fmt: skip
    labels = {"panel": "", "x": "rate", "y": "", "score": "R2"}
    display = SolverGridDisplay(cells, labels=labels, n_folds=3).plot()
    (image,) = display.images_.values()
    assert image.get_clim() == pytest.approx((0.9 - 10 * 0.15, 0.9))
    assert display.colorbar_.extend == "min"
    words = [text.get_text() for text in display.texts_]
    assert words[0] == "0.900\n± 0.100"
    assert words[3] == "-1.1e+42\n± 1.0e+42"
    usual = SolverGridDisplay(
        {**cells, "mean": [0.9, 0.8, 0.7, 0.1]}, labels=labels, n_folds=3
    ).plot()
    assert usual.images_[""].get_clim() == (0.1, 0.9)


def test_further_parameters_are_fixed_by_where(search):
    display = SolverGridDisplay.from_cv_results(search, where={"alpha": 1.0})
    assert {p["mlp__alpha"] for p in display.cells["params"]} == {1.0}
    assert display.cells["n_candidates"] == [1] * 12
    with pytest.raises(ValueError, match=r"where must have a value of 'alpha'"):
        SolverGridDisplay.from_cv_results(search, where={"alpha": 0.5})


def test_axes_may_be_chosen(search):
    display = SolverGridDisplay.from_cv_results(
        search, x="alpha", y="solver", panels=None
    )
    _, ax = plt.subplots()
    display.plot(ax, text=False, vmin=0.5)
    assert display.ax_ is ax
    assert display.texts_ == []
    assert ax.get_ylabel() == "solver"
    assert ax.get_xlabel() == "alpha"
    (image,) = display.images_.values()
    assert image.get_array().shape == (2, 2)
    assert image.get_clim()[0] == 0.5
    _, axes = plt.subplots(1, 3)
    three = SolverGridDisplay.from_cv_results(
        search, x="solver", y="alpha", panels="learning_rate_init"
    ).plot(axes)
    assert list(three.axes_) == ["0.001", "0.01", "0.1"]
    assert list(three.axes_.values()) == list(axes)
    with pytest.raises(ValueError, match=r"ax must be 3 axes.*Got 1"):
        three.plot(ax)


def test_one_parameter_makes_one_row():
    grid = {"alpha": [1.0, 0.1]}
    search = GridSearchCV(small(MLPClassifierX), grid, cv=3).fit(X, LABELS)
    display = SolverGridDisplay.from_cv_results(search).plot()
    (image,) = display.images_.values()
    expected = search.cv_results_["mean_test_score"][::-1]
    assert np.allclose(image.get_array()[0], expected)
    solvers = {"solver": [Adam(), Momentum(momentum=0.5), "lbfgs"]}
    search = GridSearchCV(small(MLPClassifierX), solvers, cv=3).fit(X, LABELS)
    display = SolverGridDisplay.from_cv_results(search).plot()
    ticks = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert ticks == ["Adam()", "Momentum(momentum=0.5)", "lbfgs"]


def test_cells_that_failed_and_cells_that_were_not_tried(failing):
    display = SolverGridDisplay.from_cv_results(failing).plot()
    frame = pd.DataFrame(failing.cv_results_)
    written = {text.get_text() for text in display.texts_}
    n_failed = frame.filter(regex="split._test_score").isna().sum(axis=1)
    assert {0, 1, 2} == set(n_failed)
    assert "failed" in written
    assert sum("failed" in t.get_text() for t in display.texts_) == (n_failed > 0).sum()
    assert sorted(display.cells["n_failed"]) == sorted(n_failed)
    grids = [
        {"solver": ["sgd"], "alpha": [0.1], "tol": [1e-4]},
        {"solver": ["adam"], "alpha": [1.0], "tol": [1e-3]},
    ]
    search = GridSearchCV(small(MLPClassifierX), grids, cv=3).fit(X, LABELS)
    display = SolverGridDisplay.from_cv_results(search).plot()
    assert sum(display.cells["n_candidates"]) == len(display.texts_) == 2
    assert display.images_["sgd"].get_array().mask.sum() == 3  # that were not tried


def test_a_fold_that_failed_shows_in_its_cell():
    cells = {
        "panel": ["", ""], "x": ["1", "2"], "y": ["", ""], "mean": [np.nan, 0.9],
        "std": [np.nan, 0.1], "n_failed": [2, 0], "n_candidates": [1, 1],
        "params": [{}, {}],
    }  # fmt: skip
    labels = {"panel": "", "x": "a", "y": "", "score": "R²"}
    display = SolverGridDisplay(cells, labels=labels, n_folds=5).plot()
    assert [t.get_text() for t in display.texts_] == [
        "2 of 5\nfailed",
        "0.900\n± 0.100",
    ]
    assert tuple(display.best_.get_xy()) == (0.5, -0.5)
    cells["mean"] = [np.nan, np.nan]
    cells["n_failed"] = [5, 5]
    display.plot()
    assert display.best_ is None
    assert display.colorbar_ is None


def test_several_scores():
    search = GridSearchCV(
        small(MLPClassifierX), {"alpha": [0.1, 1]}, cv=3,
        scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss",
    ).fit(X, LABELS)  # fmt: skip
    display = SolverGridDisplay.from_cv_results(search)
    results = search.cv_results_
    assert np.allclose(display.cells["mean"], results["mean_test_neg_log_loss"])
    assert display.labels["score"] == "neg_log_loss"
    other = SolverGridDisplay.from_cv_results(search, metric="accuracy")
    assert np.allclose(other.cells["mean"], results["mean_test_accuracy"])


def test_names_that_are_not_unique_and_roles_that_clash(search):
    grid = {"solver__momentum": [0.5, 0.9], "momentum": [0.1]}
    model = small(MLPClassifierX, solver=Momentum())
    found = GridSearchCV(model, grid, cv=3).fit(X, LABELS)
    display = SolverGridDisplay.from_cv_results(found, x="solver__momentum")
    assert display.labels["x"] == "solver__momentum"
    assert display.cells["x"] == ["0.5", "0.9"]
    with pytest.raises(ValueError, match="different parameters"):
        SolverGridDisplay.from_cv_results(search, x="solver")
    with pytest.raises(ValueError, match=r"panels must name .* Got 'shuffle'"):
        SolverGridDisplay.from_cv_results(search, panels="shuffle")


def test_numbers_that_look_alike_have_labels_of_their_own():
    values = [0.123456, 0.123457, "auto"]
    grid = {"learning_rate_init": values}
    search = GridSearchCV(small(MLPClassifierX), grid, cv=3).fit(X, LABELS)
    display = SolverGridDisplay.from_cv_results(search).plot()
    assert display.cells["x"] == ["0.123456", "0.123457", "auto"]
    by_rate = LossCurveDisplay.from_cv_results(search)
    assert list(by_rate.curves) == display.cells["x"]
