"""The estimators in the company they keep: pipelines, searches, frames, pickles.

Real workflows on scikit-learn's bundled data. What a workflow passes in (data,
weights, solver and schedule objects) is compared before and after.
"""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from problems import (
    CANCER,
    DIABETES,
    DIGITS,
    ESTIMATORS,
    LABELS,
    NUMBERS,
    X,
    assert_same_state,
    batched,
    target,
)
from quick_schedules import quick
from scipy.sparse import issparse
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.datasets import load_diabetes
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
    Adam,
    Cosine,
    ExponentialDecay,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
    StepDecay,
    Warmup,
)
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


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
    net = batched(MLPClassifierX)
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
        StandardScaler().set_output(transform="pandas"), batched(Estimator)
    )
    model.fit(frame, target(Estimator))
    assert list(model[-1].feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"b": "other"}))
    with pytest.raises(ValueError, match="feature names should match"):
        model[-1].predict(frame.rename(columns={"b": "other"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model[-1].predict(X)
    unnamed = batched(Estimator).fit(X, target(Estimator))
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
    """Schedules by name, as objects and as functions, side by side."""
    model = make_pipeline(StandardScaler(), batched(MLPClassifierX, max_iter=8))
    objects = [Cosine(final=0.1), Warmup("one_cycle", epochs=2)]

    def root_decay(clock):
        return (1 + clock.epoch) ** -0.5

    schedules = ["constant", "coslog", *objects, root_decay, lambda clock: 0.5]
    grid = {
        "mlpclassifierx__solver": ["sgd", "rmsprop"],
        "mlpclassifierx__lr_schedule": schedules,
        "mlpclassifierx__learning_rate_init": [1e-6, 0.03],
    }
    search = GridSearchCV(model, grid, cv=3, n_jobs=2)
    search.fit(CANCER.data, CANCER.target)
    assert len(search.cv_results_["params"]) == 2 * len(schedules) * 2
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
        batched(MLPClassifierX, solver=solver, lr_schedule=schedule, max_iter=8),
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
        batched(
            MLPClassifierX,
            solver=Adam(beta_2=nested, epsilon=1e-7),
            lr_schedule=StepDecay(
                decay_rate=best.lr_schedule.decay_rate, decay_epochs=3
            ),
            max_iter=8,
        ),
    )
    assert_same_state(by_hand.fit(CANCER.data, CANCER.target)[-1], best)


def test_grid_search_over_objects_themselves():
    """Values of one grid may be names and objects of different classes."""
    solvers = [Adam(beta_1=0.5), Momentum(momentum=0.5), "sgd"]
    before = pickle.dumps(solvers)
    search = GridSearchCV(
        batched(MLPRegressorX, lr_schedule=ExponentialDecay(decay_epochs=2)),
        {"solver": solvers, "lr_schedule__decay_epochs": [1, 100]},
        cv=KFold(3, shuffle=True, random_state=0),
        n_jobs=2,
    )
    search.fit(X, NUMBERS)
    assert pickle.dumps(solvers) == before
    assert len(set(search.cv_results_["mean_test_score"])) == 6


def test_randomized_search():
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), batched(MLPRegressorX, solver=Adam())),
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
        batched(MLPRegressorX, solver="momentum"), {"momentum": [0.0, 0.9]}, cv=3
    )
    search.fit(X, NUMBERS)
    first, second = search.cv_results_["mean_test_score"]
    assert first != second
    plain = GridSearchCV(batched(MLPRegressorX, solver="sgd"), {}, cv=3).fit(X, NUMBERS)
    assert np.allclose(plain.cv_results_["mean_test_score"][0], first, rtol=1e-9)


def test_cross_validate_with_several_metrics():
    scores = cross_validate(
        make_pipeline(StandardScaler(), batched(MLPClassifierX, max_iter=15)),
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
        batched(MLPClassifierX, max_iter=30),
        X,
        LABELS,
        cv=3,
        scoring=["roc_auc_ovr", "f1_macro"],
    )
    assert several["test_roc_auc_ovr"].min() > 0.9
    regression = cross_validate(
        batched(MLPRegressorX, max_iter=15),
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
        batched(MLPRegressorX, max_iter=20),
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
        make_pipeline(StandardScaler(), batched(MLPClassifierX)), cv=3
    )
    proba = cross_val_predict(
        model, CANCER.data, CANCER.target, cv=3, method="predict_proba"
    )
    assert np.allclose(proba.sum(axis=1), 1)
    assert np.mean(proba.argmax(axis=1) == CANCER.target) > 0.94


def test_inside_stacking_and_voting():
    members = [
        ("net", batched(MLPClassifierX, max_iter=30)),
        ("nesterov", batched(MLPClassifierX, solver="nesterov", max_iter=30)),
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
        batched(MLPRegressorX, max_iter=15), n_estimators=4, random_state=0, n_jobs=2
    )
    one = clone(model).fit(*rows).predict(rows[0])
    assert np.array_equal(one, clone(model).fit(*rows).predict(rows[0]))
    assert cross_val_score(model, *rows, cv=3).mean() > 0.35


