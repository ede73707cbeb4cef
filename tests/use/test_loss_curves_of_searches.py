"""Loss curves and scores of cross-validations and searches, against scikit-learn.

Artists are asked for their data; what they should have comes from elsewhere.
"""

import joblib
import numpy as np
import pandas as pd
import pytest
from drawn import DRAWN, curve, in_a_pipeline, texts
from problems import LABELS, NUMBERS, X, small
from scipy.stats import loguniform
from sklearn.exceptions import NotFittedError
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

from skoptnet import (
    Adam,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
)
from skoptnet.displays import LossCurveDisplay, SolverGridDisplay

pytestmark = DRAWN


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
            "solver": [Adam(beta_2=0.9), Momentum(momentum=0.5)],
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
        with pytest.raises(ValueError, match="cannot be repeated"):
            LossCurveDisplay.from_cv_results(searched(cv), X, LABELS)
    used_up = searched(KFold(3, shuffle=True, random_state=0).split(X))
    with pytest.raises(ValueError, match="an iterator, which is exhausted"):
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
    with pytest.raises(ValueError, match=r"'candidates' .* must be 'best' or 'all'"):
        LossCurveDisplay.from_cv_results(search, candidates="some")
    with pytest.raises(ValueError, match=r"spread must be one of .*Got 'std'"):
        LossCurveDisplay.from_cv_results(search, spread="std")
    with pytest.raises(ValueError, match=r"metric must be one of .*\['score'\]"):
        LossCurveDisplay.from_cv_results(search, metric="f1")
    result = cross_validate(small(MLPClassifierX), X, LABELS, cv=3)
    with pytest.raises(ValueError, match="return_estimator=True"):
        LossCurveDisplay.from_cross_validate(result)


def test_scores_and_losses_of_several_trainings_are_drawn_apart(validated):
    display = LossCurveDisplay.from_estimators({"a": validated, "b": validated})
    with pytest.raises(ValueError, match=r"show must be losses or scores, not both"):
        display.plot(show=["loss", "validation_score"])
    with pytest.raises(ValueError, match=r"show must name at least one metric"):
        display.plot(show=[])
