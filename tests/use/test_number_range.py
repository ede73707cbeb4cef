"""Numbers beyond the range of the model's dtype, and dtypes of rows to predict."""

import numpy as np
import pytest
from problems import ESTIMATORS, NUMBERS, X, assert_refused, small, target
from scipy.sparse import csc_array, csr_array

from skoptnet import HiddenActivations, MLPClassifierX, MLPRegressorX

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of:sklearn.exceptions.ConvergenceWarning"
)

SINGLE = X.astype(np.float32)
LARGEST = float(np.finfo(np.float32).max)
# Halfway between the largest float32 and the next power of two, where rounding gives
# infinity; and the float64 below, which rounds to the largest float32.
FIRST_INFINITE = (2 - 2.0**-24) * 2.0**127
LAST_FINITE = np.nextafter(FIRST_INFINITE, 0)
MESSAGE = "contains a value too large for dtype('float32')"


def test_where_infinity_begins():
    with np.errstate(over="ignore"):
        assert np.isinf(np.float64(FIRST_INFINITE).astype(np.float32))
    assert np.float64(LAST_FINITE).astype(np.float32) == LARGEST


def with_value(value, i=7, j=2):
    rows = X.copy()
    rows[i, j] = value
    return rows


@pytest.mark.parametrize(
    "container", [np.array, np.asfortranarray, csr_array, csc_array]
)
@pytest.mark.parametrize("value", [FIRST_INFINITE, -FIRST_INFINITE, 1e39, 1e308])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_rows_beyond_the_range_of_the_model_are_refused(Estimator, value, container):
    y, rows = target(Estimator), container(with_value(value))
    model = small(Estimator).fit(SINGLE, y)
    of_x = f"Input X {MESSAGE}"
    methods = ["predict", "hidden_activations"]
    if Estimator is MLPClassifierX:
        methods += ["predict_proba", "predict_log_proba", "decision_function"]
    for method in methods:
        message = assert_refused(of_x, method, rows, model=model)
        assert f"Got {abs(value):g}" in message
    assert_refused(of_x, "score", rows, y, model=model)
    assert_refused(of_x, "partial_fit", rows, y, model=model)
    assert_refused(of_x, "fit", rows, y, model=model.set_params(warm_start=True))
    stopping = small(Estimator, early_stopping=True)
    assert_refused(
        f"Input X_val {MESSAGE}", "fit", SINGLE, y, X_val=rows, y_val=y, model=stopping
    )


def test_the_transformer_refuses_them_too():
    model = HiddenActivations(small(MLPRegressorX)).fit(SINGLE, NUMBERS)
    assert_refused(f"Input X {MESSAGE}", "transform", with_value(1e39), model=model)


def test_many_rows_are_checked_as_few_are():
    model = small(MLPRegressorX).fit(SINGLE, NUMBERS)
    rows = np.tile(with_value(1e39, -1), (200, 1))
    assert rows.size > 2**16
    assert_refused(f"Input X {MESSAGE}", "predict", rows, model=model)


@pytest.mark.parametrize("container", [np.array, csr_array])
def test_rows_within_the_range_are_predicted(container):
    """The largest of them are float32's largest number, where float64 would not be."""
    model = small(MLPRegressorX, activation="logistic").fit(SINGLE, NUMBERS)
    rounded = with_value(LARGEST).astype(np.float32)
    for value in (LARGEST, LAST_FINITE):
        predicted = model.predict(container(with_value(value)))
        np.testing.assert_allclose(predicted, model.predict(rounded), rtol=1e-5)
        assert np.isfinite(predicted).all()
    double = small(MLPRegressorX).fit(X, NUMBERS)
    assert np.isfinite(double.predict(container(with_value(1e200)))).all()


def test_targets_beyond_the_range_are_refused():
    model, message = (
        small(MLPRegressorX),
        "y or y_val has values that float32 cannot hold",
    )
    huge = NUMBERS * 1e40
    assert_refused(message, "fit", SINGLE, huge, model=model)
    assert_refused(message, "partial_fit", SINGLE, huge, model=model)
    model.set_params(early_stopping=True)
    own = {"X_val": SINGLE, "y_val": huge}
    assert_refused(message, "fit", SINGLE, NUMBERS, **own, model=model)


NATIVE = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


@pytest.mark.parametrize("dtype", [*NATIVE, ">i4", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("single", [True, False])
def test_every_dtype_predicts_as_its_numbers(dtype, order, single):
    model = small(MLPRegressorX).fit(SINGLE if single else X, NUMBERS)
    numbers = np.random.default_rng(0).integers(0, 1000, (20000, 4)) / 7
    numbers = numbers.astype(dtype, order=order)
    predicted = model.predict(numbers)
    expected = model.predict(numbers.astype(np.float64))
    assert predicted.dtype == expected.dtype
    # A float64 model that reads rows rounded to float32 is wrong in the eighth digit.
    tolerance = 1e-4 if single else 1e-12
    np.testing.assert_allclose(predicted, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("container", [csr_array, csc_array])
@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("dtype", [*NATIVE, ">i4", ">f2", ">f4", ">f8"])
def test_every_dtype_of_sparse_rows_predicts_as_its_numbers(dtype, single, container):
    """SciPy makes no containers of some; but their data can be exchanged."""
    model = small(MLPRegressorX).fit(SINGLE if single else X, NUMBERS)
    numbers = np.random.default_rng(0).integers(0, 1000, (300_000, 4)) / 7
    rows = container(numbers)
    rows.data = rows.data.astype(dtype)
    plain = container(numbers)
    plain.data = rows.data.astype(np.float64)
    assert len(rows.data) > 2**20, "one block"
    tolerance = 1e-4 if single else 1e-12
    np.testing.assert_allclose(
        model.predict(rows), model.predict(plain), rtol=tolerance, atol=tolerance
    )
    few = np.arange(20)
    np.testing.assert_allclose(
        model.predict(csr_array(plain)[few]), model.predict(plain)[few], rtol=tolerance
    )


def test_integers_beyond_float16_and_halves_are_exact():
    model = small(MLPRegressorX, activation="tanh").fit(X, NUMBERS)
    huge = np.array([[2**62, -(2**62), 3, 5], [1, 2**40, 7, -9]])
    np.testing.assert_array_equal(
        model.predict(huge), model.predict(huge.astype(np.float64))
    )
    assert np.isfinite(model.predict(np.full((3, 4), 60000, dtype=np.float16))).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8"])
def test_what_is_not_finite_is_refused_in_every_dtype(dtype, value):
    model = small(MLPRegressorX).fit(X, NUMBERS)
    assert_refused(
        "Input X contains", "predict", with_value(value).astype(dtype), model=model
    )
