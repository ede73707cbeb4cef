"""Displays of searches over epochs, against pandas and against the searches.

Artists are asked for their data; what they should have comes from elsewhere.
"""

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import DRAWN, curve, in_a_pipeline, texts
from problems import LABELS, NUMBERS, X, small
from scipy.stats import loguniform
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold

from skoptnet import Adam, MLPClassifierX, MLPRegressorX
from skoptnet.displays import EpochSearchDisplay, LossCurveDisplay, SolverGridDisplay
from skoptnet.model_selection import EpochHalvingGridSearchCV, EpochHyperbandSearchCV

pytestmark = DRAWN

GRID = {
    "mlp__solver": ["sgd", "adam", "lbfgs"],
    "mlp__learning_rate_init": [0.1, 0.01, 0.001],
}
CV = KFold(3, shuffle=True, random_state=0)


def halving(estimator, grid, **options):
    given = {"cv": CV, "max_resources": 18, "min_resources": 2, **options}
    return EpochHalvingGridSearchCV(estimator, grid, **given)


@pytest.fixture(scope="module")
def search():
    """Some trainings converge in some folds before others do."""
    model = in_a_pipeline().set_params(mlp__tol=0.02, mlp__n_iter_no_change=2)
    return halving(model, GRID).fit(X, LABELS)


@pytest.fixture(scope="module")
def hyperband():
    rates = {"learning_rate_init": loguniform(1e-4, 1)}
    model = small(MLPClassifierX)
    return EpochHyperbandSearchCV(
        model, rates, cv=CV, max_resources=9, random_state=0
    ).fit(X, LABELS)


def explodes(clock):
    """Diverge after the fourth epoch."""
    return 1.0 if clock.epoch < 4 else 1e200


@pytest.fixture(scope="module")
def diverging():
    """Some trainings diverge at once, others after their fourth epoch."""
    grid = [
        {"learning_rate_init": [0.001, 0.01, 0.1, 1e300]},
        {"learning_rate_init": [0.01], "lr_schedule": [explodes]},
    ]
    model = small(MLPRegressorX, solver="sgd", activation="identity")
    with pytest.warns(), np.errstate(all="ignore"):
        return halving(model, grid, min_resources=6).fit(X, NUMBERS)


def last_rows(search):
    """Return the results of each candidate in the last rung that it reached."""
    return pd.DataFrame(search.cv_results_).groupby("candidate").last()


def fold_curves(search, candidate, column):
    """Return a table of epochs by folds, in which ended folds keep their value."""
    table = pd.DataFrame(search.epoch_results_)
    own = table[table["candidate"] == candidate]
    return own.pivot_table(index="epoch", columns="fold", values=column).ffill()


@pytest.mark.parametrize("y", ["score", "validation_loss", "loss"])
def test_curves_are_means_over_the_folds(search, y):
    before = repr(search.cv_results_), repr(search.epoch_results_)
    display = EpochSearchDisplay.from_search(search, y=y).plot()
    assert (repr(search.cv_results_), repr(search.epoch_results_)) == before
    lengths = pd.DataFrame(search.epoch_results_).groupby(["candidate", "fold"]).size()
    assert (lengths.unstack().nunique(axis=1) > 1).any(), "no fold ends before another"
    assert sorted(display.lines_) == [*range(9)]
    drawn = pd.DataFrame(display.curves)
    for candidate, line in display.lines_.items():
        folds = fold_curves(search, candidate, y)
        epochs, values = curve(line)
        assert epochs == folds.index.tolist()
        assert np.allclose(values, folds.mean(axis=1), rtol=1e-12)
        own = drawn[drawn["candidate"] == candidate]
        assert np.allclose(own["std"], folds.std(axis=1, ddof=0), atol=1e-12)


def test_candidates_end_at_the_rung_that_dropped_them(search):
    display = EpochSearchDisplay.from_search(search).plot()
    assert search.n_candidates_ == [9, 3, 1]
    assert display.rungs["epoch"] == search.n_resources_ == [2, 6, 18]
    assert [line.get_xdata()[0] for line in display.rung_lines_] == [2, 6, 18]
    assert display.rungs["n_candidates"] == search.n_candidates_
    table = pd.DataFrame(display.candidates).set_index("candidate")
    rows = last_rows(search)
    assert table["rung"].tolist() == rows["iter"].tolist()
    assert (table["n_epochs"] <= rows["n_resources"]).all()
    reached = rows["iter"] == 2
    assert [end == "last rung" for end in table["outcome"]] == reached.tolist()
    assert set(table["outcome"]) == {"last rung", "dropped"}
    for candidate, line in display.lines_.items():
        assert (line.get_alpha() == 1) == reached[candidate]
        assert line.get_xdata()[-1] == table["n_epochs"][candidate]


