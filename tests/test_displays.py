"""The displays: what they hold and draw, against the estimators and scikit-learn.

Artists are asked for their data. Medians, best cells and rates come from elsewhere:
from `cross_validate`, from pandas, from trainings.
"""

import sys

import joblib
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from problems import DIGITS, LABELS, NUMBERS, X, batched, small
from quick_schedules import quick
from scipy.stats import loguniform
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    ShuffleSplit,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skoptnet.displays
from skoptnet import (
    Adam,
    Adaptive,
    Cosine,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
    OneCycle,
    Plateau,
    StepDecay,
    Warmup,
)
from skoptnet.displays import (
    LossCurveDisplay,
    ScheduleDisplay,
    SolverGridDisplay,
    WeightsDisplay,
)
from skoptnet.displays._style import COLORS, styles
from skoptnet.losses import LOSSES, REGRESSION_LOSSES
from skoptnet.schedules import SCHEDULES

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}:sklearn.exceptions.ConvergenceWarning")
    for text in ("Maximum number", "Training diverged", "Training ended at")
]


@pytest.fixture(autouse=True)
def _no_figures_left():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def classifier():
    return batched(MLPClassifierX).fit(X, LABELS)


@pytest.fixture(scope="module")
def validated():
    model = batched(MLPClassifierX, early_stopping=True, max_iter=60)
    return model.fit(X, LABELS)


GRID = {
    "mlp__solver": ["sgd", "adam"],
    "mlp__learning_rate_init": [0.1, 0.01, 0.001],
    "mlp__batch_size": [150, 40],
    "mlp__alpha": [0.0, 1.0],
}


def in_a_pipeline(**parameters):
    return Pipeline([("scale", StandardScaler()), ("mlp", small(MLPClassifierX))])


@pytest.fixture(scope="module")
def search():
    model = in_a_pipeline()
    cv = KFold(3, shuffle=True, random_state=0)
    with pytest.warns(match="Maximum number"):
        return GridSearchCV(model, GRID, cv=cv).fit(X, LABELS)


@pytest.fixture(scope="module")
def failing():
    """A search in which one solver fails in one fold, or in all."""
    rows = X.copy()
    rows[0] = 1e200  # in the test rows of the first fold
    grid = {"solver": ["sgd", "adam"], "learning_rate_init": [1e-3, 1e200]}
    splits = [
        (np.arange(50, 150), np.arange(50)),
        (np.arange(100), np.arange(100, 150)),
    ]
    model = small(MLPClassifierX, activation="identity", batch_size=150)
    with pytest.warns(), np.errstate(all="ignore"):
        found = GridSearchCV(model, grid, cv=splits, refit=False).fit(rows, LABELS)
    return found


def curve(line):
    return list(line.get_xdata()), list(line.get_ydata())


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ------------------------------------------------------------------- loss curves


def test_the_curve_of_an_estimator(classifier):
    before = joblib.hash(vars(classifier))
    display = LossCurveDisplay.from_estimator(classifier)
    assert display.plot() is display
    (line,) = display.lines_
    epochs = [*range(1, 6)]
    assert curve(line) == (epochs, classifier.loss_curve_)
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.figure is display.figure_
    assert display.bands_ == display.rate_lines_ == []
    assert display.rate_ax_ is None
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "MLPClassifierX (max_iter)"
    (mark,) = display.marks_
    assert curve(mark) == ([5], [classifier.loss_])
    assert joblib.hash(vars(classifier)) == before
    display.curves["MLPClassifierX"]["loss"].append(0)
    assert len(classifier.loss_curve_) == 5


def test_both_losses_the_best_epoch_and_the_rates(validated):
    display = LossCurveDisplay.from_estimator(validated, name="net").plot(rate=True)
    history = validated.history_
    assert [curve(line)[1] for line in display.lines_] == [
        history["loss"],
        history["validation_loss"],
    ]
    kept = validated.best_epoch_
    assert 1 < kept < len(history["epoch"])
    assert [curve(mark) for mark in display.marks_] == [
        ([kept], [history[name][kept - 1]]) for name in ("loss", "validation_loss")
    ]
    (rates,) = display.rate_lines_
    assert curve(rates) == (history["epoch"], history["learning_rate"])
    assert display.rate_ax_.get_ylabel() == "learning rate"
    assert texts(display.ax_) == [
        "training loss (cross-entropy + L2 penalty)",
        "validation loss (cross-entropy)",
        "weights kept",
        "learning rate",
    ]
    score = LossCurveDisplay.from_estimator(validated).plot(show="validation_score")
    assert curve(score.lines_[0])[1] == validated.validation_scores_
    assert score.ax_.get_ylabel() == "validation score (accuracy)"
    assert pd.DataFrame(display.curves["net"]).shape == (len(history["epoch"]), 6)
    frame = pd.DataFrame(display.stops)
    assert frame.loc[0].tolist() == ["net", kept, "early_stopping"]


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ({"alpha": 0}, "half squared error"),
        ({}, "half squared error + L2 penalty"),
        ({"l1_ratio": 1.0}, "half squared error + L1 penalty"),
        ({"l1_ratio": 0.5}, "half squared error + L1 and L2 penalty"),
    ],
)
def test_the_objective_is_named(parameters, label):
    model = small(MLPRegressorX, **parameters).fit(X, NUMBERS)
    display = LossCurveDisplay.from_estimator(model).plot()
    assert display.ax_.get_ylabel() == f"training loss ({label})"


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_each_loss_is_named(loss):
    y = np.exp(NUMBERS)
    model = small(MLPRegressorX, loss=loss, alpha=0, early_stopping=True).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert display.labels["loss"] == REGRESSION_LOSSES[loss].label
    assert display.labels["validation_score"] == (
        "R²" if loss == "squared_error" else "D²"
    )


