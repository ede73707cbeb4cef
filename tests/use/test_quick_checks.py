"""Small plain arrays skip scikit-learn's checks: nothing else changes.

Every call is made twice, with the quick checks and without, on data of every kind, most
of them invalid: both end in the same model, or in the same error.
"""

import re
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from problems import KINDS, NUMBERS, small
from scipy.sparse import coo_array, csc_matrix, csr_array
from sklearn import config_context
from sklearn.base import is_classifier
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators import (
    baseline,
    convergence_warnings,
    fitting,
    inputs,
    label_kinds,
    labels,
)

ESTIMATORS = (MLPClassifierX, MLPRegressorX)
X, CLASSES = load_iris(return_X_y=True)
N = len(X)


class Rows(np.ndarray):
    """A subclass of the array."""


def misaligned(array):
    held = np.empty(array.nbytes + 1, dtype=np.uint8)
    view = held[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def with_value(array, value, place=(3, 2)):
    array = array.copy()
    array[place[: array.ndim]] = value
    return array


# What may be passed as X, valid or not.
ROWS = {
    "float64": X,
    "float32": X.astype(np.float32),
    "float16": X.astype(np.float16),
    "longdouble": X.astype(np.longdouble),
    "big-endian": X.astype(">f8"),
    "int": X.astype(int),
    "bool": X > 3,
    "complex": X + 0j,
    "object": X.astype(object),
    "strings": X.astype(str),
    "words": np.full(X.shape, "word"),
    "dates": np.full(X.shape, "2020-01-01", dtype="M8[D]"),
    "fortran": np.asfortranarray(X),
    "every other": np.repeat(X, 2, axis=0)[::2],
    "reversed": X[:, ::-1],
    "misaligned": misaligned(X),
    "read-only": read_only(X),
    "masked": np.ma.masked_greater(X, 7),
    "subclass": X.view(Rows),
    "record": np.ones(N, dtype=[("a", float), ("b", float)]),
    "list": X.tolist(),
    "ragged": [*X.tolist()[1:], [1.0]],
    "tuple": tuple(map(tuple, X)),
    "pandas": pd.DataFrame(X, columns=list("abcd")),
    "pandas, other names": pd.DataFrame(X, columns=list("abce")),
    "pandas, missing": pd.DataFrame(with_value(X, np.nan), columns=list("abcd")),
    "series": pd.Series(X[:, 0]),
    "polars": pl.DataFrame(X, schema=list("abcd")),
    "csr": csr_array(X),
    "csc": csc_matrix(X),
    "coo": coo_array(X),
    "NaN": with_value(X, np.nan),
    "inf": with_value(X, np.inf),
    "-inf": with_value(X.astype(np.float32), -np.inf),
    "huge": with_value(X, 1e300),
    "subnormal": X * 1e-310,
    "1-D": X[:, 0],
    "0-D": X[0, 0],
    "3-D": X[:, :, None],
    "no rows": X[:0],
    "one row": X[:1],
    "no columns": X[:, :0],
    "fewer columns": X[:, :3].copy(),
    "more columns": np.hstack([X, X]),
    "fewer rows": X[:-1].copy(),
    "None": None,
    "str": "rows",
    "number": 3.0,
}

# What may be passed as y, valid or not.
TARGETS = {
    "int64": CLASSES,
    "int8": CLASSES.astype(np.int8),
    "uint8": CLASSES.astype(np.uint8),
    "big-endian": CLASSES.astype(">i4"),
    "far apart": CLASSES * 10**12 - 5,
    "huge": CLASSES.astype(np.uint64) + np.uint64(2**63),
    "bool": CLASSES > 0,
    "two": (CLASSES > 0).astype(int),
    "one": np.ones(N, dtype=int),
    "as many as rows": np.arange(N),
    "most": np.minimum(np.arange(N), 90),
    "floats": CLASSES.astype(float),
    "float32": NUMBERS.astype(np.float32),
    "numbers": NUMBERS,
    "NaN": with_value(NUMBERS, np.nan),
    "class NaN": with_value(CLASSES.astype(float), np.nan),
    "inf": with_value(NUMBERS, np.inf),
    "constant": np.full(N, 2.5),
    "complex": NUMBERS + 1j,
    "words": np.array(["a", "b", "c"])[CLASSES],
    "bytes": np.array([b"a", b"b", b"c"])[CLASSES],
    "objects": np.array(["a", "b", "c"], dtype=object)[CLASSES],
    "int objects": CLASSES.astype(object),
    "mixed": np.array(["a", 1, 2.5], dtype=object)[CLASSES],
    "None among": with_value(CLASSES.astype(object), None),
    "dates": np.datetime64("2020-01-01") + CLASSES,
    "column": CLASSES[:, None],
    "row": CLASSES[None],
    "labels": KINDS,
    "sparse labels": csr_array(KINDS),
    "columns": np.column_stack([CLASSES, CLASSES]),
    "number columns": np.column_stack([NUMBERS, X[:, 0]]),
    "3-D": KINDS[:, :, None],
    "read-only": read_only(CLASSES),
    "misaligned": misaligned(CLASSES),
    "strided": np.repeat(CLASSES, 2)[::2],
    "masked": np.ma.masked_equal(CLASSES, 2),
    "subclass": CLASSES.view(Rows),
    "list": CLASSES.tolist(),
    "series": pd.Series(CLASSES),
    "nullable": pd.Series(CLASSES, dtype="Int64"),
    "categories": pd.Series(CLASSES).astype("category"),
    "polars": pl.Series(CLASSES),
    "fewer": CLASSES[:-1],
    "more": np.append(CLASSES, 0),
    "none": CLASSES[:0],
    "None": None,
    "str": "labels",
    "number": 1,
}


def valid_target(Estimator):
    return CLASSES if Estimator is MLPClassifierX else NUMBERS


def result_of(call):
    """Return the error or the hash of the result of a call, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            # An address, as of an iterator, may be another one.
            message = re.sub(r"0x[0-9a-f]+", "", str(error))
            result = type(error), message
    return result, [(w.category, str(w.message)) for w in caught]


def state_of(model):
    """Return what a fit leaves behind, but for times."""
    history = {n: v for n, v in model.history_.items() if n != "seconds"}
    attributes = {
        name: getattr(model, name, None)
        for name in ("n_features_in_", "feature_names_in_", "classes_", "n_outputs_")
    }
    state = model._run.rng.get_state()
    return joblib.hash((model.coefs_, model.intercepts_, history, attributes, state))


@pytest.fixture
def both(monkeypatch):
    """Make a call with the quick checks and without; return both results."""

    def make(function, *passed):
        def call():
            return function(*passed)

        quick = result_of(call)
        with monkeypatch.context() as patch:
            patch.setattr(inputs, "are_plain_rows", lambda X: False)
            patch.setattr(inputs, "are_plain_targets", lambda y, n: False)
            patch.setattr(labels, "classes_of", lambda y: None)
            patch.setattr(labels, "are_plain_labels", lambda y: False)
            return quick, result_of(call)

    return make


def assert_equal(results):
    quick, slow = results
    assert quick == slow


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("rows", list(ROWS))
def test_any_rows(Estimator, rows, both):
    given, y = ROWS[rows], valid_target(Estimator)

    def fitted_before(names):
        rows = pd.DataFrame(X, columns=list("abcd")) if names else X
        return small(Estimator, warm_start=False).fit(rows, y)

    classes = {"classes": [0, 1, 2]} if Estimator is MLPClassifierX else {}
    assert_equal(both(lambda: state_of(small(Estimator).fit(given, y))))
    assert_equal(
        both(lambda: state_of(small(Estimator).partial_fit(given, y, **classes)))
    )
    for names in (False, True):
        assert_equal(both(lambda n: state_of(fitted_before(n).fit(given, y)), names))
        assert_equal(
            both(lambda n: state_of(fitted_before(n).partial_fit(given, y)), names)
        )
        model = fitted_before(names)
        for method in ("predict", "predict_proba", "hidden_activations"):
            if hasattr(model, method):
                call = getattr(model, method)
                assert_equal(both(lambda c: joblib.hash(c(given)), call))
    own = {"X_val": given, "y_val": y}
    assert_equal(both(lambda: state_of(small(Estimator).fit(X, y, **own))))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("targets", list(TARGETS))
def test_any_targets(Estimator, targets, both):
    y = TARGETS[targets]

    def fitted_before(**parameters):
        return small(Estimator, **parameters).fit(X, valid_target(Estimator))

    assert_equal(both(lambda: state_of(small(Estimator).fit(X, y))))
    assert_equal(both(lambda: state_of(fitted_before().partial_fit(X, y))))
    assert_equal(both(lambda: state_of(fitted_before(warm_start=True).fit(X, y))))
    stopping = {"early_stopping": True}
    assert_equal(both(lambda: state_of(small(Estimator, **stopping).fit(X, y))))
    own = {"X_val": X, "y_val": y}
    assert_equal(
        both(lambda: state_of(small(Estimator).fit(X, valid_target(Estimator), **own)))
    )

    def first_of_several(classes):
        return state_of(small(Estimator).partial_fit(X, y, classes=classes))

    if Estimator is MLPClassifierX:
        for classes in ([0, 1, 2], ["a", "b", "c"], None):
            assert_equal(both(first_of_several, classes))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("rows", ["float64", "NaN", "inf", "fewer rows", "csr"])
@pytest.mark.parametrize(
    "settings", [{"assume_finite": True}, {"skip_parameter_validation": True}]
)
def test_any_configuration(Estimator, rows, settings, both):
    y = valid_target(Estimator)
    with config_context(**settings):
        assert_equal(both(lambda: state_of(small(Estimator).fit(ROWS[rows], y))))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_arrays_are_not_checked_twice(Estimator, dtype, monkeypatch):
    """Otherwise, the other tests here would compare scikit-learn's checks to them."""
    for module, name in ((inputs, "validate_data"), (label_kinds, "type_of_target")):
        monkeypatch.setattr(module, name, None)
    rows, y = X.astype(dtype), valid_target(Estimator)
    model = small(Estimator).fit(rows, y)
    assert model.n_features_in_ == 4
    model.partial_fit(rows, y).predict(rows[:1])
    if is_classifier(model):
        model.fit(rows, (y > 0).astype(np.int8)).predict_proba(rows)
        small(Estimator).partial_fit(rows, y, classes=[0, 1, 2])


def test_names_are_forgotten():
    """As scikit-learn does, if a new fit gets rows without names."""
    model = small(MLPClassifierX).fit(pd.DataFrame(X, columns=list("abcd")), CLASSES)
    assert list(model.feature_names_in_) == list("abcd")
    assert not hasattr(model.fit(X, CLASSES), "feature_names_in_")
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifierX is exp"):
        model.predict(X[:, :3].copy())
    assert model.fit(X[:, :3].copy(), CLASSES).n_features_in_ == 3


FILTERS = [
    ("ignore", "", Warning, "", 0),
    ("ignore", "", UserWarning, "", 0),
    ("ignore", "", ConvergenceWarning, "", 0),
    ("ignore", "", DeprecationWarning, "", 0),
    ("ignore", "Maximum", ConvergenceWarning, "", 0),
    ("ignore", "", ConvergenceWarning, "another", 0),
    ("ignore", "", ConvergenceWarning, "", 10**6),
    ("error", "", DeprecationWarning, "", 0),
    ("always", "", ConvergenceWarning, "", 0),
    ("always", "Training", Warning, "", 0),
    ("default", "", Warning, "", 0),
]


@pytest.mark.parametrize("first", FILTERS)
@pytest.mark.parametrize("second", FILTERS)
def test_ignored_warnings_are_recognised(first, second):
    """Whatever is taken for ignored is; what is ignored in any case is recognised."""
    messages = ["Maximum number of epochs", "Training ended", "Something else"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        for given in (second, first):  # the last one comes first
            warnings.filterwarnings(*given)
        found = convergence_warnings.is_ignored()
        for message in messages:
            convergence_warnings.warn(message)
    assert not (found and caught)
    by_any = ("ignore", "", 0)
    if (first[0], first[1] + first[3], first[4]) == by_any and issubclass(
        ConvergenceWarning, first[2]
    ):
        assert found


def test_reasons_are_not_sought_for_ignored_warnings(monkeypatch):
    """The model is the same, and so are the other warnings."""
    model = small(MLPRegressorX, max_iter=1, momentum=0.5)
    with pytest.warns(ConvergenceWarning, match="no better than the best constant"):
        model.fit(X, NUMBERS)
    before = state_of(model)
    monkeypatch.setattr(fitting, "failure_of", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(UserWarning, match="that has no effect: 'momentum'"):
            model.fit(X, NUMBERS)
        model.set_params(momentum=0.9).fit(X, NUMBERS)
    assert state_of(model) == before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_initial_weights_are_kept_or_drawn_again(Estimator, monkeypatch):
    y, found = valid_target(Estimator), []
    for n_kept in (0, fitting._FEW_WEIGHTS):
        monkeypatch.setattr(fitting, "_FEW_WEIGHTS", n_kept)
        fit = fitting.Fit(small(Estimator))
        fit.run_on(X, y)
        found.append(fit.untrained())
        assert not np.array_equal(found[-1], fit.run.theta)
    assert np.array_equal(*found)
    start = small(Estimator, learning_rate_init=1e-300).fit(X, y)
    assert np.array_equal(found[0], start._run.theta)


def test_each_loss_of_the_reasons_is_computed_once(monkeypatch):
    passes = []

    def counted(network, theta, data):
        passes.append(theta.tobytes())
        return original(network, theta, data)

    original = baseline.mean_loss
    monkeypatch.setattr(baseline, "mean_loss", counted)
    model = small(MLPClassifierX, max_iter=1, learning_rate_init=1e-9)
    with pytest.warns(ConvergenceWarning, match="There were too few epochs"):
        model.fit(X, CLASSES)
    assert len(passes) == len(set(passes)) == 2
