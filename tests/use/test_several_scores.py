"""Several scorers: which decides, which are refused, and which cannot interfere."""

import pickle

import numpy as np
import pytest
from held_out import (
    VAL,
    both,
    parts,
    stopping,
)
from problems import (
    LABELS,
    X,
    assert_fit_refused,
    batched,
    small,
    target,
)
from sklearn.base import clone
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    log_loss,
    make_scorer,
    r2_score,
)
from sklearn.model_selection import GridSearchCV

from skoptnet import (
    MLPClassifierX,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning",
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning",
    "ignore:The network predicts:sklearn.exceptions.ConvergenceWarning",
    "ignore:Training ended at a loss:sklearn.exceptions.ConvergenceWarning",
)


@both
@pytest.mark.parametrize(
    "form", [list, tuple, lambda names: {name: name for name in names}]
)
def test_the_first_score_decides(Estimator, form):
    y, names = target(Estimator), ["r2", "neg_median_absolute_error", "loss"]
    if y is LABELS:
        names = ["accuracy", "f1_macro", "loss"]
    for first in names:
        others = [name for name in names if name != first]
        one = stopping(Estimator, scoring=first).fit(X, y)
        several = stopping(Estimator, scoring=form([first, *others])).fit(X, y)
        assert several.validation_scores_ == one.validation_scores_
        assert several.best_epoch_ == one.best_epoch_
        np.testing.assert_array_equal(several.coefs_[0], one.coefs_[0])
        if first != "loss":
            assert several.history_[f"validation_{first}"] == one.validation_scores_
        for other in others:
            values = several.history_[f"validation_{other}"]
            assert len(values) == several.n_iter_


def zero_in_place(model):
    model.coefs_[0][...] = 0


def zero_by_item(model):
    model.coefs_[0] = np.zeros_like(model.coefs_[0])


def zero_all(model):
    model.intercepts_ = [np.zeros_like(b) for b in model.intercepts_]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("change", [zero_in_place, zero_by_item, zero_all])
def test_a_scorer_cannot_change_the_weights_in_training(change, solver):
    refused = []

    def scorer(model, rows, truth):
        try:
            change(model)
        except ValueError as error:
            refused.append(str(error))
        return 0.0

    y_class = target(MLPClassifierX)
    plain = batched(MLPClassifierX, solver=solver).fit(X, y_class)
    model = batched(MLPClassifierX, solver=solver, scoring=scorer)
    model.set_params(return_train_score=True).fit(X, y_class)
    assert len(refused) == model.n_iter_
    assert all("read-only" in text or "nor by a scorer" in text for text in refused)
    for a, b in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    change(model)  # after fit they can be set


@both
def test_a_scorer_cannot_write_into_the_rows(Estimator):
    def scorer(model, rows, truth):
        rows -= 1
        return 0.0

    Xt, yt, given = parts(target(Estimator))
    before = Xt.copy(), given["X_val"].copy()
    model = batched(Estimator, scoring=scorer, return_train_score=True)
    with pytest.raises(ValueError, match="read-only"):
        model.fit(Xt, yt)
    with pytest.raises(ValueError, match="read-only"):
        model.set_params(return_train_score=False).fit(Xt, yt, **given)
    np.testing.assert_array_equal(Xt, before[0])
    np.testing.assert_array_equal(given["X_val"], before[1])
    assert Xt.flags.writeable


def test_a_dict_has_scorers_of_all_kinds_by_names_of_its_own():
    def half(model, rows, truth):
        return 0.5 * model.score(rows, truth)

    rows, truth, own = parts(LABELS)
    scoring = {
        "own half": half,
        "made": make_scorer(balanced_accuracy_score),
        "named": "f1_macro",
        "default": None,
        "less": "loss",
        "loss": "loss",
    }
    model = small(MLPClassifierX, scoring=scoring).fit(rows, truth, **own)
    predicted = model.predict(X[VAL])
    last = {name: values[-1] for name, values in model.history_.items()}
    right = np.mean(predicted == LABELS[VAL])
    loss = log_loss(LABELS[VAL], model.predict_proba(X[VAL]))
    expected = {
        "validation_own half": 0.5 * right,
        "validation_score": 0.5 * right,
        "validation_made": balanced_accuracy_score(LABELS[VAL], predicted),
        "validation_named": f1_score(LABELS[VAL], predicted, average="macro"),
        "validation_default": right,
        "validation_less": -loss,
        "validation_loss": loss,
    }
    found = {name: v for name, v in last.items() if name.startswith("validation")}
    assert found == pytest.approx(expected, rel=1e-9)