def test_no_two_losses_share_a_name():
    labels = {cls: cls.label for cls in LOSSES.values()}
    assert len(set(labels.values())) == len(labels)


@pytest.mark.parametrize(
    ("scoring", "label"),
    [
        ("loss", "negative loss"),
        ("balanced_accuracy", "balanced_accuracy"),
        (lambda model, X, y: 0.5, "<lambda>"),
    ],
)
def test_the_score_is_named(scoring, label):
    model = small(MLPClassifierX, early_stopping=True, scoring=scoring).fit(X, LABELS)
    display = LossCurveDisplay.from_estimator(model)
    assert display.labels["validation_score"] == label


def test_a_divergence_is_marked():
    model = small(
        MLPRegressorX, solver="sgd", max_iter=50, lr_schedule=lambda c: 10.0**c.epoch
    ).fit(X, NUMBERS)
    assert model.stop_reason_ == "diverged"
    display = LossCurveDisplay.from_estimator(model).plot()
    marks = {mark.get_marker(): curve(mark) for mark in display.marks_}
    last = len(model.loss_curve_)
    assert marks["X"] == ([last], [model.loss_curve_[-1]])
    ((kept,), (loss,)) = marks["o"]
    assert loss == model.loss_
    assert model.loss_curve_[kept - 1] == model.loss_
    assert "diverged hereafter" in texts(display.ax_)


def test_lbfgs_counts_iterations_and_has_no_rates():
    model = small(MLPClassifierX, solver="lbfgs", max_iter=8).fit(X, LABELS)
    display = LossCurveDisplay.from_estimator(model).plot()
    assert display.ax_.get_xlabel() == "iteration"
    with pytest.raises(ValueError, match=r"rate must be False here.*lbfgs"):
        display.plot(rate=True)
    adam = batched(MLPClassifierX).fit(X, LABELS)
    both = LossCurveDisplay.from_estimators({"lbfgs": model, "adam": adam})
    both.plot(rate=True)
    assert both.ax_.get_xlabel() == "iteration / epoch"
    assert [curve(line)[1] for line in both.rate_lines_] == [
        adam.history_["learning_rate"]
    ]


def test_several_estimators_share_axes(classifier, validated):
    models = {"plain": classifier, "validated": validated}
    display = LossCurveDisplay.from_estimators(models).plot()
    assert [curve(line)[1] for line in display.lines_] == [
        classifier.loss_curve_,
        validated.loss_curve_,
    ]
    assert texts(display.ax_)[:2] == ["plain (max_iter)", "validated (early_stopping)"]
    looks = {(line.get_color(), line.get_linestyle()) for line in display.lines_}
    assert len(looks) == 2
    _, ax = plt.subplots()
    display.plot(ax, show=["loss", "validation_loss"])
    assert display.ax_ is ax
    assert len(ax.get_lines()) == 3 + len(display.marks_)
    display.plot(show="validation_score")
    assert [curve(line)[1] for line in display.lines_] == [validated.validation_scores_]


def test_scale_of_the_losses(classifier):
    def scale(losses, **options):
        curves = {"a": {"epoch": [1, 2, 3], "loss": losses}}
        return LossCurveDisplay(curves).plot(**options).ax_.get_yscale()

    assert scale([1, 0.5, 0.2]) == "linear"
    assert scale([1, 0.5, 0.01]) == "log"
    assert scale([1, 0.5, 0]) == "linear"
    assert scale([1, 0.5, 0.2], log=True) == "log"
    assert scale([1, 0.5, 0.01], log=False) == "linear"
    ax = LossCurveDisplay({"a": {"epoch": [1, 2], "loss": [2.5, 0.02]}}).plot().ax_
    ax.figure.canvas.draw()
    ticks = [t.get_text() for t in ax.get_yticklabels()]
    assert {"0.05", "0.1", "1", "2"} <= set(ticks)


