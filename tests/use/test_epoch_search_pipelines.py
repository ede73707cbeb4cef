"""Searches over epochs of pipelines: other steps are fitted once per fold."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from problems import LABELS, NUMBERS, X
from searches import (
    CV,
    EPOCHS,
    assert_same_results,
    epochs_of,
    network,
    params_of,
    small_search,
)
from sent_to_workers import Counting
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.model_selection import EpochHalvingGridSearchCV

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
]

GRID = "EpochHalvingGridSearchCV"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_steps_are_fitted_once_per_fold_and_setting(n_jobs, tmp_path):
    model = make_pipeline(Counting(tmp_path), network(MLPClassifierX))
    grid = {
        "counting__factor": [1.0, 2.0],
        "mlpclassifierx__learning_rate_init": [0.001, 0.01, 0.03, 0.1],
    }
    search = EpochHalvingGridSearchCV(model, grid, cv=CV, n_jobs=n_jobs)
    search.fit(X, LABELS)
    assert search.n_candidates_ == [8, 3]
    expected = [
        f"{factor} 100 {X[training, 0].sum():.6f}"
        for factor in (1.0, 2.0)
        for training, _ in CV.split(X)
    ]
    factor = search.best_params_["counting__factor"]
    expected.append(f"{factor} 150 {X[:, 0].sum():.6f}")
    fits = (tmp_path / "fits").read_text().splitlines()
    assert sorted(fits) == sorted(expected)
    assert fits[-1] == expected[-1]


def test_steps_are_fitted_once_over_all_brackets(tmp_path):
    model = make_pipeline(Counting(tmp_path), network(MLPClassifierX))
    small_search("EpochHyperbandSearchCV", model, "mlpclassifierx__").fit(X, LABELS)
    assert len((tmp_path / "fits").read_text().splitlines()) == CV.n_splits + 1


FRAME = pd.DataFrame(X, columns=list("abcd")).assign(
    kind=np.where(X[:, 0] > 0, "large", "small")
)


def on_columns():
    return make_column_transformer(
        (StandardScaler(), list("abcd")), (OneHotEncoder(), ["kind"])
    )


def with_targets(inner, **options):
    return TransformedTargetRegressor(inner, **options)


def exponential():
    return {"func": np.log1p, "inverse_func": np.expm1}


POSITIVE = np.abs(NUMBERS) + 0.1

#: Estimator, prefix of the network's parameters, rows and targets.
ESTIMATORS = {
    "pipeline": (
        lambda: make_pipeline(StandardScaler(), PCA(2), network(MLPClassifierX)),
        "mlpclassifierx__", X, LABELS,
    ),
    "columns": (
        lambda: make_pipeline(on_columns(), network(MLPClassifierX)),
        "mlpclassifierx__", FRAME, pd.Series(LABELS),
    ),
    "frames between steps": (
        lambda: make_pipeline(
            StandardScaler().set_output(transform="pandas"), network(MLPRegressorX)
        ),
        "mlpregressorx__", FRAME[list("abcd")], pd.Series(NUMBERS),
    ),
    "pipelines inside": (
        lambda: make_pipeline(
            make_pipeline(StandardScaler(), MinMaxScaler()),
            make_pipeline(PCA(3), network(MLPClassifierX)),
        ),
        "pipeline-2__mlpclassifierx__", X, LABELS,
    ),
    "network alone": (
        lambda: make_pipeline(network(MLPClassifierX)), "mlpclassifierx__", X, LABELS,
    ),
    "no step": (
        lambda: make_pipeline("passthrough", network(MLPClassifierX)),
        "mlpclassifierx__", X, LABELS,
    ),
    "steps that read targets": (
        lambda: make_pipeline(
            SelectFromModel(RandomForestClassifier(2, random_state=0)),
            network(MLPClassifierX),
        ),
        "mlpclassifierx__", X, LABELS,
    ),
    "targets": (
        lambda: with_targets(network(MLPRegressorX), **exponential()),
        "regressor__", X, POSITIVE,
    ),
    "targets as a Series": (
        lambda: with_targets(
            network(MLPRegressorX), transformer=QuantileTransformer(n_quantiles=20)
        ),
        "regressor__", X, pd.Series(POSITIVE),
    ),
    "targets as a list": (
        lambda: with_targets(network(MLPRegressorX), transformer=StandardScaler()),
        "regressor__", X, list(POSITIVE),
    ),
    "several targets": (
        lambda: with_targets(network(MLPRegressorX), transformer=StandardScaler()),
        "regressor__", X, np.column_stack([POSITIVE, X[:, 1]]),
    ),
    "targets outside": (
        lambda: with_targets(
            make_pipeline(StandardScaler(), network(MLPRegressorX)), **exponential()
        ),
        "regressor__mlpregressorx__", X, POSITIVE,
    ),
    "targets inside": (
        lambda: make_pipeline(
            StandardScaler(), with_targets(network(MLPRegressorX), **exponential())
        ),
        "transformedtargetregressor__regressor__", X, POSITIVE,
    ),
    "targets twice": (
        lambda: with_targets(
            with_targets(network(MLPRegressorX), transformer=StandardScaler()),
            **exponential(),
        ),
        "regressor__regressor__", X, POSITIVE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("scoring", [None, lambda e, X, y: e.score(X, y)])
@pytest.mark.each_value
def test_scores_and_refit_are_those_of_a_grid_search(name, scoring):
    make, prefix, rows, y = ESTIMATORS[name]
    grid = {f"{prefix}learning_rate_init": [0.003, 0.03]}
    search = EpochHalvingGridSearchCV(
        make(), grid, cv=CV, min_resources=EPOCHS, scoring=scoring,
        return_train_score=True,
    ).fit(rows, y)  # fmt: skip
    peer = GridSearchCV(make(), grid, cv=CV, return_train_score=True).fit(rows, y)
    for (candidate, fold), epochs in epochs_of(search).items():
        for ours, theirs in (("score", "test_score"), ("train_score", "train_score")):
            expected = peer.cv_results_[f"split{fold}_{theirs}"][candidate]
            assert epochs[ours].iloc[-1] == pytest.approx(expected, rel=1e-11)
        assert np.isfinite(epochs["validation_loss"]).all()
    alone = make().set_params(**search.best_params_)
    alone.set_params(**{f"{prefix}max_iter": search.best_epoch_}).fit(rows, y)
    assert np.array_equal(search.predict(rows), alone.predict(rows))
    assert search.score(rows, y) == pytest.approx(alone.score(rows, y), rel=1e-12)
    expected = getattr(peer, "feature_names_in_", None)
    assert np.array_equal(getattr(search, "feature_names_in_", None), expected)
    if name != "no step":  # scikit-learn's Pipeline asks its first step
        assert search.n_features_in_ == peer.n_features_in_
    # The best estimator is one of the same kind, which can be fitted again.
    again = clone(search.best_estimator_)
    assert again.get_params()[f"{prefix}max_iter"] == EPOCHS
    assert type(again) is type(make())


def test_validation_losses_are_in_the_unit_of_the_transformed_targets():
    transformer = StandardScaler().fit(POSITIVE.reshape(-1, 1))
    inner = network(MLPRegressorX, learning_rate_init=0.01)
    model = with_targets(inner, **exponential())
    search = EpochHalvingGridSearchCV(model, {"regressor__alpha": [0.1]}, cv=CV)
    search.fit(X, POSITIVE)
    training, test = next(CV.split(X))
    logs = np.log1p(POSITIVE)
    alone = clone(inner).set_params(alpha=0.1).fit(
        X[training], logs[training], X_val=X[test], y_val=logs[test]
    )  # fmt: skip
    curve = epochs_of(search)[0, 0]["validation_loss"]
    assert list(curve) == alone.history_["validation_loss"]
    assert transformer.n_features_in_ == 1


@pytest.mark.parametrize(
    ("inner", "name"),
    [
        (lambda net: net, "sample_weight"),
        (
            lambda net: make_pipeline(StandardScaler(), net),
            "mlpregressorx__sample_weight",
        ),
    ],
)
def test_weights_pass_a_regressor_of_transformed_targets(inner, name):
    """Without routing, it passes arguments on as they are named."""
    weights = np.linspace(0.1, 3, len(X))
    model = with_targets(
        inner(network(MLPRegressorX, learning_rate_init=0.01)), **exponential()
    )
    grid = {"regressor": [model.regressor]}
    search = EpochHalvingGridSearchCV(model, grid, cv=CV).fit(
        X, POSITIVE, **{name: weights}
    )
    training, test = next(CV.split(X))
    logs = np.log1p(POSITIVE)
    rows, held_out = X[training], X[test]
    if "__" in name:
        scaler = StandardScaler().fit(rows)
        rows, held_out = scaler.transform(rows), scaler.transform(held_out)
    alone = network(MLPRegressorX, learning_rate_init=0.01).fit(
        rows, logs[training], weights[training],
        X_val=held_out, y_val=logs[test], sample_weight_val=weights[test],
    )  # fmt: skip
    curve = epochs_of(search)[0, 0]
    assert list(curve["loss"]) == alone.loss_curve_
    assert list(curve["validation_loss"]) == alone.history_["validation_loss"]


def test_candidates_replace_steps_and_the_network():
    model = Pipeline([("scale", StandardScaler()), ("net", network(MLPClassifierX))])
    wide = network(MLPClassifierX).set_params(hidden_layer_sizes=(9, 3), max_iter=500)
    grid = [
        {"scale": ["passthrough", None, MinMaxScaler(), StandardScaler()]},
        {"net": [wide], "net__learning_rate_init": [0.01, 0.03]},
        {"net": [network(MLPClassifierX, solver="sgd")]},
    ]
    search = EpochHalvingGridSearchCV(model, grid, cv=CV, min_resources=EPOCHS)
    search.fit(X, LABELS)
    training, test = next(CV.split(X))
    for candidate, params in params_of(search).items():
        alone = clone(model).set_params(**clone(params, safe=False))
        alone.set_params(net__max_iter=EPOCHS).fit(X[training], LABELS[training])
        rows = epochs_of(search)[candidate, 0]
        assert list(rows["loss"]) == alone["net"].loss_curve_
        assert rows["score"].iloc[-1] == alone.score(X[test], LABELS[test])
    assert wide.max_iter == 500
    assert not hasattr(wide, "coefs_")
    alone = clone(model).set_params(**clone(search.best_params_, safe=False))
    alone.set_params(net__max_iter=search.best_epoch_).fit(X, LABELS)
    assert np.array_equal(search.predict_proba(X), alone.predict_proba(X))


def test_two_processes_prepare_the_same_rows():
    make, prefix, rows, y = ESTIMATORS["columns"]
    grid = {
        f"{prefix}learning_rate_init": [0.003, 0.03],
        "columntransformer__standardscaler__with_mean": [True, False],
    }
    one, two = (
        EpochHalvingGridSearchCV(make(), grid, cv=CV, n_jobs=n, factor=2).fit(rows, y)
        for n in (1, 2)
    )
    assert_same_results(one, two)


def test_data_frames_everywhere():
    model = make_pipeline(StandardScaler(), network(MLPClassifierX))
    grid = {"mlpclassifierx__learning_rate_init": [0.003, 0.03]}
    expected = EpochHalvingGridSearchCV(model, grid, cv=CV).fit(X, LABELS)
    with sklearn.config_context(transform_output="pandas"):
        search = EpochHalvingGridSearchCV(model, grid, cv=CV).fit(X, LABELS)
        assert_same_results(search, expected)
        targets = with_targets(network(MLPRegressorX), transformer=StandardScaler())
        grid = {"regressor__alpha": [0.1, 1.0]}
        EpochHalvingGridSearchCV(targets, grid, cv=CV).fit(X, POSITIVE)


def test_a_pipeline_with_a_memory(tmp_path):
    model = make_pipeline(
        Counting(tmp_path), network(MLPClassifierX), memory=str(tmp_path / "cache")
    )
    grid = {"mlpclassifierx__learning_rate_init": [0.003, 0.03]}
    search = EpochHalvingGridSearchCV(model, grid, cv=CV).fit(X, LABELS)
    model.set_params(memory=None)
    plain = EpochHalvingGridSearchCV(model, grid, cv=CV).fit(X, LABELS)
    assert_same_results(search, plain)