def test_the_best_candidate_stands_out(search):
    display = EpochSearchDisplay.from_search(search).plot()
    best = search.cv_results_["candidate"][search.best_index_]
    widths = {c: line.get_linewidth() for c, line in display.lines_.items()}
    assert max(widths, key=widths.get) == best
    (epoch,), (value,) = curve(display.best_)
    assert epoch == search.best_epoch_
    assert value == pytest.approx(search.best_score_)
    folds = fold_curves(search, best, "score")
    low = (folds.mean(axis=1) - folds.std(axis=1, ddof=0)).min()
    assert display.band_.get_datalim(display.ax_.transData).y0 == pytest.approx(low)
    legend = texts(display.ax_)
    assert f"best, in epoch {search.best_epoch_}" in legend
    for name, value in search.best_params_.items():
        assert f"{name.removeprefix('mlp__')}={value}" in legend
    assert display.ax_.get_ylabel() == "test score (accuracy)"


def test_names_may_have_commas():
    solvers = [Adam(beta_1=0.8, beta_2=0.99), Adam()]
    model = small(MLPClassifierX)
    search = halving(model, {"solver": solvers}, max_resources=2).fit(X, LABELS)
    display = EpochSearchDisplay.from_search(search).plot()
    assert f"solver={search.best_params_['solver']}" in texts(display.ax_)


def test_colours_are_those_of_a_parameter(search):
    solvers = last_rows(search)["param_mlp__solver"]
    display = EpochSearchDisplay.from_search(search).plot()
    colors = {c: line.get_color() for c, line in display.lines_.items()}
    assert pd.Series(colors).groupby(solvers).nunique().tolist() == [1, 1, 1]
    assert len(set(colors.values())) == 3
    assert texts(display.ax_)[:3] == ["sgd", "adam", "lbfgs"]
    by_rate = EpochSearchDisplay.from_search(search, group_by="learning_rate_init")
    assert sorted(set(by_rate.candidates["group"])) == ["0.001", "0.01", "0.1"]
    one = EpochSearchDisplay.from_search(search, group_by=[]).plot()
    assert len({line.get_color() for line in one.lines_.values()}) == 1
    both = EpochSearchDisplay.from_search(search, group_by=["solver", "mlp__solver"])
    assert both.labels["group"] == "solver and solver"


def test_many_numbers_have_a_colour_bar(hyperband):
    display = EpochSearchDisplay.from_search(hyperband).plot()
    assert display.colorbar_.ax.get_xlabel() == "learning_rate_init"
    rates = last_rows(hyperband)["param_learning_rate_init"].astype(float)
    norm = display.colorbar_.mappable.norm
    assert (norm.vmin, norm.vmax) == pytest.approx((rates.min(), rates.max()), rel=1e-3)
    cmap = plt.get_cmap("viridis")
    for candidate, line in display.lines_.items():
        expected = cmap(norm(rates[candidate]))
        assert np.allclose(line.get_color(), expected, atol=0.01)


def test_each_bracket_has_its_axes(hyperband):
    display = EpochSearchDisplay.from_search(hyperband).plot()
    assert hyperband.n_candidates_ == [[9, 3, 1], [5, 1], [3]]
    assert [*display.axes_] == [0, 1, 2]
    assert list(display.ax_) == list(display.axes_.values())
    brackets = last_rows(hyperband)["bracket"]
    for candidate, line in display.lines_.items():
        assert line.axes is display.axes_[brackets[candidate]]
    table = pd.DataFrame(display.rungs).groupby("bracket")
    assert table["epoch"].apply(list).tolist() == hyperband.n_resources_
    assert table["n_candidates"].apply(list).tolist() == hyperband.n_candidates_
    single = [line for line in display.lines_.values() if len(line.get_xdata()) == 1]
    assert len(single) == 6
    assert all(line.get_marker() == "o" for line in single)


def test_brackets_may_be_chosen(hyperband):
    display = EpochSearchDisplay.from_search(hyperband)
    best = hyperband.cv_results_["bracket"][hyperband.best_index_]
    one = display.plot(brackets=int(best))
    assert [*one.axes_] == [best]
    assert one.best_.axes is one.ax_
    _, axes = plt.subplots(2)
    two = display.plot(axes, brackets=[2, 0])
    assert (two.axes_[2], two.axes_[0]) == tuple(axes)
    assert len(two.lines_) == 3 + 9
    with pytest.raises(ValueError, match="ax must be 3 axes, one for each bracket"):
        display.plot(axes)
    for wrong in (3, [], [0, 0], "a"):
        with pytest.raises(ValueError, match=r"brackets must be one or several"):
            display.plot(brackets=wrong)