def test_what_holds_an_mlp_is_looked_into(search):
    regressor = batched(MLPRegressorX)
    pipeline = make_pipeline(StandardScaler(), batched(MLPClassifierX)).fit(X, LABELS)
    scaled = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    scaled.fit(X, NUMBERS)
    for outer, net in [
        (pipeline, pipeline[-1]),
        (scaled, scaled.regressor_),
        (search, search.best_estimator_["mlp"]),
    ]:
        display = LossCurveDisplay.from_estimator(outer).plot()
        assert curve(display.lines_[0])[1] == net.loss_curve_


def test_cross_validate_gives_median_and_spread():
    model = make_pipeline(
        StandardScaler(),
        MLPClassifierX((5,), learning_rate_init=0.05, tol=0.02, random_state=0),
    )
    result = cross_validate(model, X, LABELS, cv=5, return_estimator=True)
    display = LossCurveDisplay.from_cross_validate(result).plot()
    curves = [fold[-1].loss_curve_ for fold in result["estimator"]]
    lengths = [len(c) for c in curves]
    assert len(set(lengths)) > 1
    ended = pd.DataFrame({i: pd.Series(c) for i, c in enumerate(curves)})
    frame = ended.ffill()  # pandas keeps the last figures
    for name, values in {
        "loss": frame.median(axis=1),
        "loss_low": frame.quantile(0.25, axis=1),
        "loss_high": frame.quantile(0.75, axis=1),
        "n_training": ended.notna().sum(axis=1),
    }.items():
        assert np.allclose(display.curves["cross-validation"][name], values), name
    assert np.allclose(display.lines_[0].get_ydata(), frame.median(axis=1))
    (band,) = display.bands_
    low, high = band.get_paths()[0].get_extents().intervaly
    assert np.isclose(low, frame.quantile(0.25, axis=1).min())
    assert np.isclose(high, frame.quantile(0.75, axis=1).max())
    assert display.stops["stop_reason"] == ["5 converged"]
    wide = LossCurveDisplay.from_cross_validate({"a": result}, spread="range")
    assert np.allclose(wide.curves["a"]["loss_high"], frame.max(axis=1))


def test_cross_validate_with_several_scores():
    result = cross_validate(
        small(MLPClassifierX), X, LABELS, cv=3, return_estimator=True,
        scoring=["accuracy", "neg_log_loss"],
    )  # fmt: skip
    display = LossCurveDisplay.from_cross_validate(result)
    assert list(display.curves) == ["cross-validation"]


def test_a_search_over_nothing_is_one_group():
    search = GridSearchCV(small(MLPClassifierX), {}, cv=3).fit(X, LABELS)
    display = LossCurveDisplay.from_cv_results(search, X, LABELS).plot()
    assert list(display.curves) == ["all candidates"]
    folds = cross_validate(
        small(MLPClassifierX), X, LABELS, cv=3, return_estimator=True
    )
    expected = np.median([e.loss_curve_ for e in folds["estimator"]], axis=0)
    assert np.allclose(display.lines_[0].get_ydata(), expected)
    with pytest.raises(ValueError, match="different parameters that were searched"):
        SolverGridDisplay.from_cv_results(search)


def test_a_fold_that_failed_is_counted():
    splits = [
        (np.arange(100), np.arange(100, 150)),
        (np.arange(50, 150), np.arange(50)),
    ]
    rows = X.copy()
    rows[0] = 1e200
    model = small(MLPClassifierX, activation="identity", solver="sgd")
    with pytest.warns(FitFailedWarning), np.errstate(all="ignore"):
        result = cross_validate(
            model, rows, LABELS, cv=splits, return_estimator=True, scoring=lambda *_: 0
        )
    display = LossCurveDisplay.from_cross_validate({"a": result}).plot()
    assert display.stops["stop_reason"] == ["1 failed, 1 max_iter"]
    failed, good = result["estimator"]
    assert curve(display.lines_[0])[1] == good.loss_curve_
    result["estimator"] = [failed]
    with pytest.raises(ValueError, match="all fits failed"):
        LossCurveDisplay.from_cross_validate({"a": result})


# ----------------------------------------------------------- loss curves: searches


def fold_scores(search):
    results = search.cv_results_
    return np.array([results[f"split{k}_test_score"] for k in range(search.n_splits_)])


def test_scores_of_a_search_by_solver(search):
    before = repr(search.cv_results_)
    display = LossCurveDisplay.from_cv_results(search).plot()
    assert repr(search.cv_results_) == before
    scores = pd.DataFrame(fold_scores(search).T)
    solver = pd.Series(search.cv_results_["param_mlp__solver"])
    assert list(display.curves) == ["sgd", "adam"]
    for line, name in zip(display.lines_, ("sgd", "adam"), strict=True):
        medians = scores[solver == name].median(axis=1)
        places, values = curve(line)
        assert places == [*range(1, 13)]
        assert np.allclose(values, sorted(medians, reverse=True))
        low = np.array(display.curves[name]["score_low"])
        assert (low <= values).all()
        spread = scores[solver == name].quantile(0.25, axis=1)
        assert np.allclose(sorted(low), sorted(spread))
    assert display.ax_.get_ylabel() == "test score (accuracy)"
    legend = display.ax_.get_legend().get_title().get_text()
    assert legend == "median and quartiles\nover 3 folds"


