"""The estimators in the company they keep: pipelines, searches, frames, pickles.

Real workflows on scikit-learn's bundled data. What a workflow passes in (data,
weights, solver and schedule objects) is compared before and after.
"""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, issparse
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.utils import estimator_html_repr

from skoptnet import (
    SGD,
    Adam,
    ExponentialDecay,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
    StepDecay,
)
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

ESTIMATORS = (MLPClassifierX, MLPRegressorX)
CANCER = load_breast_cancer()
DIABETES = load_diabetes()
DIGITS = load_digits()
IRIS = load_iris()
X = scale(IRIS.data)
LABELS = IRIS.target_names[IRIS.target]
NUMBERS = scale(IRIS.data[:, 3] * IRIS.data[:, 0])
KINDS = np.column_stack([IRIS.target == 0, X[:, 0] > 0]).astype(int)


def small(Estimator, **parameters):
    settings = dict(  # noqa: C408
        max_iter=5, batch_size=40, learning_rate_init=0.02, random_state=0
    )
    return Estimator((6,), **{**settings, **parameters})


def target(Estimator):
    return LABELS if Estimator is MLPClassifierX else NUMBERS


def assert_same_state(one, other):
    """Check that two fitted models are equal, down to the solver's memory."""
    assert np.array_equal(one._run.theta, other._run.theta)
    assert vars(one._run.state).keys() == vars(other._run.state).keys()
    for name, value in vars(one._run.state).items():
        assert np.array_equal(value, getattr(other._run.state, name)), name
    assert one.loss_curve_ == other.loss_curve_
    assert one.t_ == other.t_


# ----------------------------------------------------------- frames and pipelines


def diabetes_frame():
    """Return the diabetes study as it comes to people: categories and gaps."""
    data = load_diabetes(as_frame=True, scaled=False)
    frame = data.data.copy()
    frame["sex"] = frame["sex"].map({1.0: "female", 2.0: "male"})
    frame["age group"] = pd.cut(
        frame.pop("age"), [0, 35, 50, 65, 100], labels=["-35", "-50", "-65", "-100"]
    ).astype(object)
    rng = np.random.RandomState(0)
    for column in frame.columns:
        frame.loc[rng.uniform(size=len(frame)) < 0.05, column] = np.nan
    y = pd.Series(np.where(data.target > 140, "worse", "better"), index=frame.index)
    return frame, y


def table_pipeline(final):
    """Impute, encode, scale, fit: the pipeline of a table with text columns."""
    text = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [
            ("text", text, ["sex", "age group"]),
            ("numbers", numbers, make_column_selector(dtype_include=float)),
        ]
    )
    return Pipeline([("columns", columns), ("net", final)])


def test_a_table_with_gaps_and_categories():
    frame, y = diabetes_frame()
    frame_before, y_before = frame.copy(deep=True), y.copy(deep=True)
    net = MLPClassifierX((10,), learning_rate_init=0.01, max_iter=40, random_state=0)
    peer = LogisticRegression()
    scores = {
        name: cross_val_score(table_pipeline(final), frame, y, cv=5).mean()
        for name, final in {"net": net, "peer": peer}.items()
    }
    assert scores["net"] > scores["peer"] - 0.03
    assert scores["net"] > 0.68  # a constant has 0.56
    model = table_pipeline(net).fit(frame, y)
    assert list(model.classes_) == ["better", "worse"]
    assert set(model.predict(frame)) == {"better", "worse"}
    pd.testing.assert_frame_equal(frame, frame_before)
    pd.testing.assert_series_equal(y, y_before)