def test_multi_output_in_one_network_or_in_several():
    Y = scale(np.column_stack([DIABETES.target, DIABETES.data[:, 4]]))
    rows = scale(DIABETES.data[:, [0, 1, 2, 3, 5, 6, 7, 8, 9]])
    net = batched(MLPRegressorX, max_iter=25)
    for model in (MultiOutputRegressor(net), net):
        predicted = clone(model).fit(rows[:300], Y[:300]).predict(rows[300:])
        assert predicted.shape == (142, 2)
        error = np.mean((predicted - Y[300:]) ** 2, axis=0)
        assert (error < 0.75).all()
    # One column alone is what MultiOutputRegressor's member gets.
    members = MultiOutputRegressor(net).fit(rows, Y).estimators_
    assert_same_state(members[1], clone(net).fit(rows, Y[:, 1]))


def test_inside_one_vs_rest():
    model = OneVsRestClassifier(batched(MLPClassifierX, max_iter=30), n_jobs=2)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    assert cross_val_score(model, X, LABELS, cv=folds).mean() > 0.85
    direct = batched(MLPClassifierX, max_iter=30).fit(X, LABELS == "setosa")
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
@pytest.mark.parametrize(
    ("solver", "schedule"),
    [
        *((solver, "exponential") for solver in OPTIMIZERS),
        *(("adam", schedule) for schedule in SCHEDULES if schedule != "exponential"),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_a_training_saved_in_the_middle_goes_on(
    Estimator, solver, schedule, round_trip, tmp_path
):
    """Weights, solver memory, schedule and random numbers: k + k epochs are 2k."""
    y = target(Estimator)
    first = {"classes": np.unique(y)} if Estimator is MLPClassifierX else {}
    whole = batched(Estimator, solver=solver, decay_epochs=2)
    whole.set_params(lr_schedule=quick(schedule))
    if schedule == "adaptive":  # no epoch but the first is good enough
        whole.set_params(tol=100, n_iter_no_change=1)
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
    model = batched(Estimator, warm_start=True, early_stopping=early_stopping)
    model.fit(X, y)
    saved = round_trip(model, tmp_path)
    assert_same_state(saved.fit(X, y), model.fit(X, y))
    assert len(saved.loss_curve_) == 10
    assert saved.n_iter_ == 5


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_clone_takes_objects_and_leaves_what_was_learnt(Estimator):
    solver, schedule = Adam(beta_2=0.9), ExponentialDecay(decay_epochs=3)
    model = batched(Estimator, solver=solver, lr_schedule=schedule)
    model.fit(X, target(Estimator))
    twin = clone(model)
    assert not hasattr(twin, "coefs_")
    assert twin.solver is not solver
    assert twin.solver.get_params() == solver.get_params()
    assert twin.lr_schedule.get_params() == schedule.get_params()
    assert_same_state(twin.fit(X, target(Estimator)), model)
    twin.set_params(solver__beta_2=0.5)
    assert solver.beta_2 == 0.9


# ------------------------------------------------------------- metadata routing


def test_weights_are_routed_through_pipeline_and_search():
    weights = np.where(LABELS == "setosa", 0.0, 1.0)
    with config_context(enable_metadata_routing=True):
        net = batched(MLPClassifierX).set_fit_request(sample_weight=True)
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
            batched(MLPClassifierX).set_fit_request(sample_weight=False),
        ).fit(X, LABELS, sample_weight=weights)
        with pytest.raises(ValueError, match="not explicitly set as requested"):
            make_pipeline(scaler, batched(MLPClassifierX)).fit(
                X, LABELS, sample_weight=weights
            )
    by_hand = clone(search.best_estimator_[-1])
    rows = search.best_estimator_[0].transform(X)
    assert_same_state(
        by_hand.fit(rows, LABELS, sample_weight=weights), search.best_estimator_[-1]
    )
    unweighted = batched(MLPClassifierX).fit(silent[0].transform(X), LABELS)
    assert_same_state(unweighted, silent[-1])
    without = clone(by_hand).fit(rows, LABELS)
    assert not np.array_equal(without.coefs_[0], by_hand.coefs_[0])


def test_requests_of_partial_fit_can_be_set():
    with config_context(enable_metadata_routing=True):
        model = batched(MLPClassifierX)
        model.set_partial_fit_request(classes=True, sample_weight=True)
        request = model.get_metadata_routing().partial_fit.requests
        assert request == {"classes": True, "sample_weight": True}
        regressor = batched(MLPRegressorX).set_partial_fit_request(sample_weight=True)
        request = regressor.get_metadata_routing().partial_fit.requests
        assert request == {"sample_weight": True}
        one_vs_rest = OneVsRestClassifier(
            batched(MLPClassifierX).set_partial_fit_request(
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
    model = batched(Estimator, solver=Adam(beta_2=0.9))
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
    model = batched(Estimator, early_stopping=early_stopping, lr_schedule="step")
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
    model = batched(Estimator).fit(DIGITS.data[:500] / 16, y)
    parts = np.array_split(DIGITS.data / 16, 24)
    pool = joblib.Parallel(n_jobs=2, backend="threading")
    together = pool(joblib.delayed(model.predict)(part) for part in parts)
    for part, predicted in zip(parts, together, strict=True):
        assert np.array_equal(predicted, model.predict(part))


def test_threads_fit_what_one_after_another_does():
    """Fits at the same time share nothing: not solver, schedule or random numbers."""
    solver, schedule = Adam(), ExponentialDecay()
    models = [
        batched(MLPRegressorX, solver=solver, lr_schedule=schedule, random_state=seed)
        for seed in range(8)
    ]
    pool = joblib.Parallel(n_jobs=2, backend="threading")
    together = pool(joblib.delayed(clone(m).fit)(X, NUMBERS) for m in models)
    for model, other in zip(models, together, strict=True):
        assert_same_state(model.fit(X, NUMBERS), other)
