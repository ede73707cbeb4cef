"""Held-out data: one's own, any score, and the best epoch."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import sklearn
from held_out import (
    PAIRS,
    TARGETS,
    TRAIN,
    VAL,
    W,
    both,
    own_loss,
    parts,
    score_of,
    stopping,
    tasks,
)
from passes import counted_passes
from problems import (
    KINDS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_refused,
    peak_of,
    small,
    target,
)
from scipy.sparse import coo_array, csr_array, csr_matrix
from sklearn.base import clone
from sklearn.metrics import (
    accuracy_score,
    make_scorer,
    r2_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators.validation_split import split

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

SCORINGS = {
    "binary": [None, "loss", "accuracy", "f1_macro", "roc_auc", "neg_log_loss"],
    "multiclass": [None, "loss", "balanced_accuracy", "roc_auc_ovr", "neg_log_loss"],
    "multilabel": [None, "loss", "accuracy", "f1_micro", "average_precision"],
    "regression": [None, "loss", "r2", "neg_mean_absolute_error"],
    "multi-output": [None, "loss", "r2", "neg_root_mean_squared_error"],
}
scorings = pytest.mark.parametrize(
    ("task", "scoring"),
    [(task, scoring) for task, names in SCORINGS.items() for scoring in names],
)


# -------------------------------------------------------------- data of one's own


@tasks
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_all_rows_of_x_are_trained_on(Estimator, y, container):
    """With validation that does not stop it, the training is that without any."""
    own = {"X_val": container(X[VAL]), "y_val": y[VAL]}
    model = stopping(Estimator, max_iter=5, n_iter_no_change=np.inf)
    one = clone(model).fit(container(X[TRAIN]), y[TRAIN], **own)
    other = clone(model).set_params(early_stopping=False).fit(container(X[TRAIN]),
                                                              y[TRAIN])  # fmt: skip
    assert one.loss_curve_ == other.loss_curve_
    assert (other.best_epoch_, other.best_validation_score_) == (None, None)
    assert other.validation_scores_ is None
    assert "validation_loss" not in other.history_


@scorings
@pytest.mark.parametrize("weights", [None, W[VAL]], ids=["", "weights"])
@pytest.mark.each_pair
def test_what_is_restored_scores_what_is_reported(task, scoring, weights):
    Estimator, y = TARGETS[task]
    rows, truth, own = parts(y)
    model = stopping(Estimator, scoring=scoring)
    model.fit(rows, truth, **own, sample_weight_val=weights)
    scores = model.history_["validation_score"]
    assert model.validation_scores_ == scores
    assert model.best_validation_score_ == max(scores)
    losses = model.history_["validation_loss"]
    ranks = [(score, -loss) for score, loss in zip(scores, losses, strict=True)]
    assert model.best_epoch_ == 1 + ranks.index(max(ranks))
    score = score_of(model, scoring, X[VAL], y[VAL], weights)
    assert model.best_validation_score_ == pytest.approx(score, rel=1e-12)
    loss = losses[model.best_epoch_ - 1]
    assert loss == pytest.approx(own_loss(model, X[VAL], y[VAL], weights), rel=1e-9)
    if scoring == "loss":
        assert scores == [-loss for loss in losses]
    elif scoring:
        assert model.best_validation_score_ == score


@scorings
def test_a_split_is_scored_as_ones_own_data_are(task, scoring, monkeypatch):
    """The rows that are set aside, passed by hand in their order, with weights."""
    Estimator, y = TARGETS[task]
    held_out = []

    def watched(*args):
        both = split(*args)
        held_out.extend(part.rows for part in both)
        return both

    monkeypatch.setattr("skoptnet.estimators.fitting.split", watched)
    settings = {"shuffle": False, "scoring": scoring, "validation_fraction": 0.3}
    by_split = stopping(Estimator, **settings).fit(X, y, W)
    train, val = held_out
    own = stopping(Estimator, **settings)
    own.fit(X[train], y[train], W[train], X_val=X[val], y_val=y[val],
            sample_weight_val=W[val])  # fmt: skip
    for name in ("loss", "validation_loss", "validation_score"):
        assert by_split.history_[name] == own.history_[name]
    np.testing.assert_array_equal(by_split.coefs_[0], own.coefs_[0])


@tasks
def test_forms_of_validation_rows(Estimator, y):
    rows, truth, own = parts(y)
    model = stopping(Estimator)
    expected = clone(model).fit(rows, truth, **own).history_["validation_loss"]
    for form in (
        csr_array, csr_matrix, coo_array, np.asfortranarray, np.ndarray.tolist,
        lambda X: X.astype(np.float32), lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    ):  # fmt: skip
        one = clone(model).fit(rows, truth, X_val=form(X[VAL]), y_val=y[VAL].tolist())
        np.testing.assert_allclose(one.history_["validation_loss"], expected, rtol=1e-5)


@tasks
def test_float32_stays_float32(Estimator, y):
    rows, truth, own = parts(y)
    model = stopping(Estimator, scoring="loss").fit(
        rows.astype(np.float32), truth, **own
    )
    assert model.coefs_[0].dtype == np.float32
    double = stopping(Estimator, scoring="loss").fit(rows, truth, **own)
    np.testing.assert_allclose(
        model.validation_scores_, double.validation_scores_, rtol=1e-3
    )


def test_sparse_multilabel_targets():
    rows, truth, own = parts(KINDS)
    model = stopping(MLPClassifierX, scoring="f1_micro")
    one = clone(model).fit(rows, truth, **own)
    own["y_val"] = csr_array(own["y_val"])
    for form in (np.asarray, csr_array):
        other = clone(model).fit(rows, form(truth), **own)
        assert one.validation_scores_ == other.validation_scores_


def test_validation_data_may_lack_classes():
    rows, truth, _ = parts(LABELS)
    val = VAL[LABELS[VAL] != "setosa"]
    model = stopping(MLPClassifierX, scoring=None)
    model.fit(rows, truth, X_val=X[val], y_val=LABELS[val])
    assert model.best_validation_score_ == model.score(X[val], LABELS[val])


def test_validation_targets_of_a_poisson_loss_may_all_be_zero():
    """Only the targets that are trained on need a mean above 0."""
    counts = np.random.RandomState(0).poisson(1.0, len(X))
    rows = np.flatnonzero(counts == 0)[:20]
    model = stopping(MLPRegressorX, loss="poisson", scoring="loss", max_iter=3)
    model.fit(X, counts, X_val=X[rows], y_val=counts[rows])
    # Half the deviance of a target of 0 is the prediction.
    expected = model.predict(X[rows]).mean() / model.y_scale_.item()
    best = model.history_["validation_loss"][model.best_epoch_ - 1]
    assert best == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="X_val and y_val cannot be used"):
        model.fit(X, counts, X_val=X[rows], y_val=counts[rows] - 1)


@both
def test_names_of_features_are_compared(Estimator):
    frame = pd.DataFrame(X, columns=list("abcd"))
    y = target(Estimator)
    model = stopping(Estimator, scoring="loss")
    one = clone(model).fit(frame, y, X_val=frame.iloc[VAL], y_val=y[VAL])
    other = clone(model).fit(X, y, X_val=X[VAL], y_val=y[VAL])
    assert one.validation_scores_ == other.validation_scores_
    assert one.feature_names_in_.tolist() == list("abcd")
    swapped = frame.iloc[VAL, ::-1]
    for wrong in (swapped, frame.iloc[VAL].rename(columns={"a": "e"})):
        assert_fit_refused(
            "X_val and y_val cannot be used: The feature names should match",
            model, frame, y, X_val=wrong, y_val=y[VAL],
        )  # fmt: skip
    with pytest.warns(UserWarning, match="valid feature names"):
        clone(model).fit(frame, y, X_val=X[VAL], y_val=y[VAL])


@both
def test_scorers_are_given_arrays_without_a_word_on_names(Estimator):
    """Warnings are errors here."""
    frame, y = pd.DataFrame(X, columns=list("abcd")), target(Estimator)

    def scorer(model, rows, truth):
        assert isinstance(rows, np.ndarray)
        return model.score(rows[::2], truth[::2])

    model = stopping(Estimator, scoring=scorer).fit(frame, y)
    assert hasattr(model, "feature_names_in_")


@both
@pytest.mark.parametrize(
    ("own", "match"),
    [
        ({"X_val": X}, "fit needs y_val with X_val. Got X_val only"),
        ({"y_val": LABELS}, "fit needs X_val with y_val. Got y_val only"),
        ({"sample_weight_val": W}, "X_val and y_val with sample_weight_val. Got"),
        ({"X_val": X[:, :3], "y_val": ...}, "X has 3 features, but"),
        (
            {"X_val": X[:-1], "y_val": ...},
            "inconsistent numbers of samples: [149, ",
        ),
        ({"X_val": X[:0], "y_val": []}, "Found array with 0 sample(s)"),
        ({"X_val": X[0], "y_val": ...}, "Expected 2D array, got 1D array"),
        ({"X_val": np.where(X > 2, np.nan, X), "y_val": ...}, "contains NaN"),
        ({"X_val": X, "y_val": ..., "sample_weight_val": W[:9]}, "samples: [150, 9]"),
        ({"X_val": X, "y_val": ..., "sample_weight_val": -W}, "_val must not be negat"),
        (
            {"X_val": X, "y_val": ..., "sample_weight_val": 0 * W},
            "sample_weight_val must not be zero for all rows: there is nothing to sco",
        ),
        (
            {"X_val": X, "y_val": ..., "sample_weight_val": 2.0},
            "have shape (150,)",
        ),
    ],
)
def test_validation_data_that_cannot_be_used_are_refused(Estimator, own, match):
    y = target(Estimator)
    own = {name: y if value is ... else value for name, value in own.items()}
    assert_fit_refused(match, stopping(Estimator), X, y, **own)


@pytest.mark.parametrize(
    ("task", "y_val", "match"),
    [
        ("multiclass", np.where(LABELS == "setosa", "x", LABELS), "not in y: ['x']"),
        ("multiclass", np.arange(150) % 3, "not in y: [0, 1, 2]"),
        ("multiclass", KINDS, "of y: one label per row. Got multilabel"),
        ("multiclass", np.c_[KINDS, 2 * KINDS], "multiclass-multioutput"),
        ("multiclass", NUMBERS, "Unknown label type: continuous"),
        ("multilabel", LABELS, "a 0/1 matrix of 2 columns. Got multiclass"),
        ("multilabel", np.c_[KINDS, KINDS], "of 2 columns. Got multilabel-indicator"),
        ("regression", PAIRS, "y_val has 2 columns, but y has 1"),
        ("multi-output", NUMBERS, "y_val has 1 columns, but y has 2"),
        ("regression", np.where(NUMBERS > 1, np.inf, 0), "contains infinity"),
    ],
)
def test_targets_of_another_kind_are_refused(task, y_val, match):
    Estimator, y = TARGETS[task]
    assert match in assert_refused(
        "X_val and y_val cannot be used", "fit", X, y, X_val=X, y_val=y_val,
        model=stopping(Estimator),
    )  # fmt: skip


def watching_scorer(calls):
    def scorer(model, rows, truth):
        calls.append(rows)
        return model.score(rows, truth)

    return scorer


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@both
def test_a_scorer_gets_ones_own_rows_themselves(Estimator, container):
    """Once per epoch, and nothing is copied."""
    calls, y, rows = [], target(Estimator), container(X[VAL])
    model = stopping(Estimator, scoring=watching_scorer(calls))
    model.fit(container(X[TRAIN]), y[TRAIN], X_val=rows, y_val=y[VAL])
    assert len(calls) == model.n_iter_ == 12
    part = (lambda X: X) if container is np.asarray else (lambda X: X.data)
    assert all(np.shares_memory(part(seen), part(rows)) for seen in calls)
    model.set_params(warm_start=True)
    model.fit(X[TRAIN], y[TRAIN], X_val=rows, y_val=y[VAL])
    assert len(calls) == 12 + model.n_iter_ + 1


@both
def test_validation_rows_may_lie_in_a_file(Estimator, tmp_path):
    """A memory-mapped X_val is read block by block, and as it was afterwards."""
    rng = np.random.RandomState(0)
    big = rng.uniform(-1, 1, (60_000, 40))
    np.save(tmp_path / "X.npy", big)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = (big[:, 0] > 0).astype(int)
    model = small(Estimator, early_stopping=True, max_iter=2, batch_size=100)
    expected = clone(model).fit(big[:300], y[:300], X_val=big, y_val=y)
    peak = peak_of(model.fit, big[:300], y[:300], X_val=mapped, y_val=y)
    assert peak < 0.75 * big.nbytes
    assert model.history_["validation_loss"] == expected.history_["validation_loss"]
    np.testing.assert_array_equal(np.load(tmp_path / "X.npy"), big)


@both
def test_one_forward_pass_of_the_validation_rows_per_epoch(Estimator, monkeypatch):
    passes = counted_passes(monkeypatch)
    y = target(Estimator)
    for scoring in (None, "loss", "neg_log_loss" if y is LABELS else "r2"):
        passes.clear()
        model = stopping(Estimator, scoring=scoring).fit(X, y)
        assert len(passes) == model.n_iter_


# ------------------------------------------------------------------------- scorers


@both
def test_a_scorer_sees_a_fitted_model_with_the_weights_of_the_moment(Estimator):
    """And the model in training shows nothing of it."""
    seen, y = [], target(Estimator)

    def scorer(model, rows, truth):
        assert type(model) is Estimator
        assert model is not user
        assert not hasattr(user, "_run")
        seen.append([W.copy() for W in model.coefs_])
        assert np.array_equal(deepcopy(model).predict(rows), model.predict(rows))
        outputs = "decision_function" if Estimator is MLPClassifierX else "predict"
        raw = getattr(model, outputs)
        np.testing.assert_allclose(raw(rows[3:9]), raw(rows)[3:9], 1e-12, 1e-12)
        if Estimator is MLPClassifierX:
            assert np.allclose(model.predict_proba(rows).sum(axis=1), 1)
            raw(rows)[:] = np.nan
            assert np.isfinite(raw(rows)).all()
            assert set(truth) <= set(model.classes_)
        return model.score(rows, truth)

    user = stopping(Estimator, scoring=scorer)
    user.fit(X, y)
    assert len(seen) == user.n_iter_
    for best, kept in zip(seen[user.best_epoch_ - 1], user.coefs_, strict=True):
        np.testing.assert_array_equal(best, kept)
    assert not np.array_equal(seen[0][0], seen[1][0])
    assert user._known_outputs is None
    plain = stopping(Estimator, scoring=None).fit(X, y)
    np.testing.assert_allclose(
        user.validation_scores_, plain.validation_scores_, rtol=1e-12
    )


@both
def test_weights_reach_the_scorers_that_take_them(Estimator):
    rows, truth, own = parts(target(Estimator))
    own["sample_weight_val"] = W[VAL]
    metric = accuracy_score if Estimator is MLPClassifierX else r2_score
    got = []

    def unweighted(t, p):
        return metric(t, p)

    def takes(model, rows, truth, sample_weight=None):
        got.append(sample_weight)
        return 0.0

    def takes_none(model, rows, truth):
        return 0.0

    model = stopping(Estimator, scoring=make_scorer(metric)).fit(rows, truth, **own)
    predicted = model.predict(X[VAL])
    assert model.best_validation_score_ == metric(
        own["y_val"], predicted, sample_weight=W[VAL]
    )
    model.set_params(scoring=make_scorer(unweighted)).fit(rows, truth, **own)
    assert model.best_validation_score_ == metric(own["y_val"], model.predict(X[VAL]))
    model.set_params(scoring=takes_none).fit(rows, truth, **own)
    model.set_params(scoring=takes).fit(rows, truth, **own)
    assert all(np.array_equal(w, W[VAL]) for w in got)
    got.clear()
    model.fit(rows, truth, X_val=X[VAL], y_val=own["y_val"])
    assert set(got) == {None}


@both
def test_scoring_decides_which_epoch_is_kept(Estimator):
    """A score of the fourth epoch's choosing, and patience counted from there."""

    class Fourth:
        calls = 0

        def __call__(self, model, rows, truth):
            self.calls += 1
            return 1.0 if self.calls == 4 else 0.5

    model = stopping(Estimator, scoring=Fourth(), n_iter_no_change=3)
    model.fit(X, target(Estimator))
    assert (model.best_epoch_, model.n_iter_) == (4, 7)
    assert model.stop_reason_ == "early_stopping"
    until = stopping(Estimator, max_iter=4, scoring=lambda *args: 0.0,
                     n_iter_no_change=9)  # fmt: skip
    until.fit(X, target(Estimator))
    assert model.loss_ == until.loss_curve_[-1]