def test_trainings_that_went_wrong_end_with_a_cross(diverging):
    display = EpochSearchDisplay.from_search(diverging, y="loss").plot(log=False)
    table = pd.DataFrame(display.candidates).set_index("candidate")
    assert table["outcome"][3] == table["outcome"][4] == "diverged"
    assert 3 not in display.lines_, "it has no epoch"
    assert display.lines_[4].get_xdata()[-1] == table["n_epochs"][4] == 4
    assert {mark.get_xdata()[0] for mark in display.crosses_} == {1, 4}
    low, high = display.ax_.get_ylim()
    assert all(low <= mark.get_ydata()[0] <= high for mark in display.crosses_)
    assert high < 1e6, "they do not take the room of the others"
    assert "failed or diverged: 2" in texts(display.ax_)


def test_several_scores():
    model = small(MLPClassifierX)
    grid = {"learning_rate_init": [0.01, 0.1]}
    scores = ["accuracy", "neg_log_loss"]
    options = {"scoring": scores, "max_resources": 3, "min_resources": 3}
    search = halving(model, grid, **options, refit="neg_log_loss").fit(X, LABELS)
    display = EpochSearchDisplay.from_search(search).plot()
    assert display.ax_.get_ylabel() == "test score (neg_log_loss)"
    other = EpochSearchDisplay.from_search(search, metric="accuracy").plot()
    expected = fold_curves(search, 0, "accuracy").mean(axis=1)
    assert np.allclose(other.lines_[0].get_ydata(), expected)
    unranked = halving(model, grid, **options, refit=False).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"metric must be one of .*accuracy"):
        EpochSearchDisplay.from_search(unranked)
    display = EpochSearchDisplay.from_search(unranked, metric="accuracy").plot()
    best = display.candidates["is_best"].index(True)
    assert best == unranked.cv_results_["mean_test_accuracy"].argmax()


def test_an_interrupted_search_shows_its_finished_rungs():
    calls = []

    def scoring(model, X, y):
        calls.append(1)
        if len(calls) == 9 * 3 * 2 + 5:  # in the second rung
            raise KeyboardInterrupt
        return model.score(X, y)

    rates = np.geomspace(1e-4, 1, 9)
    search = halving(
        small(MLPClassifierX), {"learning_rate_init": rates}, scoring=scoring
    )
    with pytest.warns(UserWarning, match="interrupted"):
        search.fit(X, LABELS)
    assert max(search.epoch_results_["epoch"]) > 2
    display = EpochSearchDisplay.from_search(search).plot()
    finished = sorted(set(search.cv_results_["n_resources"].tolist()))
    assert display.rungs["epoch"] == finished
    rows = last_rows(search)
    for candidate, line in display.lines_.items():
        assert line.get_xdata()[-1] == rows["n_resources"][candidate]


def test_it_may_be_made_from_its_numbers(search, tmp_path):
    display = EpochSearchDisplay.from_search(search)
    joblib.dump(display, tmp_path / "display")
    again = joblib.load(tmp_path / "display")
    assert vars(again) == vars(display)
    frames = {
        "curves": pd.DataFrame(display.curves),
        "candidates": pd.DataFrame(display.candidates).to_dict("list"),
        "rungs": pd.DataFrame(display.rungs).to_dict("list"),
    }
    made = EpochSearchDisplay(**frames, labels=display.labels, n_folds=3).plot()
    for candidate, line in display.plot().lines_.items():
        assert curve(line) == curve(made.lines_[candidate])


def test_scales(search):
    def scales(y="score", **options):
        ax = EpochSearchDisplay.from_search(search, y=y).plot(**options).ax_
        return ax.get_xscale(), ax.get_yscale()

    assert scales() == ("log", "linear")
    assert scales(log_epochs=False) == ("linear", "linear")
    assert scales("loss", log=True) == ("log", "log")
    assert scales("loss", log=False) == ("log", "linear")
    negative = EpochSearchDisplay.from_search(search)
    negative.curves = {
        **negative.curves,
        "mean": [-1.0, 0.5, *negative.curves["mean"][2:]],
    }
    low, high = negative.plot(log=True).ax_.get_ylim()
    assert 0 < low < 0.5 < high < 1.2
    for name in ("log", "log_epochs"):
        with pytest.raises(ValueError, match=rf"^{name} must be True, False or 'auto'"):
            scales(**{name: "no"})


def test_wrong_arguments(search):
    make = EpochSearchDisplay.from_search
    grid = GridSearchCV(small(MLPClassifierX), {"alpha": [0.1]}, cv=3).fit(X, LABELS)
    with pytest.raises(
        TypeError, match=r"needs a fitted search over epochs.*GridSearch"
    ):
        make(grid)
    with pytest.raises(TypeError, match="needs a fitted search over epochs"):
        make(small(MLPClassifierX))
    with pytest.raises(NotFittedError):
        make(halving(small(MLPClassifierX), {"alpha": [0.1]}))
    with pytest.raises(ValueError, match=r"metric must be one of .* Got 'f1'"):
        make(search, metric="f1")
    with pytest.raises(ValueError, match=r"'y' parameter .* Got 'train_loss'"):
        make(search, y="train_loss")
    with pytest.raises(ValueError, match=r"group_by must name .* Got 'momentum'"):
        make(search, group_by="momentum")
    negative = {"candidate": [0], "epoch": [1], "mean": [-1.0], "std": [0.0]}
    display = make(search)
    display.curves = negative
    with pytest.raises(ValueError, match="log must be False here"):
        display.plot(log=True)


