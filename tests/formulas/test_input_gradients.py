"""Gradients of the raw outputs with respect to the inputs."""

import json
from copy import deepcopy
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from problems import (
    ESTIMATORS,
    IRIS,
    KINDS,
    LABELS,
    NUMBERS,
    X,
    assert_same_state,
    peak_of,
    small,
    target,
)
from scipy.sparse import csc_array, csr_array, csr_matrix
from sklearn.exceptions import NotFittedError

from skoptnet import Activation, MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES, REGRESSION_LOSSES
from skoptnet.network import Network

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

ROWS = X[::12]
MIXED = [("gelu", "tanh"), ("relu", "mish"), ("silu", "selu"), ("logistic", "elu")]
RECORD = json.loads(
    (Path(__file__).parents[1] / "reference" / "input_gradients.json").read_text()
)


def make(activation, loss="squared_error", n_outputs=3, hidden=(5, 3)):
    names = [activation] * max(1, len(hidden))
    if not isinstance(activation, str):
        names = activation
    sigmas = tuple(ACTIVATIONS[name]() for name in names)
    network = Network((X.shape[1], *hidden, n_outputs), sigmas, LOSSES[loss]())
    return network, network.draw(np.random.RandomState(0), np.float64) * 2


def differences(f, X, h=1e-6):
    """Return the central differences of the columns of f, a feature after another."""
    steps = [(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(X.shape[1])]
    return np.stack([step.reshape(len(X), -1) for step in steps], axis=2)


@pytest.mark.parametrize("hidden", [(5, 3), (6,), ()])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", [*sorted(ACTIVATIONS), *MIXED])
@pytest.mark.each_pair
def test_they_are_the_derivatives_of_the_outputs(activation, loss, n_outputs, hidden):
    if not isinstance(activation, str):
        activation = activation[: max(1, len(hidden))]
    network, theta = make(activation, loss, n_outputs, hidden)
    ours = network.input_gradients(theta, ROWS)
    assert ours.shape == (len(ROWS), n_outputs, X.shape[1])
    numerical = differences(lambda at: network.outputs(theta, at), ROWS)
    np.testing.assert_allclose(ours, numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_they_are_those_of_torch(activation):
    assert set(RECORD["cases"]) == set(ACTIVATIONS)
    case, rows = RECORD["cases"][activation], np.array(RECORD["X"])
    weights = [np.array(W) for W in case["coefs"]]
    parts = zip(weights, case["intercepts"], strict=True)
    theta = np.concatenate([np.ravel(part) for pair in parts for part in pair])
    sizes = (weights[0].shape[0], *(W.shape[1] for W in weights))
    sigmas = tuple(ACTIVATIONS[activation]() for _ in weights[1:])
    network = Network(sizes, sigmas, LOSSES["multiclass"]())
    ours = network.input_gradients(theta, rows)
    np.testing.assert_allclose(ours, case["gradients"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [np.asarray, csr_array, csc_array, csr_matrix])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.each_pair
def test_blocks_containers_and_dtypes_give_the_same(
    activation, container, dtype, monkeypatch
):
    network, theta = make(activation)
    thin = np.where(np.abs(X) > 0.5, X, 0)
    at_once = network.input_gradients(theta, thin)
    # Eleven rows of 3 outputs and 5 units, the widest layer; the last block has 7.
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 11 * 3 * 5)
    assert network.gradient_block_rows == 11
    rows = container(thin.astype(dtype))
    ours = network.input_gradients(theta.astype(dtype), rows)
    assert type(ours) is np.ndarray
    assert ours.dtype == dtype
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(ours, at_once, rtol=tolerance, atol=tolerance)


def test_memory_is_bounded():
    """Beside the result: the first layer's part of all rows would be 640 MB."""
    model = MLPRegressorX((2000, 3), max_iter=1, random_state=0)
    model.fit(X, np.column_stack([NUMBERS, NUMBERS]))
    rows = np.tile(X, (134, 1))[:20_000]
    model.input_gradients(X)
    assert peak_of(model.input_gradients, rows) < 80e6
    assert model.input_gradients(rows).shape == (20_000, 2, 4)


# ----------------------------------------------------------------- of the estimators

CLASSES = {
    "binary": (IRIS.target == 1, 1),
    "multiclass": (LABELS, 3),
    "multilabel": (KINDS, 2),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_a_classifiers_are_those_of_its_decision_function(activation, kind, smoothing):
    y, n_outputs = CLASSES[kind]
    model = small(MLPClassifierX, activation=activation, label_smoothing=smoothing)
    ours = model.fit(X, y).input_gradients(X)
    assert ours.shape == (150, n_outputs, 4)
    numerical = differences(model.decision_function, X)
    np.testing.assert_allclose(ours, numerical, rtol=1e-6, atol=1e-8)


UNITS = pytest.mark.parametrize("unit", [1.0, 1e4, 1e-3])


@UNITS
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("columns", [1, 2])
def test_a_regressors_are_those_of_its_predictions(columns, loss, unit):
    """In the unit of y; with a logarithmic link, those of their logarithms."""
    y = np.column_stack([np.exp(NUMBERS), 7 * np.exp(X[:, 1])])[:, :columns]
    model = small(MLPRegressorX, activation="tanh", loss=loss, max_iter=20)
    ours = model.fit(X, (unit * y)[:, 0] if columns == 1 else unit * y)
    assert model.out_activation_ in ("identity", "exp")
    log = np.log if model.out_activation_ == "exp" else np.asarray
    numerical = differences(lambda at: log(model.predict(at)), X, h=1e-5)
    ours = model.input_gradients(X)
    assert ours.shape == (150, columns, 4)
    size = np.abs(numerical).max()
    np.testing.assert_allclose(ours, numerical, rtol=1e-5, atol=1e-7 * size)


@UNITS
def test_of_several_quantiles_the_first_is_that_of_the_lowest(unit):
    model = small(MLPRegressorX, loss="quantile", quantile=[0.1, 0.5, 0.9])
    model.set_params(activation="tanh").fit(X, unit * NUMBERS)
    ours = model.input_gradients(X)
    assert ours.shape == (150, 3, 4)
    numerical = differences(model.predict, X, h=1e-5)[:, 0]
    size = np.abs(numerical).max()
    np.testing.assert_allclose(ours[:, 0], numerical, rtol=1e-5, atol=1e-7 * size)


@pytest.mark.parametrize("container", [csr_array, csc_array, csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_any_rows_do_and_the_dtype_is_the_networks(Estimator, dtype, container):
    rows = X.astype(dtype)
    model = small(Estimator).fit(container(rows), target(Estimator))
    ours = model.input_gradients(container(rows))
    assert ours.dtype == dtype
    if container is pd.DataFrame:
        model = small(Estimator).fit(rows, target(Estimator))
    dense = model.input_gradients(rows)
    np.testing.assert_allclose(ours, dense, rtol=1e-4, atol=1e-5)


class Cubic(Activation):
    """One of a user's own that needs z."""

    needs_z = True

    def forward(self, z, xp):
        z += z**3 / 10

    def backward(self, a, delta, xp):
        delta *= 1 + 3 * a**2 / 10


def test_an_activation_of_your_own_and_dropout():
    """All units count, as in predictions."""
    model = small(MLPClassifierX, activation=Cubic(), dropout=0.4).fit(X, LABELS)
    numerical = differences(model.decision_function, X)
    ours = model.input_gradients(X)
    np.testing.assert_allclose(ours, numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_they_leave_everything_as_it_was(Estimator):
    model = small(Estimator).fit(X, target(Estimator))
    twin, rows = deepcopy(model), joblib.hash(X)
    ours = model.input_gradients(X)
    first = ours.copy()
    ours[:] = 7
    assert joblib.hash(X) == rows
    assert_same_state(model, twin)
    assert np.array_equal(model.input_gradients(X), first)
    linear = small(Estimator, max_iter=1).set_params(hidden_layer_sizes=())
    linear.fit(X, target(Estimator)).input_gradients(X)[:] = 7
    assert (linear.coefs_[0] != 7).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_bad_rows_are_refused(Estimator):
    model = small(Estimator)
    with pytest.raises(NotFittedError):
        model.input_gradients(X)
    model.fit(X, target(Estimator))
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.input_gradients(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        model.input_gradients(X * np.nan)