@both
@pytest.mark.parametrize(
    ("scoring", "match"),
    [
        ("acuracy", "Did you mean 'accuracy'?"),
        ("los", "Did you mean 'loss'?"),
        (3, "The 'scoring' parameter of"),
        (accuracy_score, "looks like it is a metric function rather than a scorer"),
    ],
)
def test_scorings_that_are_none_are_refused(Estimator, scoring, match):
    assert_fit_refused(match, stopping(Estimator, scoring=scoring), X,
                       target(Estimator))  # fmt: skip


@both
@pytest.mark.parametrize(
    ("score", "error", "match"),
    [
        (np.nan, ValueError, "return a finite number"),
        ({"a": 1.0}, TypeError, "pass a dict of scorers by name"),
        (None, TypeError, "return one number"),
    ],
)
def test_scores_that_are_none_are_refused(Estimator, score, error, match):
    model = stopping(Estimator, scoring=lambda *args: score)
    with pytest.raises(error, match=match):
        model.fit(X, target(Estimator))
    assert not hasattr(model, "_run")


@both
def test_an_error_in_a_scorer_keeps_the_last_epoch(Estimator):
    def scorer(model, rows, truth):
        if len(model._run.metrics().get("epoch", [])) == 3:
            raise ArithmeticError("no more")
        return 0.0

    model = stopping(Estimator, scoring=scorer)
    with pytest.raises(ArithmeticError, match="no more"):
        model.fit(X, target(Estimator))
    assert (model.n_iter_, model.stop_reason_, model.best_epoch_) == (3, "failed", 3)
    assert np.isfinite(model.coefs_[0]).all()