def test_column_transformer_gives_sparse_output_that_equals_dense():
    frame, y = diabetes_frame()
    net = small(MLPClassifierX)
    dense, sparse = table_pipeline(net), table_pipeline(net)
    dense.set_params(columns__sparse_threshold=0)
    sparse.set_params(columns__sparse_threshold=1)
    assert issparse(sparse[:-1].fit_transform(frame))
    assert np.allclose(
        dense.fit(frame, y).predict_proba(frame),
        sparse.fit(frame, y).predict_proba(frame),
        rtol=1e-10,
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_set_output_neighbours_hand_on_names(Estimator):
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = make_pipeline(
        StandardScaler().set_output(transform="pandas"), small(Estimator)
    )
    model.fit(frame, target(Estimator))
    assert list(model[-1].feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"b": "other"}))
    with pytest.raises(ValueError, match="feature names should match"):
        model[-1].predict(frame.rename(columns={"b": "other"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model[-1].predict(X)
    unnamed = small(Estimator).fit(X, target(Estimator))
    assert not hasattr(unnamed, "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        unnamed.predict(frame)


def test_targets_standardised_around_the_regressor():
    model = TransformedTargetRegressor(
        make_pipeline(
            StandardScaler(),
            MLPRegressorX((10,), learning_rate_init=0.01, alpha=10, random_state=0),
        ),
        transformer=StandardScaler(),
    )
    scores = cross_val_score(model, DIABETES.data, DIABETES.target, cv=3)
    assert scores.mean() > 0.45


# -------------------------------------------------------------------- searching


def test_grid_search_over_solver_schedule_and_rate():
    model = make_pipeline(StandardScaler(), small(MLPClassifierX, max_iter=8))
    grid = {
        "mlpclassifierx__solver": ["sgd", "rmsprop"],
        "mlpclassifierx__lr_schedule": list(SCHEDULES),
        "mlpclassifierx__learning_rate_init": [1e-6, 0.03],
    }
    search = GridSearchCV(model, grid, cv=3, n_jobs=2)
    search.fit(CANCER.data, CANCER.target)
    assert len(search.cv_results_["params"]) == 2 * len(SCHEDULES) * 2
    assert search.best_params_["mlpclassifierx__learning_rate_init"] == 0.03
    assert search.best_score_ > 0.95
    again = clone(model).set_params(**search.best_params_)
    folds = [
        search.cv_results_[f"split{k}_test_score"][search.best_index_] for k in range(3)
    ]
    # The workers' results are those of the same fits made here, one after the other.
    assert np.array_equal(
        cross_val_score(again, CANCER.data, CANCER.target, cv=3), folds
    )


def test_grid_search_over_parameters_of_objects():
    solver, schedule = Adam(epsilon=1e-7), StepDecay(decay_epochs=3)
    model = make_pipeline(
        StandardScaler(),
        small(MLPClassifierX, solver=solver, lr_schedule=schedule, max_iter=8),
    )
    grid = {
        "mlpclassifierx__solver__beta_2": [0.9, 0.999],
        "mlpclassifierx__lr_schedule__decay_rate": [0.001, 1.0],
    }
    before = pickle.dumps((solver, schedule))
    search = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(CANCER.data, CANCER.target)
    assert pickle.dumps((solver, schedule)) == before
    assert model[-1].solver is solver
    assert model[-1].lr_schedule is schedule
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) > 1
    best = search.best_estimator_[-1]
    assert best.solver is not solver
    nested = search.best_params_["mlpclassifierx__solver__beta_2"]
    assert best.solver.beta_2 == nested
    # The nested value is what trains: by hand it gives the same model.
    by_hand = make_pipeline(
        StandardScaler(),
        small(
            MLPClassifierX,
            solver=Adam(beta_2=nested, epsilon=1e-7),
            lr_schedule=StepDecay(best.lr_schedule.decay_rate, 3),
            max_iter=8,
        ),
    )
    assert_same_state(by_hand.fit(CANCER.data, CANCER.target)[-1], best)


def test_grid_search_over_objects_themselves():
    """Values of one grid may be names and objects of different classes."""
    solvers = [Adam(beta_1=0.5), Momentum(0.5), "sgd"]
    before = pickle.dumps(solvers)
    search = GridSearchCV(
        small(MLPRegressorX, lr_schedule=ExponentialDecay(decay_epochs=2)),
        {"solver": solvers, "lr_schedule__decay_epochs": [1, 100]},
        cv=KFold(3, shuffle=True, random_state=0),
        n_jobs=2,
    )
    search.fit(X, NUMBERS)
    assert pickle.dumps(solvers) == before
    assert len(set(search.cv_results_["mean_test_score"])) == 6


def test_randomized_search():
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), small(MLPRegressorX, solver=Adam())),
        {
            "mlpregressorx__learning_rate_init": loguniform(1e-3, 1e-1),
            "mlpregressorx__solver__beta_2": [0.9, 0.99],
            "mlpregressorx__alpha": loguniform(1e-3, 10),
            "mlpregressorx__hidden_layer_sizes": [(), (4,), (8, 4)],
        },
        n_iter=6,
        cv=3,
        n_jobs=2,
        random_state=0,
    )
    search.fit(DIABETES.data, scale(DIABETES.target))
    assert search.best_score_ > 0.3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_flat_parameter_is_searched_where_the_solver_is_a_name():
    search = GridSearchCV(
        small(MLPRegressorX, solver="momentum"), {"momentum": [0.0, 0.9]}, cv=3
    )
    search.fit(X, NUMBERS)
    first, second = search.cv_results_["mean_test_score"]
    assert first != second
    plain = GridSearchCV(small(MLPRegressorX, solver="sgd"), {}, cv=3).fit(X, NUMBERS)
    assert np.allclose(plain.cv_results_["mean_test_score"][0], first, rtol=1e-9)