def test_the_plane_of_scores(search):
    display = SolverGridDisplay.from_cv_results(search)
    rows = last_rows(search)
    assert len(display.cells["mean"]) == 9
    for mean, params in zip(
        display.cells["mean"], display.cells["params"], strict=True
    ):
        assert mean == pytest.approx(rows["mean_test_score"][rows["params"] == params])


def test_equal_candidates_of_two_brackets_are_two():
    grid = {"alpha": [0.0, 1.0, 10.0]}
    with pytest.warns(UserWarning, match="smaller than n_iter"):
        search = EpochHyperbandSearchCV(
            small(MLPClassifierX), grid, cv=CV, max_resources=4, factor=4,
            random_state=0,
        ).fit(X, LABELS)  # fmt: skip
    assert search.n_candidates_ == [[3, 1], [2]]
    display = SolverGridDisplay.from_cv_results(search)
    assert sum(display.cells["n_candidates"]) == 3 + 2
    best = last_rows(search)["mean_test_score"].groupby(
        last_rows(search)["param_alpha"].astype(float)
    )
    assert np.allclose(display.cells["mean"], best.max())


def test_loss_curves_are_those_that_the_search_recorded(search):
    display = LossCurveDisplay.from_cv_results(search)
    rows = last_rows(search)
    assert list(display.curves) == ["sgd", "adam", "lbfgs"]
    for solver, drawn in display.curves.items():
        of_solver = rows[rows["param_mlp__solver"] == solver]
        best = of_solver["mean_test_score"].idxmax()
        for column, name in (("score", "validation_score"), ("loss", "loss")):
            expected = fold_curves(search, best, column).median(axis=1)
            assert np.allclose(drawn[name], expected)
    assert "learning_rate" not in display.curves["lbfgs"]
    assert display.stops["params"][0] in search.cv_results_["params"]
    ends = dict(zip(display.stops["name"], display.stops["stop_reason"], strict=True))
    assert any("dropped" in end for end in ends.values())
    ax = display.plot(show="validation_loss").ax_
    assert ax.get_ylabel() == "validation loss (cross-entropy)"


def test_loss_curves_of_all_candidates(search):
    display = LossCurveDisplay.from_cv_results(search, candidates="all", group_by=[])
    assert list(display.curves) == ["all candidates"]
    n = display.curves["all candidates"]["n_training"]
    assert n[0] == 27
    best = LossCurveDisplay.from_cv_results(search, group_by=[])
    assert list(best.curves) == ["best candidate"]


def test_dropped_candidates_continue_if_fitted_again(hyperband):
    recorded = LossCurveDisplay.from_cv_results(hyperband, group_by=[])
    again = LossCurveDisplay.from_cv_results(hyperband, X, LABELS, group_by=[])
    name = "best candidate"
    n = len(recorded.curves[name]["loss"])
    assert again.curves[name]["loss"][:n] == recorded.curves[name]["loss"]
    everyone = LossCurveDisplay.from_cv_results(
        hyperband, X, LABELS, group_by=[], candidates="all"
    )
    assert everyone.curves["all candidates"]["n_training"] == [17 * 3] * 9


def test_a_fold_without_an_epoch_is_a_failed_one(diverging):
    display = LossCurveDisplay.from_cv_results(
        diverging, group_by=["learning_rate_init", "lr_schedule"]
    )
    ends = display.stops["stop_reason"]
    assert "3 failed" in ends
    assert "3 diverged" in ends


def test_the_lowest_axes_of_each_column_have_labels(hyperband):
    """Three brackets leave a place free: that above it is the lowest, too."""
    display = EpochSearchDisplay.from_search(hyperband).plot()
    display.figure_.canvas.draw()
    labels = {
        bracket: (ax.get_xlabel(), any(t.label1.get_visible() for t in ticks))
        for bracket, ax in display.axes_.items()
        for ticks in [ax.xaxis.get_major_ticks()]
    }
    assert labels == {0: ("", False), 1: ("epoch", True), 2: ("epoch", True)}


def test_the_legend_does_not_push_the_brackets_apart(hyperband):
    display = EpochSearchDisplay.from_search(hyperband).plot()
    display.figure_.canvas.draw()
    upper, lower = (display.axes_[i].get_position() for i in (0, 2))
    assert upper.y0 - lower.y1 < 0.6 * upper.height