def test_groups_are_those_of_any_parameters(search):
    def groups(by):
        display = LossCurveDisplay.from_cv_results(search, group_by=by)
        return {name: len(c["candidate"]) for name, c in display.curves.items()}

    assert groups("learning_rate_init") == {"0.001": 8, "0.01": 8, "0.1": 8}
    assert groups("mlp__batch_size") == {"40": 12, "150": 12}
    assert groups(["solver", "alpha"]) == {
        f"solver={s}, alpha={a}": 6 for s in ("sgd", "adam") for a in (0, 1)
    }
    with pytest.raises(ValueError, match=r"group_by must name .* Got 'momentum'"):
        groups("momentum")


def test_candidates_that_failed_are_no_scores(failing):
    display = LossCurveDisplay.from_cv_results(failing, group_by="learning_rate_init")
    display.plot()
    frame = pd.DataFrame(failing.cv_results_)
    failed = frame["mean_test_score"].isna()
    assert 0 < failed.sum() < len(failed)
    drawn = sum(len(c["candidate"]) for c in display.curves.values())
    assert drawn == (~failed).sum()
    assert any("of 2 failed" in text for text in texts(display.ax_))


def median_curve(estimators):
    return np.median([e[-1].loss_curve_ for e in estimators], axis=0)


def test_curves_of_the_best_candidates(search):
    before = joblib.hash(vars(search.best_estimator_["mlp"]))
    display = LossCurveDisplay.from_cv_results(search, X, LABELS).plot(rate=True)
    frame = pd.DataFrame(search.cv_results_)
    for place, solver in enumerate(("sgd", "adam")):
        of_solver = frame[frame["param_mlp__solver"] == solver]
        best = of_solver.loc[of_solver["mean_test_score"].idxmax(), "params"]
        assert display.stops["params"][place] == best
        model = in_a_pipeline().set_params(**best)
        folds = cross_validate(model, X, LABELS, cv=search.cv, return_estimator=True)
        expected = median_curve(folds["estimator"])
        assert np.allclose(display.lines_[place].get_ydata(), expected, rtol=1e-12)
    assert joblib.hash(vars(search.best_estimator_["mlp"])) == before
    again = LossCurveDisplay.from_cv_results(search, X, LABELS, n_jobs=2)
    assert again.curves == display.curves


def test_curves_of_all_candidates(search):
    display = LossCurveDisplay.from_cv_results(
        search, X, LABELS, candidates="all", group_by="solver", spread="range"
    ).plot()
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "median, lowest and highest\nover 36 folds and candidates"
    curves = []
    for params in search.cv_results_["params"]:
        if params["mlp__solver"] == "adam":
            model = in_a_pipeline().set_params(**params)
            folds = cross_validate(
                model, X, LABELS, cv=search.cv, return_estimator=True
            )
            curves += [fold[-1].loss_curve_ for fold in folds["estimator"]]
    assert np.allclose(display.curves["adam"]["loss"], np.median(curves, axis=0))
    assert np.allclose(display.curves["adam"]["loss_high"], np.max(curves, axis=0))


def test_a_random_search_over_objects_and_weights():
    w = np.random.RandomState(0).uniform(0.5, 2, len(X))
    search = RandomizedSearchCV(
        small(MLPRegressorX),
        {
            "solver": [Adam(beta_2=0.9), Momentum(0.5)],
            "learning_rate_init": loguniform(1e-3, 1e-1),
        },
        n_iter=6,
        cv=3,
        random_state=0,
    ).fit(X, NUMBERS, sample_weight=w)
    display = LossCurveDisplay.from_cv_results(
        search, X, NUMBERS, fit_params={"sample_weight": w}
    )
    names = {repr(p["solver"]) for p in search.cv_results_["params"]}
    assert set(display.curves) == names
    best = display.stops["params"][0]
    folds = cross_validate(
        small(MLPRegressorX).set_params(**best), X, NUMBERS, cv=3,
        params={"sample_weight": w}, return_estimator=True,
    )  # fmt: skip
    expected = np.median([e.loss_curve_ for e in folds["estimator"]], axis=0)
    assert np.allclose(display.curves[repr(best["solver"])]["loss"], expected)