def test_cross_validate_with_several_metrics():
    scores = cross_validate(
        make_pipeline(StandardScaler(), small(MLPClassifierX, max_iter=15)),
        CANCER.data,
        CANCER.target,
        cv=3,
        scoring=["accuracy", "roc_auc", "neg_log_loss", "neg_brier_score"],
        return_train_score=True,
    )
    assert scores["test_accuracy"].min() > 0.93
    assert scores["test_roc_auc"].min() > 0.98
    assert scores["test_neg_log_loss"].min() > -0.2
    assert scores["test_neg_brier_score"].min() > -0.1
    several = cross_validate(
        small(MLPClassifierX, max_iter=30),
        X,
        LABELS,
        cv=3,
        scoring=["roc_auc_ovr", "f1_macro"],
    )
    assert several["test_roc_auc_ovr"].min() > 0.9
    regression = cross_validate(
        small(MLPRegressorX, max_iter=15),
        scale(DIABETES.data),
        scale(DIABETES.target),
        cv=3,
        scoring=["r2", "neg_mean_absolute_error"],
    )
    assert regression["test_r2"].min() > 0.3
    assert regression["test_neg_mean_absolute_error"].min() > -0.8


def test_validation_curve_shows_the_rate():
    rates = [1e-6, 1e-2]
    _, scores = validation_curve(
        small(MLPRegressorX, max_iter=20),
        scale(DIABETES.data),
        scale(DIABETES.target),
        param_name="learning_rate_init",
        param_range=rates,
        cv=3,
    )
    assert scores.shape == (2, 3)
    assert scores[0].mean() < 0 < 0.3 < scores[1].mean()


# --------------------------------------------------------------- meta-estimators


def test_inside_calibration():
    model = CalibratedClassifierCV(
        make_pipeline(StandardScaler(), small(MLPClassifierX)), cv=3
    )
    proba = cross_val_predict(
        model, CANCER.data, CANCER.target, cv=3, method="predict_proba"
    )
    assert np.allclose(proba.sum(axis=1), 1)
    assert np.mean(proba.argmax(axis=1) == CANCER.target) > 0.94


def test_inside_stacking_and_voting():
    members = [
        ("net", small(MLPClassifierX, max_iter=30)),
        ("nesterov", small(MLPClassifierX, solver="nesterov", max_iter=30)),
        ("linear", LogisticRegression()),
    ]
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for model in (
        StackingClassifier(members, cv=3),
        VotingClassifier(members, voting="soft"),
        VotingClassifier(members, voting="hard"),
    ):
        assert cross_val_score(model, X, LABELS, cv=folds).min() > 0.85


