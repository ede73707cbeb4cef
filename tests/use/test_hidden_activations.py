"""The activations of hidden layers, from the estimators and from their transformer."""

from copy import deepcopy

import joblib
import numpy as np
import pytest
from problems import (
    CANCER,
    ESTIMATORS,
    IRIS,
    LABELS,
    NUMBERS,
    X,
    assert_same_state,
    checks_of,
    layered,
    peak_of,
    small,
    target,
)
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import HiddenActivations, MLPClassifierX, MLPRegressorX, network
from skoptnet.activations import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

SIGMA = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: z.clip(min=0),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", list(SIGMA))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_hidden_activations_are_those_of_the_formula(Estimator, activation, dtype):
    rows = X.astype(dtype)
    model = small(Estimator, activation=activation)
    model.set_params(hidden_layer_sizes=(6, 5, 4)).fit(rows, target(Estimator))
    a = rows
    for layer in range(3):
        a = SIGMA[activation](a @ model.coefs_[layer] + model.intercepts_[layer])
        for counted in (layer, layer - 3):
            ours = model.hidden_activations(rows, layer=counted)
            assert ours.dtype == dtype
            assert np.allclose(ours, a, rtol=1e-5, atol=1e-6)
            if dtype == np.float64:
                assert np.allclose(ours, a, rtol=1e-12, atol=1e-14)
    assert np.array_equal(model.hidden_activations(rows), ours)
    sparse = model.hidden_activations(csr_array(rows), 1)
    assert np.allclose(sparse, model.hidden_activations(rows, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_the_outputs_are_linear_in_the_last_hidden_layer(activation):
    """For every activation there is."""
    model = layered(MLPClassifierX, activation=activation).fit(X, LABELS)
    z = model.hidden_activations(X) @ model.coefs_[-1] + model.intercepts_[-1]
    assert np.allclose(z, model.decision_function(X), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_hidden_activations_leave_everything_as_it_was(Estimator):
    model = layered(Estimator).fit(X, target(Estimator))
    twin, rows = deepcopy(model), joblib.hash(X)
    a = model.hidden_activations(X)
    a[:] = 7
    assert joblib.hash(X) == rows
    assert_same_state(model, twin)
    assert (model.hidden_activations(X) != 7).all()


def test_blocks_of_rows_give_the_same(monkeypatch):
    model = layered(MLPRegressorX).fit(X, NUMBERS)
    whole = [model.hidden_activations(X, layer) for layer in (0, 1)]
    monkeypatch.setattr(network, "_BLOCK_ELEMENTS", 7 * 11)  # 11 rows, the last one 7
    assert model._network.block_rows(X) == 11
    for layer, expected in enumerate(whole):
        ours = model.hidden_activations(X, layer)
        assert np.allclose(ours, expected, rtol=1e-12, atol=1e-14)


def test_memory_is_bounded():
    """The first layer of all the rows would be 320 MB."""
    model = MLPRegressorX((2000, 3), max_iter=1, random_state=0).fit(X, NUMBERS)
    rows = np.tile(X, (134, 1))[:20_000]
    model.hidden_activations(X)
    assert peak_of(model.hidden_activations, rows) < 50e6
    assert model.hidden_activations(rows).shape == (20_000, 3)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_hidden_layer_that_is_not_there(Estimator):
    model = layered(Estimator)
    with pytest.raises(NotFittedError):
        model.hidden_activations(X)
    model.fit(X, target(Estimator))
    for layer in (2, -3):
        with pytest.raises(
            ValueError, match=rf"layer must be in the range \[-2, 1\].*Got {layer} "
        ):
            model.hidden_activations(X, layer)
    for layer in (1.0, "last", None):
        with pytest.raises(TypeError, match="layer must be an int"):
            model.hidden_activations(X, layer)
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.hidden_activations(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        model.hidden_activations(X * np.nan)
    linear = model.set_params(hidden_layer_sizes=()).fit(X, target(Estimator))
    with pytest.raises(ValueError, match="The model has no hidden layers"):
        linear.hidden_activations(X)


# ------------------------------------------------------------------- the transformer


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@checks_of(
    [
        HiddenActivations(Estimator((20, 8), random_state=0), layer=layer)
        for Estimator in ESTIMATORS
        for layer in (-1, 0)
    ],
    in_turn=True,
)
def test_the_transformer_passes_the_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_transformer_does_what_the_estimator_does(Estimator):
    y, w = target(Estimator), np.arange(150.0)
    model = layered(Estimator)
    transformer = HiddenActivations(model, layer=-2).fit(X, y, sample_weight=w)
    assert not hasattr(model, "coefs_")
    fitted = clone(model).fit(X, y, sample_weight=w)
    assert_same_state(transformer.estimator_, fitted)
    assert transformer.layer_ == 0
    assert np.array_equal(transformer.transform(X), fitted.hidden_activations(X, 0))
    plain = HiddenActivations(model, layer=-2).fit_transform(X, y)
    assert np.array_equal(plain, clone(model).fit(X, y).hidden_activations(X, 0))
    assert not np.array_equal(plain, transformer.transform(X))
    # As of fitting, whatever parameters are set then.
    transformer.set_params(layer=1)
    assert transformer.transform(X).shape == (150, 7)
    assert transformer.fit(X, y).transform(X).shape == (150, 4)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_names_of_units(Estimator):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=IRIS.feature_names)
    transformer = HiddenActivations(layered(Estimator)).set_output(transform="pandas")
    for error in (NotFittedError, AttributeError):
        with pytest.raises(error):
            transformer.get_feature_names_out()
    assert not hasattr(transformer, "n_features_in_")
    out = transformer.fit_transform(frame, target(Estimator))
    name = Estimator.__name__.lower()
    assert list(out.columns) == [f"{name}_layer1_unit{i}" for i in range(4)]
    assert out.index.equals(frame.index)
    assert transformer.n_features_in_ == 4
    assert transformer.feature_names_in_.tolist() == IRIS.feature_names
    names = transformer.get_feature_names_out(IRIS.feature_names)
    assert names.tolist() == list(out.columns)
    with pytest.raises(ValueError, match="input_features"):
        transformer.get_feature_names_out(["a", "b", "c", "d"])
    transformer.fit(X, target(Estimator))
    assert not hasattr(transformer, "feature_names_in_")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_frozen_network_is_used_as_it_is(Estimator):
    model = layered(Estimator).fit(X, target(Estimator))
    before = joblib.hash(model)
    frozen = FrozenEstimator(model)
    transformer = HiddenActivations(frozen, layer=0).fit(X)
    assert np.array_equal(transformer.transform(X), model.hidden_activations(X, 0))
    assert joblib.hash(model) == before
    name = Estimator.__name__.lower()
    assert transformer.get_feature_names_out()[-1] == f"{name}_layer0_unit6"
    # What counts is the network that was fitted.
    model.set_params(hidden_layer_sizes=())
    assert clone(transformer).fit(X, target(Estimator)).layer_ == 0
    pipeline = make_pipeline(HiddenActivations(frozen), LogisticRegression())
    assert pipeline.fit(X, LABELS).score(X, LABELS) > 0.3
    with pytest.raises(NotFittedError):
        HiddenActivations(FrozenEstimator(layered(Estimator))).fit(X)


def test_in_a_pipeline_and_a_search():
    """Solver, layer and what comes after are searched together."""
    rows, y = scale(CANCER.data), CANCER.target
    model = make_pipeline(
        StandardScaler(),
        HiddenActivations(
            MLPClassifierX(
                (10, 3), learning_rate_init=0.01, max_iter=20, random_state=0
            )
        ),
        LogisticRegression(),
    )
    grid = {
        "hiddenactivations__estimator__solver": ["momentum", "adam"],
        "hiddenactivations__layer": [0, 1],
        "logisticregression__C": [0.1, 1.0],
    }
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(rows, y)
    assert search.cv_results_["mean_test_score"].min() > 0.9
    best = search.best_estimator_.named_steps["hiddenactivations"]
    chosen = search.best_params_["hiddenactivations__estimator__solver"]
    assert best.estimator_.solver == chosen
    assert search.best_estimator_[:-1].transform(rows).shape[1] in (3, 10)
    assert_same_state(best.estimator_, clone(best.estimator).fit(
        StandardScaler().fit_transform(rows), y))  # fmt: skip


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_transformer_refuses_before_it_fits(Estimator):
    model = layered(Estimator)
    y = target(Estimator)
    for transformer, error, says in (
        (HiddenActivations(model, layer=2), ValueError, r"range \[-2, 1\]"),
        (HiddenActivations(model, layer="last"), ValueError, "'layer' parameter of"),
        (
            HiddenActivations(clone(model).set_params(hidden_layer_sizes=())),
            ValueError,
            "no hidden layers",
        ),
        (HiddenActivations(LogisticRegression()), ValueError, "hidden_activations"),
    ):
        with pytest.raises(error, match=says):
            transformer.fit(X, y)
        assert not hasattr(transformer, "estimator_")
    with pytest.raises(ValueError, match="requires y to be passed"):
        HiddenActivations(model).fit(X)
    fitted = HiddenActivations(model).fit(X, y)
    expected = fitted.transform(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.set_params(layer=0).fit(X, y[:-1])
    assert np.array_equal(fitted.transform(X), expected)


def test_tags_are_those_of_the_network():
    for Estimator in ESTIMATORS:
        tags = HiddenActivations(Estimator()).__sklearn_tags__()
        assert tags.target_tags.required
        assert tags.input_tags.sparse
        assert tags.estimator_type is None
        assert tags.transformer_tags is not None