@both
@pytest.mark.parametrize("idle", [{"scoring": None}, {"refit_all": True}])
def test_what_has_no_effect_without_early_stopping_is_said(Estimator, idle):
    (name,) = idle
    y = target(Estimator)
    model = small(Estimator, **idle)
    with pytest.warns(UserWarning, match=f"no effect: '{name}'") as caught:
        model.fit(X, y)
    assert all(warning.filename == __file__ for warning in caught)
    assert model.loss_curve_ == small(Estimator).fit(X, y).loss_curve_
    model.partial_fit(X, y)  # has no validation at all: not a word


@both
def test_a_grid_search_over_scorings(Estimator):
    y = target(Estimator)
    grid = {"scoring": [None, "loss"], "refit_all": [False, True]}
    search = GridSearchCV(stopping(Estimator), grid, cv=3, error_score="raise")
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_.best_epoch_ >= 1


# ------------------------------------------------------------- pipelines and routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@both
@pytest.mark.usefixtures("routing")
def test_a_pipeline_transforms_validation_rows(Estimator):
    y, raw = target(Estimator), X * [1, 20, 300, 4] + [5, 60, 7, 8]
    model = stopping(Estimator, scoring=None).set_fit_request(
        X_val=True, y_val=True, sample_weight_val=True
    )
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("mlp", model)], transform_input=["X_val"]
    )
    pipeline.fit(raw[TRAIN], y[TRAIN], X_val=raw[VAL], y_val=y[VAL],
                 sample_weight_val=W[VAL])  # fmt: skip
    scaler = StandardScaler().fit(raw[TRAIN])
    by_hand = stopping(Estimator, scoring=None).fit(
        scaler.transform(raw[TRAIN]), y[TRAIN], X_val=scaler.transform(raw[VAL]),
        y_val=y[VAL], sample_weight_val=W[VAL],
    )  # fmt: skip
    trained = pipeline["mlp"]
    assert trained.history_["validation_loss"] == by_hand.history_["validation_loss"]
    metric = accuracy_score if Estimator is MLPClassifierX else r2_score
    expected = metric(y[VAL], pipeline.predict(raw[VAL]), sample_weight=W[VAL])
    assert trained.best_validation_score_ == pytest.approx(expected, rel=1e-12)