def test_inside_bagging():
    """Bagging draws rows, or weighs them, as its scikit-learn release does."""
    rows = scale(DIABETES.data), scale(DIABETES.target)
    model = BaggingRegressor(
        small(MLPRegressorX, max_iter=15), n_estimators=4, random_state=0, n_jobs=2
    )
    one = clone(model).fit(*rows).predict(rows[0])
    assert np.array_equal(one, clone(model).fit(*rows).predict(rows[0]))
    assert cross_val_score(model, *rows, cv=3).mean() > 0.35


def test_multi_output_in_one_network_or_in_several():
    Y = scale(np.column_stack([DIABETES.target, DIABETES.data[:, 4]]))
    rows = scale(DIABETES.data[:, [0, 1, 2, 3, 5, 6, 7, 8, 9]])
    net = small(MLPRegressorX, max_iter=25)
    for model in (MultiOutputRegressor(net), net):
        predicted = clone(model).fit(rows[:300], Y[:300]).predict(rows[300:])
        assert predicted.shape == (142, 2)
        error = np.mean((predicted - Y[300:]) ** 2, axis=0)
        assert (error < 0.75).all()
    # One column alone is what MultiOutputRegressor's member gets.
    members = MultiOutputRegressor(net).fit(rows, Y).estimators_
    assert_same_state(members[1], clone(net).fit(rows, Y[:, 1]))


def test_inside_one_vs_rest():
    model = OneVsRestClassifier(small(MLPClassifierX, max_iter=30), n_jobs=2)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    assert cross_val_score(model, X, LABELS, cv=folds).mean() > 0.85
    direct = small(MLPClassifierX, max_iter=30).fit(X, LABELS == "setosa")
    member = model.fit(X, LABELS).estimators_[0]
    assert np.array_equal(member.predict_proba(X), direct.predict_proba(X))


# --------------------------------------------------------- pickles in the middle