@both
def test_a_later_score_may_not_be_finite_with_early_stopping(Estimator):
    scoring = {"first": None, "second": lambda *args: np.nan}
    model = stopping(Estimator, scoring=scoring).fit(X, target(Estimator))
    assert np.isnan(model.history_["validation_second"]).all()
    assert np.isfinite(model.best_validation_score_)


@both
@pytest.mark.parametrize(
    ("scoring", "match"),
    [
        ([], "must name at least one scorer. Got [] instead"),
        ((), "must name at least one scorer. Got () instead"),
        ({}, "must name at least one scorer. Got {} instead"),
        (["loss", "loss"], "must name each scorer once. Got ['loss', 'loss'] instead"),
        (["acuracy"], "Did you mean 'accuracy'?"),
        ([None, "loss"], "The 'scoring[0]' parameter of"),
        (["loss", len], "The 'scoring[1]' parameter of"),
        (["loss", ["r2"]], "The 'scoring[1]' parameter of"),
        ({"a": "acuracy"}, "The \"scoring['a']\" parameter of"),
        ({"a": 1}, "The \"scoring['a']\" parameter of"),
        ({"a": r2_score}, "looks like it is a metric function rather than a scorer"),
        ({1: "r2"}, "must have strings, the names of the scorers, as keys"),
        ({"": "r2"}, "must have strings, the names of the scorers, as keys"),
        ({"score": "r2"}, "must not call a scorer 'score'"),
        ({"a": None, "loss": "r2"}, "must not call a scorer 'loss'"),
        ({"loss", "r2"}, "The 'scoring' parameter of"),
    ],
)
def test_bad_scorings_are_refused(Estimator, scoring, match):
    y = target(Estimator)
    for model in (
        stopping(Estimator, scoring=scoring),
        small(Estimator, scoring=scoring, return_train_score=True),
    ):
        assert_fit_refused(match, model, X, y)


@both
def test_a_scorer_of_several_numbers_is_refused_with_advice(Estimator):
    model = stopping(Estimator, scoring={"a": None, "b": lambda *args: {"c": 1.0}})
    with pytest.raises(TypeError, match="pass a dict of scorers by name"):
        model.fit(X, target(Estimator))


@both
def test_several_scores_in_clones_pickles_and_searches(Estimator):
    y = target(Estimator)
    names = ["accuracy", "loss"] if y is LABELS else ["r2", "loss"]
    own = {"own": make_scorer(balanced_accuracy_score if y is LABELS else r2_score)}
    grid = {"scoring": ["loss", None, names, tuple(names), own]}
    search = GridSearchCV(stopping(Estimator), grid, cv=3, error_score="raise")
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 5
    for scoring in (names, tuple(names), own):
        model = stopping(Estimator, scoring=scoring)
        assert model.get_params()["scoring"] is scoring
        twin = pickle.loads(pickle.dumps(clone(model).fit(X, y)))
        assert list(twin.scoring) == list(scoring)
        assert twin.history_["validation_score"] == twin.validation_scores_
        assert twin.fit(X, y).validation_scores_ == model.fit(X, y).validation_scores_
        assert model.scoring is scoring


@both
def test_what_has_no_effect_is_said(Estimator):
    rows, truth, own = parts(target(Estimator))
    with pytest.warns(UserWarning, match="'scoring' .it needs early_stopping, X_val"):
        small(Estimator, scoring=None).fit(rows, truth)
    # Warnings are errors here.
    small(Estimator, scoring=None).fit(rows, truth, **own)
    small(Estimator, scoring=None, return_train_score=True).fit(rows, truth)
    for name, value in (("validation_fraction", 0.3), ("refit_all", True)):
        model = small(Estimator, **{name: value})
        with pytest.warns(UserWarning, match=f"'{name}' .it needs early_stopping"):
            model.fit(rows, truth, **own)


@both
@pytest.mark.parametrize("value", ["yes", 2, None])
def test_return_train_score_is_yes_or_no(Estimator, value):
    assert_fit_refused(
        "'return_train_score' parameter", small(Estimator, return_train_score=value),
        X, target(Estimator),
    )  # fmt: skip


def test_an_error_in_a_scorer_says_which_one():
    """With validation rows of one class, ROC AUC of three classes is not defined."""
    y = np.resize(["a", "b", "c"], len(X))
    model = batched(MLPClassifierX, scoring=["accuracy", "roc_auc_ovr"])
    with pytest.raises(ValueError, match="classes") as caught:
        model.fit(X, y, X_val=X[y == "b"], y_val=y[y == "b"])
    (note,) = caught.value.__notes__
    assert "the scorer 'roc_auc_ovr' of the 'scoring' parameter" in note
    assert not hasattr(model, "coefs_")
