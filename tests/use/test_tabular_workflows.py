"""The tabular estimators in company: threads, searches, pickles, data frames."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csc_matrix, csr_array
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from tables import (
    BOTH,
    LABELS,
    MANY_X,
    MANY_Y,
    NUMBERS,
    N,
    X,
    equal_models,
    frame,
    frame_target,
    target,
    tiny,
)

from skoptnet import (
    Momentum,
    StepDecay,
    TabularMLPClassifier,
    TabularMLPRegressor,
)

each = pytest.mark.parametrize("Estimator", BOTH)


@pytest.fixture(scope="module", params=BOTH, ids=["classifier", "regressor"])
def fitted(request):
    """A model of the data frame, as (model, table, y)."""
    table, y = frame(), frame_target(request.param)
    return tiny(request.param).fit(table, y), table, y


# ---------------------------------------------------------------------------- threads


@each
@pytest.mark.parametrize("n_jobs", [2, 3, -1, 100])
def test_the_number_of_jobs_does_not_change_a_bit(Estimator, n_jobs):
    for y in (target(Estimator), frame_target(Estimator)):
        rows = X if len(y) == 150 else frame()
        one = tiny(Estimator, n_jobs=1).fit(rows, y)
        several = tiny(Estimator, n_jobs=n_jobs).fit(rows, y)
        assert equal_models(one, several, rows)
        assert one.best_epochs_ == several.best_epochs_
        for network, other in zip(one.estimators_, several.estimators_, strict=True):
            assert network.loss_curve_ == other.loss_curve_
            for W, V in zip(network.coefs_, other.coefs_, strict=True):
                assert_array_equal(W, V)


@pytest.mark.parametrize("kernels", ["0", "1"])
def test_threads_with_and_without_kernels(kernels, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    rows, y = np.tile(MANY_X, (2, 1)), np.tile(MANY_Y, 2)  # several batches
    model = tiny(TabularMLPRegressor, hidden_layer_sizes=(64, 64))
    one = clone(model).fit(rows, y)
    assert equal_models(one, clone(model).set_params(n_jobs=2).fit(rows, y), rows)


def test_the_default_number_of_jobs_is_joblibs():
    model = tiny(TabularMLPRegressor)
    with joblib.parallel_config(n_jobs=2):
        several = clone(model).fit(X, NUMBERS)
    assert equal_models(several, clone(model).fit(X, NUMBERS), X)


@each
@pytest.mark.parametrize("n_jobs", [0, 1.5, "2"])
def test_a_number_of_jobs_that_is_none_is_refused(Estimator, n_jobs):
    with pytest.raises(ValueError, match="n_jobs"):
        tiny(Estimator, n_jobs=n_jobs).fit(X, target(Estimator))


# --------------------------------------------------------------------------- searches


@each
@pytest.mark.parametrize("inner", [None, 2])
def test_a_search_in_processes(Estimator, inner):
    table, y = frame(), frame_target(Estimator)
    grid = {"hidden_layer_sizes": [(3,), (6, 4)], "solver__momentum": [0.5, 0.9]}
    model = tiny(Estimator, solver=Momentum(), learning_rate_init=0.01, n_jobs=inner)
    search = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(table, y)
    one = GridSearchCV(model, grid, cv=2).fit(table, y)
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        assert_array_equal(search.cv_results_[name], one.cv_results_[name])
    assert search.best_params_ == one.best_params_
    assert equal_models(search.best_estimator_, one.best_estimator_, table)
    assert model.solver.momentum == Momentum().momentum


@each
def test_pipelines_and_cross_validation(Estimator):
    y = target(Estimator)
    pipe = make_pipeline(StandardScaler(), tiny(Estimator))
    assert pipe.fit(X, y).predict(X).shape == (150,)
    found = cross_val_predict(tiny(Estimator), X, y, cv=3, n_jobs=2)
    assert found.shape == (150,)
    assert len(cross_val_score(tiny(Estimator), frame(), frame_target(Estimator))) == 5
    if Estimator is TabularMLPClassifier:
        vote = VotingClassifier([("a", tiny(Estimator)), ("b", pipe)], voting="soft")
        assert vote.fit(X, y).score(X, y) > 0.3
        p = cross_val_predict(tiny(Estimator), X, y, method="predict_proba", cv=3)
        assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


def test_copies_predict_the_same(fitted, tmp_path):
    model, table, _ = fitted
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        copy.copy(model),
        joblib.load(tmp_path / "model.joblib"),
    ]
    for twin in copies:
        assert equal_models(model, twin, table)
        assert twin.get_params().keys() == model.get_params().keys()
        if isinstance(model, TabularMLPRegressor):
            assert_array_equal(
                twin.predict_interval(table), model.predict_interval(table)
            )


@each
def test_a_clone_is_not_fitted(Estimator):
    model = tiny(Estimator, solver=Momentum(), lr_schedule=StepDecay())
    model.fit(X, target(Estimator))
    twin = clone(model)
    assert twin.solver is not model.solver
    assert not [name for name in vars(twin) if name.endswith("_")]
    with pytest.raises(NotFittedError, match=Estimator.__name__):
        twin.predict(X)
    assert repr(twin) == repr(model)


@each
def test_set_params_does_not_touch_the_model(Estimator):
    y = target(Estimator)
    model = tiny(Estimator).fit(X, y)
    before = model.predict(X)
    model.set_params(hidden_layer_sizes=(3, 2), max_iter=2, cv=2)
    assert_array_equal(model.predict(X), before)
    model.fit(X, y)
    assert len(model.estimators_) == 2
    assert [W.shape[1] for W in model.estimators_[0].coefs_[:-1]] == [3, 2]
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(solver_momentum=0.9)


@each
def test_fitting_again_starts_anew(Estimator):
    """Nothing of the first table is left, its names included."""
    table, y = frame(), frame_target(Estimator)
    model = tiny(Estimator).fit(table, y)
    model.fit(X, target(Estimator))
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 4
    assert equal_models(model, tiny(Estimator).fit(X, target(Estimator)), X)


# -------------------------------------------------------------------------- data frames


def test_names_and_order_of_columns(fitted):
    model, table, _ = fitted
    assert model.feature_names_in_.tolist() == list(table.columns)
    assert model.n_features_in_ == 5
    expected = model.predict(table)
    assert_array_equal(model.predict(table[table.columns[::-1]]), expected)
    assert_array_equal(model.predict(table.iloc[:1]), expected[:1])
    shuffled = table.sample(frac=1, random_state=0)
    assert_array_equal(model.predict(shuffled), expected[shuffled.index])


def test_missing_and_extra_columns_are_named(fitted):
    model, table, _ = fitted
    with pytest.raises(ValueError, match="now missing:\n- city\n- rooms"):
        model.predict(table.drop(columns=["rooms", "city"]))
    with pytest.raises(ValueError, match="unseen at fit time:\n- town"):
        model.predict(table.assign(town="Rome"))
    renamed = table.rename(columns={"age": "years"})
    with pytest.raises(ValueError, match=r"- years\n(.|\n)*- age"):
        model.predict(renamed)


def test_a_model_without_names_knows_the_number_of_columns():
    model = tiny(TabularMLPClassifier).fit(X, LABELS)
    with pytest.raises(ValueError, match="X has 3 features, but TabularMLPClassifier"):
        model.predict(X[:, :3])


def test_unknown_categories_and_missing_values(fitted):
    """Both are values that the training rows do not tell of."""
    model, table, _ = fitted
    strange = table.head(6).copy()
    strange["city"] = ["Paris", None, "Rome", np.nan, "Lima", pd.NA]
    strange["size"] = pd.Categorical(["XL"] * 6)
    strange["age"] = np.nan
    predicted = model.predict(strange)
    assert len(predicted) == 6
    none = strange.assign(city=[None] * 6, rooms=table["rooms"][0], smokes=True)
    none["city"] = none["city"].astype(object)
    other = none.assign(city="Paris")
    assert_array_equal(model.predict(other), model.predict(none))


def test_polars_is_pandas(fitted):
    polars = pytest.importorskip("polars")
    model, table, y = fitted
    columns = {name: table[name].astype(object).tolist() for name in table}
    columns["age"] = [None if v != v else v for v in columns["age"]]
    columns["city"] = [v if isinstance(v, str) else None for v in columns["city"]]
    other = polars.DataFrame(columns)
    assert_array_equal(model.predict(other), model.predict(table))
    again = clone(model).fit(other, polars.Series(y))
    assert equal_models(again, model, table)
    assert again.feature_names_in_.tolist() == list(table.columns)


def test_a_list_is_an_array(fitted):
    model, table, y = fitted
    rows = table.astype(object).where(table.notna(), None).values.tolist()
    again = clone(model).fit(rows, list(y))
    assert_array_equal(again.predict(rows), model.predict(table))
    assert not hasattr(again, "feature_names_in_")


@each
def test_series_of_another_index(Estimator):
    """Rows belong together by their place."""
    table, y = frame(), frame_target(Estimator)
    expected = tiny(Estimator).fit(table, y)
    table.index = np.arange(N)[::-1] + 5
    series = pd.Series(y, index=np.arange(N) * 2)
    w = pd.Series(np.ones(N), index=np.arange(N) - 7)
    assert equal_models(tiny(Estimator).fit(table, series), expected, table)
    assert tiny(Estimator).fit(table, series, sample_weight=w).predict(table).size == N


def test_permutation_importance_on_a_frame():
    table, y = frame(), frame_target(TabularMLPRegressor)
    model = TabularMLPRegressor((20,), max_iter=30, random_state=0).fit(table, y)
    found = permutation_importance(model, table, y, n_repeats=3, random_state=0)
    by_name = dict(zip(table.columns, found.importances_mean, strict=True))
    assert by_name["rooms"] > by_name["city"]
    assert by_name["rooms"] > by_name["size"]


@each
@pytest.mark.parametrize("container", [csr_array, csc_matrix, coo_array])
def test_sparse_is_dense(Estimator, container):
    """Where no value is moved: sparse columns are not centred."""
    rng = np.random.RandomState(0)
    dense = np.where(rng.uniform(size=(150, 6)) < 0.3, rng.normal(size=(150, 6)), 0)
    dense[:, 5] = 0
    dense[::3, 5] = 2
    dense[1::9, 5] = 3
    sparse = container(dense)
    y = target(Estimator)
    model = tiny(Estimator, n_bins=None).fit(sparse, y)
    if Estimator is TabularMLPClassifier:
        found = model.predict_proba(sparse), model.predict_proba(dense)
    else:
        found = model.predict(sparse), model.predict(dense)
    assert_allclose(*found, rtol=1e-4)
    other = clone(model).fit(dense, y)
    assert_allclose(model.oof_prediction_, other.oof_prediction_, rtol=1e-3)


# -------------------------------------------------------------------------- no changes


@each
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_is_passed_in_is_never_modified(Estimator, n_jobs):
    table, y = frame(), frame_target(Estimator)
    w, groups = np.ones(N), np.arange(N) % 4
    splits = [(np.arange(N), np.arange(0, N, 3)), (np.arange(N), np.arange(1, N, 3))]
    solver = Momentum(momentum=0.8)
    given = table, y, w, groups, splits, solver, list(table.columns[[1, 3]])
    before = joblib.hash(given)
    model = tiny(
        Estimator, cv=splits, solver=solver, n_jobs=n_jobs, learning_rate_init=0.01,
        categorical_features=given[-1],
    )  # fmt: skip
    parameters = model.get_params(deep=False)
    model.fit(table, y, sample_weight=w)
    model.predict(table)
    assert joblib.hash(given) == before
    assert all(getattr(model, name) is value for name, value in parameters.items())


@each
def test_read_only_rows(Estimator):
    rows, y = X.copy(), target(Estimator).copy()
    rows.flags.writeable = y.flags.writeable = False
    model = tiny(Estimator).fit(rows, y)
    assert equal_models(model, tiny(Estimator).fit(X, target(Estimator)), rows)


# ------------------------------------------------------------------------------- looks


def test_pictures_and_text(fitted):
    pytest.importorskip("matplotlib")
    from skoptnet.displays import LossCurveDisplay

    model, _, _ = fitted
    assert type(model).__name__ in estimator_html_repr(model)
    assert "max_iter=4" in repr(model)
    display = LossCurveDisplay.from_estimator(model.estimators_[0])
    assert display.plot().lines_


def test_scores(fitted):
    model, table, y = fitted
    assert np.isfinite(model.score(table, y))
    assert isinstance(model.oof_score_, float)
    assert isinstance(model.n_iter_, int)
    assert all(isinstance(epoch, int) for epoch in model.best_epochs_)
    if isinstance(model, TabularMLPClassifier):
        assert isinstance(model.temperature_, float)


def test_networks_are_estimators_of_the_matrix(fitted):
    model, table, _ = fitted
    Z = model.preprocessor_.transform(table)
    assert Z.shape[1] == len(model.preprocessor_.get_feature_names_out())
    for network in model.estimators_:
        assert network.n_features_in_ == Z.shape[1]
        assert network.predict(Z).shape == (N,)
        assert clone(network).get_params()["early_stopping"] is True


def test_an_object_array_of_mixed_columns(fitted):
    model, table, y = fitted
    rows = table.to_numpy(dtype=object)
    again = clone(model).fit(rows, y)
    assert_array_equal(again.predict(rows), model.predict(table))


@each
def test_one_row_predicts_as_it_does_among_others(Estimator):
    model = tiny(Estimator).fit(X, target(Estimator))
    if Estimator is TabularMLPClassifier:
        one = np.concatenate([model.predict_proba(row[None]) for row in X[:9]])
        assert_allclose(one, model.predict_proba(X)[:9], rtol=1e-5)
    else:
        one = np.concatenate([model.predict(row[None]) for row in X[:9]])
        assert_allclose(one, model.predict(X)[:9], rtol=1e-5)