@pytest.mark.parametrize("resource", ["n_samples", "max_iter"])
def test_a_halving_search_counts_each_candidate_once(resource):
    grid = {"solver": ["sgd", "adam"], "learning_rate_init": [0.1, 0.01, 0.001]}
    options = {"resource": resource}
    if resource == "max_iter":
        options |= {"max_resources": 9, "min_resources": 1}
    search = HalvingGridSearchCV(
        small(MLPClassifierX), grid, cv=3, random_state=0, **options
    ).fit(X, LABELS)
    frame = pd.DataFrame(search.cv_results_)
    assert len(frame) > 6
    last = frame.groupby(["param_solver", "param_learning_rate_init"]).last()
    display = SolverGridDisplay.from_cv_results(search)
    for i in range(6):
        cell = {name: values[i] for name, values in display.cells.items()}
        row = last.loc[cell["panel"], float(cell["x"])]
        assert np.isclose(cell["mean"], row["mean_test_score"])
    scores = LossCurveDisplay.from_cv_results(search)
    assert [len(c["candidate"]) for c in scores.curves.values()] == [3, 3]
    curves = LossCurveDisplay.from_cv_results(search, X, LABELS).curves
    assert set(curves) == {"sgd", "adam"}


def test_splits_by_groups_are_made_again():
    groups = np.arange(150) % 5
    search = GridSearchCV(
        small(MLPClassifierX), {"solver": ["sgd"]}, cv=GroupKFold(5)
    ).fit(X, LABELS, groups=groups)
    display = LossCurveDisplay.from_cv_results(
        search, X, LABELS, fit_params={"groups": groups}
    )
    folds = cross_validate(
        small(MLPClassifierX, solver="sgd"), X, LABELS, groups=groups,
        cv=GroupKFold(5), return_estimator=True,
    )  # fmt: skip
    expected = np.median([e.loss_curve_ for e in folds["estimator"]], axis=0)
    assert np.allclose(display.curves["sgd"]["loss"], expected)


def test_splits_that_cannot_be_made_again():
    def searched(cv):
        grid = {"solver": ["sgd"]}
        return GridSearchCV(small(MLPClassifierX), grid, cv=cv).fit(X, LABELS)

    for cv in (ShuffleSplit(3), KFold(3, shuffle=True)):
        with pytest.raises(ValueError, match="cannot be made again"):
            LossCurveDisplay.from_cv_results(searched(cv), X, LABELS)
    used_up = searched(KFold(3, shuffle=True, random_state=0).split(X))
    with pytest.raises(ValueError, match="an iterator, which is used up"):
        LossCurveDisplay.from_cv_results(used_up, X, LABELS)
    given = KFold(3, shuffle=True, random_state=0)
    again = LossCurveDisplay.from_cv_results(used_up, X, LABELS, cv=given)
    known = LossCurveDisplay.from_cv_results(searched(given), X, LABELS)
    assert again.curves == known.curves


def test_clones_that_fail_are_counted(failing):
    rows = X.copy()
    rows[0] = 1e200
    with np.errstate(all="ignore"):
        display = LossCurveDisplay.from_cv_results(failing, rows, LABELS)
    frame = pd.DataFrame(failing.cv_results_)
    for name, ends in zip(display.curves, display.stops["stop_reason"], strict=True):
        of_solver = frame[frame["param_solver"] == name]
        mean = of_solver["mean_test_score"]
        best = of_solver.loc[mean.idxmax() if mean.notna().any() else mean.index[0]]
        n_failed = int(np.isnan([best.split0_test_score, best.split1_test_score]).sum())
        assert (f"{n_failed} failed" in ends) == (n_failed > 0)


def test_refusals_of_loss_curves(classifier, search):
    make = LossCurveDisplay.from_estimator
    with pytest.raises(TypeError, match=r"LogisticRegression instead"):
        make(LogisticRegression())
    with pytest.raises(TypeError, match=r"the class MLPClassifierX instead"):
        make(MLPClassifierX)
    with pytest.raises(TypeError, match=r"needs a dict of estimators by name"):
        LossCurveDisplay.from_estimators([classifier])
    for unfitted in (MLPClassifierX(), in_a_pipeline()):
        with pytest.raises(NotFittedError):
            make(unfitted)
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_cv_results(GridSearchCV(MLPClassifierX(), {}))
    with pytest.raises(TypeError, match="needs a fitted search"):
        LossCurveDisplay.from_cv_results(classifier)
    without = GridSearchCV(small(MLPClassifierX), {"alpha": [1]}, refit=False)
    with pytest.raises(ValueError, match="refit=True"):
        make(without.fit(X, LABELS))
    with pytest.raises(ValueError, match=r"show must be .* early_stopping=True"):
        make(classifier).plot(show="validation_loss")
    with pytest.raises(ValueError, match="log must be True, False or 'auto'"):
        make(classifier).plot(log="yes")
    with pytest.raises(ValueError, match="needs X and y"):
        LossCurveDisplay.from_cv_results(search, X)
    with pytest.raises(ValueError, match="candidates must be 'best' or 'all'"):
        LossCurveDisplay.from_cv_results(search, candidates="some")
    with pytest.raises(ValueError, match=r"spread must be one of .*Got 'std'"):
        LossCurveDisplay.from_cv_results(search, spread="std")
    with pytest.raises(ValueError, match=r"metric must be one of .*\['score'\]"):
        LossCurveDisplay.from_cv_results(search, metric="f1")
    result = cross_validate(small(MLPClassifierX), X, LABELS, cv=3)
    with pytest.raises(ValueError, match="return_estimator=True"):
        LossCurveDisplay.from_cross_validate(result)