def by_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_memory_map(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


def by_deepcopy(model, folder):
    return copy.deepcopy(model)


@pytest.mark.parametrize(
    "round_trip", [by_pickle, by_joblib, by_memory_map, by_deepcopy]
)
@pytest.mark.parametrize("schedule", list(SCHEDULES))
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_training_saved_in_the_middle_goes_on(
    Estimator, solver, schedule, round_trip, tmp_path
):
    """Weights, solver memory, schedule and random numbers: k + k epochs are 2k."""
    y = target(Estimator)
    first = {"classes": np.unique(y)} if Estimator is MLPClassifierX else {}
    whole = small(Estimator, solver=solver, lr_schedule=schedule, decay_epochs=2)
    whole.partial_fit(X, y, **first)
    for _ in range(2):
        whole.partial_fit(X, y)
    saved = round_trip(whole, tmp_path)
    at_half = whole._run.theta.copy()
    assert saved._run.theta.flags.writeable == (round_trip is not by_memory_map)
    assert_same_state(saved, whole)
    assert np.array_equal(saved.predict(X), whole.predict(X))
    for _ in range(3):
        whole.partial_fit(X, y)
        saved.partial_fit(X, y)
    assert_same_state(saved, whole)
    assert not np.array_equal(saved._run.theta, at_half)
    rates = saved.history_["learning_rate"]
    assert len(rates) == 6
    assert (rates[0] == rates[-1]) == (schedule == "constant")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("round_trip", [by_pickle, by_memory_map])
def test_a_warm_start_goes_on_after_a_round_trip(
    Estimator, early_stopping, round_trip, tmp_path
):
    y = target(Estimator)
    model = small(Estimator, warm_start=True, early_stopping=early_stopping)
    model.fit(X, y)
    saved = round_trip(model, tmp_path)
    assert_same_state(saved.fit(X, y), model.fit(X, y))
    assert len(saved.loss_curve_) == 10
    assert saved.n_iter_ == 5


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_clone_takes_objects_and_leaves_what_was_learnt(Estimator):
    solver, schedule = Adam(beta_2=0.9), ExponentialDecay(decay_epochs=3)
    model = small(Estimator, solver=solver, lr_schedule=schedule)
    model.fit(X, target(Estimator))
    twin = clone(model)
    assert not hasattr(twin, "coefs_")
    assert twin.solver is not solver
    assert twin.solver.get_params() == solver.get_params()
    assert twin.lr_schedule.get_params() == schedule.get_params()
    assert_same_state(twin.fit(X, target(Estimator)), model)
    twin.set_params(solver__beta_2=0.5)
    assert solver.beta_2 == 0.9


# ------------------------------------------------------------------ kinds of data


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_single_precision_stays_single(Estimator, container, solver):
    """Also where y, weights and hyperparameters come in double precision."""
    y, X32 = target(Estimator), container(X.astype(np.float32))
    model = small(
        Estimator,
        solver=solver,
        alpha=np.float64(0.01),
        learning_rate_init=np.float64(0.02),
        momentum=np.float64(0.8),
        lr_schedule="exponential",
    )
    model.fit(X32, y, sample_weight=np.linspace(0.5, 1, len(y)))
    arrays = {
        "coefs_": model.coefs_,
        "intercepts_": model.intercepts_,
        "predict_proba": [model.predict_proba(X32)]
        if hasattr(model, "predict_proba")
        else [model.predict(X32)],
        "state": [
            value for value in vars(model._run.state).values() if np.ndim(value) == 1
        ],
    }
    assert len(arrays["state"]) == len(OPTIMIZERS[solver].memory)
    for name, found in arrays.items():
        assert {array.dtype for array in found} <= {np.dtype(np.float32)}, name
    model.partial_fit(container(X), y)
    assert model.coefs_[0].dtype == np.float32
    double = clone(model).fit(container(X), y)
    assert double.coefs_[0].dtype == np.float64
    assert double.coefs_[0].shape == (4, 6)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_single_precision_learns_what_double_does(Estimator):
    y = target(Estimator)
    single = small(Estimator, max_iter=30).fit(X.astype(np.float32), y)
    double = small(Estimator, max_iter=30).fit(X, y)
    assert np.allclose(single.coefs_[0], double.coefs_[0], rtol=1e-2, atol=1e-3)
    assert abs(single.score(X.astype(np.float32), y) - double.score(X, y)) < 0.02


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_read_only_memory_maps_can_be_learnt_from(Estimator, solver, tmp_path):
    y = IRIS.target if Estimator is MLPClassifierX else NUMBERS
    maps = []
    for name, array in (("X", X), ("y", y), ("w", np.ones(len(y)))):
        np.save(tmp_path / name, array)
        maps.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
        assert isinstance(maps[-1], np.memmap)
        assert not maps[-1].flags.writeable
    model = small(Estimator, solver=solver).fit(*maps)
    assert_same_state(model, small(Estimator, solver=solver).fit(X, y, np.ones(150)))
    assert np.array_equal(model.predict(maps[0]), model.predict(X))
    model.partial_fit(*maps[:2])


def wide_indices(X):
    array = csr_array(X)
    array.indices = array.indices.astype(np.int64)
    array.indptr = array.indptr.astype(np.int64)
    assert array.indices.dtype == np.int64
    return array


@pytest.mark.parametrize(
    "container", [csr_array, csc_array, coo_array, csr_matrix, wide_indices]
)
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_sparse_is_dense_to_rounding(Estimator, solver, container):
    rows, elsewhere = DIGITS.data[:150] / 16, DIGITS.data[500:600] / 16
    y = DIGITS.target[:150]
    model = small(Estimator, solver=solver, max_iter=4)
    dense = clone(model).fit(rows, y)
    sparse = clone(model).fit(container(rows), y)
    for ours, theirs in zip(sparse.coefs_, dense.coefs_, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    method = "predict_proba" if Estimator is MLPClassifierX else "predict"
    assert np.allclose(
        getattr(sparse, method)(container(elsewhere)),
        getattr(dense, method)(elsewhere),
        rtol=1e-6,
        atol=1e-9,
    )
    sparse.partial_fit(container(rows), y)


@pytest.mark.parametrize("container", [csr_array, csc_array, csr_matrix])
def test_multilabel_targets_dense_and_sparse(container):
    model = small(MLPClassifierX, max_iter=40)
    dense = clone(model).fit(X, KINDS)
    sparse = clone(model).fit(X, container(KINDS))
    assert_same_state(dense, sparse)
    assert not issparse(dense.predict(X))
    assert issparse(sparse.predict(X))
    assert np.array_equal(sparse.predict(X).toarray(), dense.predict(X))
    assert dense.score(X, KINDS) > 0.9
    assert dense.predict_proba(X).shape == (150, 2)
    assert_same_state(clone(model).fit(X, KINDS.tolist()), dense)
    assert_same_state(clone(model).fit(X, KINDS.astype(bool)), dense)


def as_given(labels):
    return np.asarray(labels)


@pytest.mark.parametrize(
    ("classes", "as_target"),
    [
        (["b", "a", "c"], as_given),
        (["b", "a", "c"], list),
        (["b", "a", "c"], pd.Series),
        (["b", "a", "c"], lambda y: pd.Series(y, dtype="category")),
        (["b", "a", "c"], lambda y: np.array(y, dtype=object)),
        ([True, False], as_given),
        ([True, False], pd.Series),
        ([2, -1, 10], as_given),
        ([2.0, -1.0, 10.0], as_given),
        ([np.int8(3), np.int8(1)], as_given),
    ],
)
def test_labels_of_any_kind(classes, as_target):
    """The labels given are the labels predicted; their kind changes no weight."""
    codes = IRIS.target % len(classes)
    ordered = sorted(classes)
    y = as_target([classes[code] for code in codes])
    model = small(MLPClassifierX, max_iter=60).fit(X, y)
    assert list(model.classes_) == ordered
    assert set(model.predict(X)) == set(classes)
    assert model.score(X, y) > 0.75
    ranks = [ordered.index(classes[code]) for code in codes]
    assert_same_state(model, small(MLPClassifierX, max_iter=60).fit(X, ranks))


def list_of_lists(X):
    return X.tolist()


def frame(X):
    return pd.DataFrame(X)


def strided(X):
    wide = np.zeros((X.shape[0] * 2, X.shape[1] * 3))
    wide[::2, ::3] = X
    return wide[::2, ::3]


@pytest.mark.parametrize("form", [np.asfortranarray, list_of_lists, frame, strided])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_form_of_the_rows_does_not_matter(Estimator, form):
    y = target(Estimator)
    model = small(Estimator).fit(form(X), y)
    assert_same_state(model, small(Estimator).fit(X, y))
    # Memory laid out otherwise may be multiplied in another order.
    raw = model.decision_function if is_classifier(model) else model.predict
    np.testing.assert_allclose(raw(form(X)), raw(X), rtol=1e-9, atol=1e-12)


def test_the_form_of_a_regression_target_does_not_matter():
    plain = small(MLPRegressorX).fit(X, NUMBERS)
    for y in (NUMBERS.tolist(), pd.Series(NUMBERS), NUMBERS[::-1][::-1]):
        assert_same_state(small(MLPRegressorX).fit(X, y), plain)
    whole_numbers = small(MLPRegressorX).fit(X, IRIS.target)
    assert_same_state(small(MLPRegressorX).fit(X, IRIS.target * 1.0), whole_numbers)
    Y = np.column_stack([NUMBERS, X[:, 0]])
    several = small(MLPRegressorX).fit(X, Y)
    for y in (Y.tolist(), pd.DataFrame(Y), np.asfortranarray(Y)):
        assert_same_state(small(MLPRegressorX).fit(X, y), several)
    assert several.predict(X).shape == (150, 2)
    assert several.n_outputs_ == 2


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_nothing_that_is_passed_in_is_changed(
    Estimator, solver, container, early_stopping
):
    rows, y = container(X.copy()), target(Estimator).copy()
    weights = np.linspace(0.0, 2.0, len(y))
    given = {"solver": OPTIMIZERS[solver](), "lr_schedule": StepDecay()}
    model = small(Estimator, early_stopping=early_stopping, **given)

    def everything():
        return pickle.dumps((rows, y, weights, given, model.get_params()))

    before = everything()
    model.fit(rows, y, sample_weight=weights)
    model.predict(rows)
    model.score(rows, y, sample_weight=weights)
    if Estimator is MLPClassifierX:
        model.predict_log_proba(rows)
    if not early_stopping:
        model.partial_fit(rows, y, sample_weight=weights)
    model.set_params(warm_start=True).fit(rows, y, sample_weight=weights)
    model.set_params(warm_start=False)
    assert everything() == before
    assert model.solver is given["solver"]


# ------------------------------------------------------------- metadata routing


def test_weights_are_routed_through_pipeline_and_search():
    weights = np.where(LABELS == "setosa", 0.0, 1.0)
    with config_context(enable_metadata_routing=True):
        net = small(MLPClassifierX).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(
            make_pipeline(scaler, net),
            {"mlpclassifierx__learning_rate_init": [0.01, 0.1]},
            scoring=make_scorer(accuracy_score).set_score_request(sample_weight=True),
            cv=StratifiedKFold(3),
        )
        search.fit(X, LABELS, sample_weight=weights)
        # Told not to take weights, it gets none; told nothing, the pipeline asks.
        silent = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=True),
            small(MLPClassifierX).set_fit_request(sample_weight=False),
        ).fit(X, LABELS, sample_weight=weights)
        with pytest.raises(ValueError, match="not explicitly set as requested"):
            make_pipeline(scaler, small(MLPClassifierX)).fit(
                X, LABELS, sample_weight=weights
            )
    by_hand = clone(search.best_estimator_[-1])
    rows = search.best_estimator_[0].transform(X)
    assert_same_state(
        by_hand.fit(rows, LABELS, sample_weight=weights), search.best_estimator_[-1]
    )
    unweighted = small(MLPClassifierX).fit(silent[0].transform(X), LABELS)
    assert_same_state(unweighted, silent[-1])
    without = clone(by_hand).fit(rows, LABELS)
    assert not np.array_equal(without.coefs_[0], by_hand.coefs_[0])


