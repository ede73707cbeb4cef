"""The memory of predictions and fits, whatever the order and dtype of the rows."""

import numpy as np
import pytest
from problems import ESTIMATORS, peak_of, small

from skoptnet import MLPClassifierX

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of:sklearn.exceptions.ConvergenceWarning"
)

N_ROWS, N_COLUMNS = 200_000, 50


def fitted(Estimator, dtype):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, N_COLUMNS)).astype(dtype)
    y = np.arange(60) % 3
    return small(Estimator).fit(rows, y)


def laid_out(order, dtype):
    """Return many rows in memory that is never touched, so that it costs little."""
    rows = np.zeros(
        (N_ROWS, N_COLUMNS), dtype=dtype, order="F" if order == "F" else "C"
    )
    return rows[::2] if order == "every second" else rows


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2", "?", "f2"])
@pytest.mark.parametrize("order", ["C", "F", "every second"])
@pytest.mark.parametrize("model_dtype", ["f8", "f4"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_pair
def test_predictions_take_blocks_of_rows(Estimator, model_dtype, order, dtype):
    """Beside what they return; a copy of the rows would be 80 MB, or 40 in float32."""
    model, rows = fitted(Estimator, model_dtype), laid_out(order, dtype)
    methods = ["predict", "hidden_activations"]
    methods += ["predict_proba"] if Estimator is MLPClassifierX else []
    for method in methods:
        result = getattr(model, method)(rows)
        # Probabilities come with up to two arrays of their size.
        allowed = 3 * max(result.nbytes, N_ROWS * 8 * 3) + 15e6
        assert peak_of(getattr(model, method), rows) < allowed, method
    y = np.zeros(len(rows), dtype=int)
    assert peak_of(model.score, rows, y) < 40e6


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_converts_rows_in_one_copy(Estimator, order, method):
    """One copy, to float32 in C order; two would be 120 MB."""
    model, rows = fitted(Estimator, "f4"), laid_out(order, "f8")
    model.set_params(warm_start=True, max_iter=1, solver="gd")
    peak = peak_of(getattr(model, method), rows, np.arange(N_ROWS) % 3)
    assert peak < rows.nbytes // 2 + 30e6


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_first_fit_copies_what_is_not_in_c_order(order):
    rows, y = laid_out(order, "f8"), np.zeros(N_ROWS)
    model = small(ESTIMATORS[1], solver="gd", max_iter=1)
    copies = 1 if order == "F" else 0
    assert peak_of(model.fit, rows, y) < copies * rows.nbytes + 30e6


@pytest.mark.parametrize("rate", [1e-9, 0.1], ids=["learns nothing", "learns"])
@pytest.mark.filterwarnings(
    "ignore:.*predicts its training rows no better:"
    "sklearn.exceptions.ConvergenceWarning"
)
def test_the_outputs_of_all_rows_are_never_held(rate):
    """Of 30 000 rows and 300 classes, they would be 72 MB."""
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(30_000, 3)), np.arange(30_000) % 300
    model = MLPClassifierX((2,), max_iter=1, learning_rate_init=rate, batch_size=2000)
    assert peak_of(model.fit, rows, y) < 30e6