def test_scores_and_losses_have_axes_of_their_own(validated):
    with pytest.raises(ValueError, match="Draw others on axes of their own"):
        LossCurveDisplay.from_estimator(validated).plot(
            show=["loss", "validation_score"]
        )


# ---------------------------------------------------------------------- schedules


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_plan_is_what_training_does(name):
    model = batched(
        MLPClassifierX, solver="momentum", lr_schedule=quick(name), decay_epochs=2,
        max_iter=8, n_iter_no_change=2, tol=1.0,
    )  # fmt: skip
    if name != "adaptive":
        model.set_params(n_iter_no_change=np.inf, tol=0)
    model.fit(X, LABELS)
    history = model.history_
    display = ScheduleDisplay.from_estimator(model, unit="updates").plot()
    training = display.curves["training"]
    assert training["rate"] == history["learning_rate"]
    if name in ("plateau", "adaptive"):
        assert list(display.curves) == ["training"]
        schedule = model._part(quick(name), SCHEDULES)
        plan = ScheduleDisplay.from_schedules(
            {name: schedule}, learning_rate_init=0.02, epochs=len(history["epoch"]),
            updates_per_epoch=4, losses=model.loss_curve_, n_iter_no_change=2, tol=1.0,
        ).curves[name]  # fmt: skip
    else:
        plan = display.curves["plan"]
    planned = dict(zip(plan["update"], plan["rate"], strict=True))
    assert len(planned) == 4 * len(history["epoch"])
    assert np.allclose([planned[u] for u in training["update"]], training["rate"])
    assert len(set(training["rate"])) > 1 or name == "constant"