@both
@pytest.mark.usefixtures("routing")
def test_a_search_routes_validation_data(Estimator):
    y = target(Estimator)
    model = stopping(Estimator).set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("mlp", model)], transform_input=["X_val"]
    )
    grid = {"mlp__scoring": [None, "loss"]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise")
    search.fit(X[TRAIN], y[TRAIN], X_val=X[VAL], y_val=y[VAL])
    assert search.best_estimator_["mlp"].best_epoch_ >= 1


@both
@pytest.mark.usefixtures("routing")
def test_scorers_get_weights_under_routing_too(Estimator):
    rows, truth, own = parts(target(Estimator))
    metric = accuracy_score if Estimator is MLPClassifierX else r2_score
    model = stopping(Estimator, scoring=make_scorer(metric))
    model.fit(rows, truth, **own, sample_weight_val=W[VAL])
    assert model.best_validation_score_ == metric(
        own["y_val"], model.predict(X[VAL]), sample_weight=W[VAL]
    )


# ---------------------------------------------------------------------- warm starts


@both
def test_a_warm_start_counts_its_epochs_on(Estimator):
    rows, truth, own = parts(target(Estimator))
    settings = {"scoring": "loss", "n_iter_no_change": np.inf, "shuffle": False}
    model = stopping(Estimator, warm_start=True, max_iter=4, **settings)
    whole = stopping(Estimator, max_iter=8, **settings).fit(rows, truth, **own)
    model.fit(rows, truth, **own).fit(rows, truth, **own)
    assert model.validation_scores_ == whole.validation_scores_
    assert model.history_["epoch"] == list(range(1, 9))
    assert model.best_epoch_ == whole.best_epoch_ == 8
    before = model.coefs_[0].copy()
    model.set_params(scoring=lambda model, rows, y: -model._run.epoch)
    model.fit(rows, truth, **own)  # no later epoch is better
    assert model.best_epoch_ == 8
    np.testing.assert_array_equal(model.coefs_[0], before)