def test_requests_of_partial_fit_can_be_set():
    with config_context(enable_metadata_routing=True):
        model = small(MLPClassifierX)
        model.set_partial_fit_request(classes=True, sample_weight=True)
        request = model.get_metadata_routing().partial_fit.requests
        assert request == {"classes": True, "sample_weight": True}
        regressor = small(MLPRegressorX).set_partial_fit_request(sample_weight=True)
        request = regressor.get_metadata_routing().partial_fit.requests
        assert request == {"sample_weight": True}
        one_vs_rest = OneVsRestClassifier(
            small(MLPClassifierX).set_partial_fit_request(
                classes=False, sample_weight=True
            )
        )
        one_vs_rest.partial_fit(
            X, LABELS, classes=np.unique(LABELS), sample_weight=np.ones(150)
        )
    assert one_vs_rest.predict_proba(X).shape == (150, 3)


# ------------------------------------------------------------------ being looked at


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_html_representation_before_and_after_fitting(Estimator):
    model = small(Estimator, solver=Adam(beta_2=0.9))
    for fitted in (False, True):
        if fitted:
            model.fit(X, target(Estimator))
        for html in (
            model._repr_html_(),
            estimator_html_repr(make_pipeline(StandardScaler(), model)),
        ):
            assert Estimator.__name__ in html
            assert "beta_2=0.9" in html
            assert ("Not fitted" in html) == (not fitted)
    assert repr(model) == repr(clone(model))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_history_is_ready_for_a_data_frame(Estimator, early_stopping):
    model = small(Estimator, early_stopping=early_stopping, lr_schedule="step")
    model.fit(X, target(Estimator))
    table = pd.DataFrame(model.history_).set_index("epoch")
    assert list(table.index) == [1, 2, 3, 4, 5]
    assert list(table["loss"]) == model.loss_curve_
    updates = -(-(135 if early_stopping else 150) // 40)
    assert list(table["update"]) == [updates * e for e in range(1, 6)]
    assert (table["seconds"] >= 0).all()
    assert ("validation_score" in table) == early_stopping
    if early_stopping:
        assert list(table["validation_score"]) == model.validation_scores_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_threads_predict_what_one_after_another_does(Estimator):
    y = DIGITS.target[:500]
    model = small(Estimator).fit(DIGITS.data[:500] / 16, y)
    parts = np.array_split(DIGITS.data / 16, 24)
    pool = joblib.Parallel(n_jobs=2, backend="threading")
    together = pool(joblib.delayed(model.predict)(part) for part in parts)
    for part, predicted in zip(parts, together, strict=True):
        assert np.array_equal(predicted, model.predict(part))


def test_threads_fit_what_one_after_another_does():
    """Fits at the same time share nothing: not solver, schedule or random numbers."""
    solver, schedule = Adam(), ExponentialDecay()
    models = [
        small(MLPRegressorX, solver=solver, lr_schedule=schedule, random_state=seed)
        for seed in range(8)
    ]
    pool = joblib.Parallel(n_jobs=2, backend="threading")
    together = pool(joblib.delayed(clone(m).fit)(X, NUMBERS) for m in models)
    for model, other in zip(models, together, strict=True):
        assert_same_state(model.fit(X, NUMBERS), other)


# -------------------------------------------------------- every solver gets there


def rate_grid(solver):
    """Return rates about a solver's scale, by what it does with the gradient."""
    memory = OPTIMIZERS[solver].memory
    if "r" in memory:  # steps of the rate's size, whatever the gradient
        return [0.003, 0.01, 0.03, 0.1]
    if "v" in memory:  # the velocity adds up about ten gradients
        return [0.003, 0.01, 0.03, 0.1]
    return [0.03, 0.1, 0.3, 1.0]


@pytest.fixture(scope="module")
def tuned():
    """Return the cross-validated score of each solver at its best rate, by data."""
    problems = {
        "digits": (MLPClassifierX, DIGITS.target, 1.0, 20),
        "breast cancer": (MLPClassifierX, CANCER.target, 1.0, 20),
        "diabetes": (MLPRegressorX, scale(DIABETES.target), 30.0, 40),
    }
    rows = {
        "digits": scale(DIGITS.data),
        "breast cancer": scale(CANCER.data),
        "diabetes": scale(DIABETES.data),
    }
    scores = {}
    for data, (Estimator, y, alpha, epochs) in problems.items():
        split = StratifiedKFold if Estimator is MLPClassifierX else KFold
        for solver, Solver in OPTIMIZERS.items():
            # One update per epoch needs more epochs.
            model = Estimator(
                (24,) if data == "digits" else (10,),
                solver=solver,
                batch_size=50,
                alpha=alpha,
                max_iter=epochs * (8 if Solver.full_batch else 1),
                tol=0,
                n_iter_no_change=np.inf,
                random_state=0,
            )
            search = GridSearchCV(
                model,
                {"learning_rate_init": rate_grid(solver)},
                cv=split(3, shuffle=True, random_state=0),
            )
            # A rate that is too high for a solver says so, and loses.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                search.fit(rows[data], y)
            scores[data, solver] = search.best_score_
    return scores


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize(
    ("data", "within", "floor"),
    [
        ("digits", 0.015, 0.94),
        ("breast cancer", 0.015, 0.96),
        ("diabetes", 0.02, 0.45),
    ],
)
def test_every_solver_tuned_comes_close_to_the_best(tuned, data, solver, within, floor):
    """On held-out rows, at the best of four rates."""
    best = max(score for (name, _), score in tuned.items() if name == data)
    assert tuned[data, solver] >= best - within
    assert tuned[data, solver] > floor


def test_default_rates_learn():
    """Each solver's own rate brings standardised data far in a few epochs."""
    for solver in OPTIMIZERS:
        model = MLPClassifierX(solver=solver, max_iter=30, random_state=0)
        rows = scale(CANCER.data)
        assert (
            model.fit(rows[:400], CANCER.target[:400]).score(
                rows[400:], CANCER.target[400:]
            )
            > 0.9
        ), solver


def test_the_least_a_newcomer_types():
    """A name, a schedule, and everything else by default."""
    model = make_pipeline(
        StandardScaler(), MLPClassifierX(solver=SGD(), random_state=0)
    )
    model.set_params(mlpclassifierx__lr_schedule="step")
    assert cross_val_score(model, CANCER.data, CANCER.target, cv=3).mean() > 0.93