def test_closed_forms():
    display = ScheduleDisplay.from_schedules(
        ["step", "exponential"], learning_rate_init=0.1, epochs=30, updates_per_epoch=5
    ).plot()
    t = np.arange(150)
    for line, factor in zip(
        display.lines_, (0.5 ** (t // 50), 0.5 ** (t / 50)), strict=True
    ):
        assert np.allclose(line.get_xdata(), t / 5)
        assert np.allclose(line.get_ydata(), 0.1 * factor)
    assert texts(display.ax_) == ["step", "exponential"]
    assert display.momentum_ax_ is None
    assert pd.DataFrame(display.curves["step"]).shape == (150, 4)


@pytest.mark.parametrize(
    ("unit", "last", "label"),
    [
        ("epochs", 9.75, "epoch"),
        ("updates", 39, "update"),
        ("share", 0.975, "share of the planned epochs"),
    ],
)
def test_units(unit, last, label):
    display = ScheduleDisplay.from_schedules(
        Cosine(), epochs=10, updates_per_epoch=4, unit=unit
    ).plot(log=True)
    assert curve(display.lines_[0])[0][-1] == pytest.approx(last)
    assert display.ax_.get_xlabel() == label
    assert display.ax_.get_ylabel() == "factor on learning_rate_init"
    assert display.ax_.get_yscale() == "log"
    assert list(display.curves) == ["Cosine()"]


def test_momenta_are_drawn_below():
    schedules = {"cycle": Warmup(OneCycle(), epochs=2), "step": StepDecay()}
    display = ScheduleDisplay.from_schedules(schedules, epochs=20, updates_per_epoch=3)
    display.plot()
    (line,) = display.momentum_lines_
    x, momenta = curve(line)
    assert (max(momenta), min(momenta)) == pytest.approx((0.95, 0.85), abs=1e-3)
    assert x[int(np.argmin(momenta))] == pytest.approx(6)
    assert display.momentum_ax_.get_xlabel() == "epoch"
    _, axes = plt.subplots(2)
    display.plot(axes)
    assert display.ax_ is axes[0]
    assert display.momentum_ax_ is axes[1]
    display.plot(axes[0])
    assert display.momentum_lines_ == []
    with pytest.raises(ValueError, match="Got 3"):
        display.plot(plt.subplots(3)[1])


def test_functions_and_samples():
    def by_samples(clock):
        return 1 / (1 + clock.samples)

    display = ScheduleDisplay.from_schedules(
        [by_samples, "invscaling"], epochs=3, updates_per_epoch=1, samples_per_epoch=99
    )
    assert display.curves["by_samples"]["rate"] == [1, 1 / 100, 1 / 199]
    assert display.curves["invscaling"]["rate"][1] == pytest.approx(0.1)


def test_a_second_fit_has_a_plan_of_its_own():
    model = batched(MLPClassifierX, lr_schedule="cosine", warm_start=True, max_iter=4)
    model.fit(X, LABELS).fit(X, LABELS)
    plan = ScheduleDisplay.from_estimator(model).curves["plan"]
    assert (plan["update"][0], plan["update"][-1]) == (16, 31)
    rates = dict(zip(plan["update"], plan["rate"], strict=True))
    assert [rates[u] for u in (19, 23, 27, 31)] == pytest.approx(
        model.history_["learning_rate"][4:]
    )


def test_partial_fit_follows_one_plan():
    model = batched(MLPClassifierX, lr_schedule="cosine", max_iter=6)
    for _ in range(3):
        model.partial_fit(X, LABELS, classes=np.unique(LABELS))
    curves = ScheduleDisplay.from_estimator(model).curves
    rates = dict(zip(curves["plan"]["update"], curves["plan"]["rate"], strict=True))
    assert len(rates) == 24
    assert [rates[u] for u in curves["training"]["update"]] == pytest.approx(
        curves["training"]["rate"]
    )


def test_schedules_that_react_need_losses():
    make = ScheduleDisplay.from_schedules

    def by_loss(clock):
        return 1.0 if not clock.losses else clock.losses[-1]

    for schedule in ("plateau", "adaptive", Warmup("adaptive"), by_loss):
        with pytest.raises(ValueError, match=r"losses must be given for"):
            make(schedule, epochs=3)
    with pytest.raises(ValueError, match=r"validation_losses must be given"):
        make(Plateau("validation_loss"), epochs=3, losses=[1, 1])
    with pytest.raises(ValueError, match=r"each of the 4 epochs.*Pass epochs=2"):
        make("plateau", epochs=4, losses=[1, 1])
    given = make({"a": by_loss}, epochs=3, updates_per_epoch=1, losses=[0.5, 0.25])
    assert given.curves["a"]["rate"] == [1, 0.5, 0.25]
    plateaus = make(
        {"a": Adaptive(factor=0.5, min_rate=0.3)}, epochs=8, updates_per_epoch=1,
        losses=[1.0] * 7, n_iter_no_change=2,
    )  # fmt: skip
    # A plateau after epochs 3 and 5; at 0.25 the next one would end the training.
    assert plateaus.curves["a"]["rate"] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("schedules", "options", "error", "match"),
    [
        ("cosin", {}, ValueError, r"Did you mean 'cosine'\?"),
        (StepDecay, {}, TypeError, r"Did you mean an object, StepDecay\(\)"),
        ({"a": 3}, {}, TypeError, "Got 3 instead"),
        (StepDecay(decay_rate=2), {}, ValueError, "decay_rate"),
        (["step", "step"], {}, ValueError, "names that differ"),
        ([], {}, ValueError, "one or more"),
        ("step", {"epochs": 0}, ValueError, "'epochs' .* must be an int"),
        (
            "step",
            {"updates_per_epoch": 1.5},
            ValueError,
            "'updates_per_epoch' .* an int",
        ),
        (
            "step",
            {"learning_rate_init": 0},
            ValueError,
            "'learning_rate_init' .* float",
        ),
        ("step", {"unit": "hours"}, ValueError, "'unit' .* must be a str among"),
    ],
)
def test_refusals_of_schedules(schedules, options, error, match):
    with pytest.raises(error, match=match):
        ScheduleDisplay.from_schedules(schedules, **options)


def test_lbfgs_has_no_schedule():
    model = small(MLPClassifierX, solver="lbfgs").fit(X, LABELS)
    with pytest.raises(ValueError, match="needs a solver with learning rates"):
        ScheduleDisplay.from_estimator(model)


# ------------------------------------------------------------------------ weights


@pytest.fixture(scope="module")
def of_digits():
    rows = DIGITS.data[:200] / 16
    return small(MLPClassifierX).fit(rows, DIGITS.target[:200])


def test_images_are_the_weights_of_units(of_digits):
    display = WeightsDisplay.from_estimator(of_digits).plot()
    W = of_digits.coefs_[0]
    assert len(display.images_) == 5
    for unit, image in enumerate(display.images_):
        assert np.array_equal(image.get_array(), W[:, unit].reshape(8, 8))
        assert image.get_clim() == (-np.abs(W).max(), np.abs(W).max())
    assert display.colorbar_.ax.get_ylabel() == "weight"
    assert [ax.get_title() for ax in display.axes_] == [f"unit {i}" for i in range(5)]
    chosen = WeightsDisplay.from_estimator(
        of_digits, units=[4, 1], image_shape=(4, 16)
    ).plot()
    assert np.array_equal(chosen.images_[0].get_array(), W[:, 4].reshape(4, 16))
    display.coefs[0][:] = 0
    assert W.any()


def test_no_more_than_25_images_unless_chosen():
    model = MLPClassifierX((30,), max_iter=1, random_state=0)
    model.fit(DIGITS.data[:100], DIGITS.target[:100])
    display = WeightsDisplay.from_estimator(model).plot()
    assert len(display.images_) == 25
    assert display.ax_.get_title() == "$W_{1}$, 25 of 30 units"
    all_of_them = WeightsDisplay.from_estimator(model, units=range(30)).plot()
    assert len(all_of_them.images_) == 30


def test_bars_have_the_names_of_features():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    plain = small(MLPClassifierX).fit(frame, LABELS)
    pipeline = make_pipeline(StandardScaler(), small(MLPClassifierX))
    pipeline.fit(frame, LABELS)
    for model, net in ((plain, plain), (pipeline, pipeline[-1])):
        display = WeightsDisplay.from_estimator(model, kind="bars", units=[2, 0]).plot()
        ticks = [tick.get_text() for tick in display.axes_[0].get_yticklabels()]
        assert ticks == ["a", "b", "c", "d"]
        widths = [bar.get_width() for bar in display.bars_[0]]
        assert np.array_equal(widths, net.coefs_[0][:, 2])
    nameless = make_pipeline(FunctionTransformer(np.asarray), small(MLPClassifierX))
    display = WeightsDisplay.from_estimator(nameless.fit(frame, LABELS), kind="bars")
    assert display._input_names() == [f"feature {i}" for i in range(4)]
    outputs = WeightsDisplay.from_estimator(plain, layer=-1, kind="bars").plot()
    assert [ax.get_title() for ax in outputs.axes_] == [
        f"class {label}" for label in plain.classes_
    ]
    assert outputs.axes_[0].get_yticklabels()[0].get_text() == "unit 0"
    renamed = WeightsDisplay.from_estimator(plain, kind="bars", feature_names="wxyz")
    assert renamed._input_names() == ["w", "x", "y", "z"]


def test_distributions_count_every_weight(of_digits):
    _, ax = plt.subplots()
    display = WeightsDisplay.from_estimator(of_digits, kind="distributions").plot(ax)
    counts = [sum(bar.get_height() for bar in bars) for bars in display.bars_]
    assert counts == [64 * 5, 5, 5 * 10, 10]
    assert display.ax_ is ax
    assert display.axes_[0].get_title() == "$W_{1}$: 64 \u00d7 5"


def test_many_bars_and_regression_outputs(of_digits):
    display = WeightsDisplay.from_estimator(of_digits, kind="bars").plot()
    assert display.axes_[0].get_ylabel() == "feature"
    two = small(MLPRegressorX).fit(X, np.column_stack([NUMBERS, X[:, 0]]))
    outputs = WeightsDisplay.from_estimator(two, layer=1, kind="bars").plot()
    assert [ax.get_title() for ax in outputs.axes_] == ["output 0", "output 1"]
    binary = small(MLPClassifierX).fit(X, LABELS == "setosa")
    (one,) = WeightsDisplay.from_estimator(binary, layer=1, kind="bars").plot().axes_
    assert one.get_title() == "class True"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, r"image_shape must be given: the 5 weights"),
        ({"layer": 2}, r"layer must be an int from -2 to 1"),
        ({"layer": 0, "image_shape": (3, 3)}, r"must be \(rows, columns\) of 64"),
        ({"layer": 0, "units": [5]}, r"units must be ints from 0 to 4"),
        ({"layer": 0, "units": []}, r"units must be ints from 0 to 4"),
        ({"layer": 0, "kind": "pies"}, r"kind must be one of"),
        ({"layer": 0, "kind": "bars", "feature_names": ["a"]}, r"must be 64 names"),
    ],
)
def test_refusals_of_weights(of_digits, options, match):
    with pytest.raises(ValueError, match=match):
        WeightsDisplay.from_estimator(of_digits, **{"layer": 1, **options})


# ------------------------------------------------------------------- solver grids


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
    solvers = {"solver": [Adam(), Momentum(0.5), "lbfgs"]}
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


# ------------------------------------------------------------------ what all share


@pytest.mark.parametrize("name", ["LossCurveDisplay", "WeightsDisplay"])
def test_without_matplotlib_the_message_says_what_to_install(
    name, classifier, monkeypatch
):
    display = getattr(skoptnet.displays, name).from_estimator(
        classifier, **({"image_shape": (2, 2)} if name == "WeightsDisplay" else {})
    )
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skoptnet\[plot\]"'):
        display.plot()


def test_black_is_white_on_a_dark_background():
    assert styles(7)[-1]["color"] == "black"
    assert COLORS[-1] == "#000000"
    with plt.style.context("dark_background"):
        assert styles(7)[-1]["color"] == "white"


def test_displays_can_be_stored(tmp_path, validated, search):
    for display in (
        LossCurveDisplay.from_estimator(validated),
        SolverGridDisplay.from_cv_results(search),
        ScheduleDisplay.from_estimator(validated),
        WeightsDisplay.from_estimator(validated),
    ):
        joblib.dump(display, tmp_path / "display")
        again = joblib.load(tmp_path / "display")
        assert joblib.hash(vars(again)) == joblib.hash(vars(display))
        again.plot()
