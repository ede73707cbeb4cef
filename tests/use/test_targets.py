"""Labels and targets in the types of pandas, polars, Arrow and Python objects."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from problems import (
    ESTIMATORS,
    IRIS,
    KINDS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_refused,
    assert_same_state,
    batched,
    small,
    target,
)

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators.arrays import as_labels

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

CODES = IRIS.target
FIRST = IRIS.target == 0
WORDS = IRIS.target_names[CODES]
LARGE = CODES.astype(np.uint64) + np.uint64(2**63)


def arrow(values, **options):
    return pytest.importorskip("pyarrow").array(values, **options)


def polars(values, dtype=None):
    library = pytest.importorskip("polars")
    return library.Series(values, dtype=getattr(library, dtype) if dtype else None)


def objects(values):
    return np.array(list(values), dtype=object)


def series(dtype):
    def make(values):
        if "pyarrow" in dtype:
            pytest.importorskip("pyarrow")
        return pd.Series(list(values), dtype=dtype)

    return make


#: Labels, the container, and the type that the classes have to have.
TYPED = {
    "objects that are Python's integers": (CODES.tolist(), objects, np.int64),
    "objects that are NumPy's integers": (CODES, objects, np.int64),
    "objects that are booleans": (FIRST.tolist(), objects, np.bool_),
    "objects that are whole floats": ((CODES * 1.0).tolist(), objects, np.float64),
    "objects that are strings": (WORDS.tolist(), objects, np.object_),
    "integers of 64 bits": (LARGE, objects, np.uint64),
    **{
        dtype: (CODES, series(dtype), expected)
        for dtype, expected in {
            "Int64": np.int64,
            "Int8": np.int8,
            "UInt16": np.uint16,
            "Float64": np.float64,
            "category": np.int64,
            "int64[pyarrow]": np.int64,
            "int8[pyarrow]": np.int8,
            "uint16[pyarrow]": np.uint16,
            "double[pyarrow]": np.float64,
        }.items()
    },
    **{
        f"{dtype} of booleans": (FIRST, series(dtype), np.bool_)
        for dtype in ("bool", "boolean", "bool[pyarrow]", "category")
    },
    **{
        f"{dtype} of strings": (WORDS, series(dtype), np.object_)
        for dtype in ("object", "string", "string[pyarrow]", "category")
    },
    "StringDType": (
        WORDS,
        lambda words: np.array(words, dtype=np.dtypes.StringDType()),
        np.object_,
    ),
    "an Arrow array of integers": (CODES, arrow, np.int64),
    "an Arrow array of booleans": (FIRST, arrow, np.bool_),
    "an Arrow array of strings": (WORDS.tolist(), arrow, np.object_),
    "polars' integers": (CODES, polars, np.int64),
    "polars' Int8": (CODES, lambda y: polars(y, "Int8"), np.int8),
    "polars' booleans": (FIRST, polars, np.bool_),
    "polars' Categorical": (
        WORDS.tolist(),
        lambda y: polars(y, "Categorical"),
        np.object_,
    ),
}
typed = pytest.mark.parametrize(
    ("values", "container", "dtype"), TYPED.values(), ids=TYPED
)


@typed
def test_labels_keep_their_type(values, container, dtype):
    """In classes and predictions; the container changes no weight."""
    y = container(values)
    plain = batched(MLPClassifierX).fit(X, np.unique(values, return_inverse=True)[1])
    model = batched(MLPClassifierX).fit(X, y)
    assert model.classes_.dtype == dtype
    assert model.classes_.tolist() == sorted(set(np.asarray(values).tolist()))
    assert_same_state(model, plain)
    predicted = model.predict(X)
    assert predicted.dtype == dtype
    assert np.array_equal(predicted, model.classes_[plain.predict(X)])
    accuracy = np.mean(predicted == np.asarray(values, dtype=dtype))
    assert model.score(X, y) == accuracy
    assert model.score(X, np.asarray(values, dtype=dtype)) == accuracy


@typed
def test_labels_keep_their_type_in_partial_fit(values, container, dtype):
    """And in y_val; classes may come in the type of y or in another."""
    y = container(values)
    classes = container(sorted(set(np.asarray(values).tolist())))
    model = batched(MLPClassifierX).partial_fit(X, y, classes=classes)
    model.partial_fit(X, y).partial_fit(X, y, classes=model.classes_)
    assert model.classes_.dtype == dtype
    assert model.predict(X).dtype == dtype
    codes = np.unique(values, return_inverse=True)[1]
    again = batched(MLPClassifierX).partial_fit(X, codes, classes=np.unique(codes))
    assert_same_state(model, again.partial_fit(X, codes).partial_fit(X, codes))
    stopped = batched(MLPClassifierX, early_stopping=True)
    stopped.fit(X, y, X_val=X[::2], y_val=container(np.asarray(values)[::2].tolist()))
    expected = batched(MLPClassifierX, early_stopping=True)
    expected.fit(X, codes, X_val=X[::2], y_val=codes[::2])
    assert stopped.validation_scores_ == expected.validation_scores_


class Nullable:
    """A series whose labels are objects to NumPy."""

    dtype = pd.Int8Dtype()

    def __array__(self, dtype=None, copy=None):
        return np.array([1, 2, 1], dtype=object)


def test_nullable_labels_that_are_objects_to_numpy_keep_their_width():
    assert as_labels(Nullable()).dtype == np.int8


@pytest.mark.parametrize("dtypes", [("Int64", "boolean"), ("boolean", "boolean")])
def test_multilabel_frames_of_nullable_types(dtypes):
    frame = pd.DataFrame(
        {k: pd.Series(KINDS[:, k], dtype=dtype) for k, dtype in enumerate(dtypes)}
    )
    model = batched(MLPClassifierX).fit(X, frame)
    plain = batched(MLPClassifierX).fit(X, KINDS)
    assert_same_state(model, plain)
    by_columns = batched(MLPClassifierX).fit(X, np.asfortranarray(KINDS))
    assert_same_state(by_columns, plain)
    assert model.score(X, frame) == plain.score(X, KINDS)


class_weights = pytest.mark.parametrize("weights", ["balanced", {0: 2.0, 1: 3.0}])


@class_weights
@pytest.mark.parametrize("container", [objects, series("Int64"), polars])
def test_class_weights_name_labels_of_any_type(container, weights):
    y = (CODES > 0).astype(int)
    model = batched(MLPClassifierX, class_weight=weights).fit(X, container(y.tolist()))
    assert_same_state(model, batched(MLPClassifierX, class_weight=weights).fit(X, y))


NUMERIC = {
    "Int64": series("Int64"),
    "Float64": series("Float64"),
    "Arrow": series("double[pyarrow]"),
    "polars": polars,
    "Python's": objects,
    "decimals": lambda values: objects(map(Decimal, values)),
    "fractions": lambda values: objects(map(Fraction, values)),
    "strings": lambda values: np.array(values).astype(str),
}


@pytest.mark.parametrize("container", NUMERIC.values(), ids=NUMERIC)
def test_numbers_of_any_type_are_targets_of_a_regression(container):
    y = CODES.astype(float)
    model = batched(MLPRegressorX).fit(X, container(y.tolist()))
    plain = batched(MLPRegressorX).fit(X, y)
    assert_same_state(model, plain)
    assert model.score(X, container(y.tolist())) == plain.score(X, y)


# -------------------------------------------------------------------- refused


def with_missing(values, missing):
    values = list(values)
    values[7] = values[30] = missing
    return values


MISSING = {
    "None in a list": (list, None),
    "None": (objects, None),
    "NaN": (objects, np.nan),
    "NA": (objects, pd.NA),
    "NaT": (objects, pd.NaT),
    "None in a category": (series("category"), None),
    "None in polars": (polars, None),
    "None in Arrow": (arrow, None),
}


@pytest.mark.parametrize(("container", "missing"), MISSING.values(), ids=MISSING)
@pytest.mark.parametrize(
    ("Estimator", "values"),
    [
        (MLPClassifierX, WORDS.tolist()),
        (MLPClassifierX, CODES.tolist()),
        (MLPClassifierX, FIRST.tolist()),
        (MLPRegressorX, CODES.tolist()),
        (MLPRegressorX, NUMBERS.tolist()),
    ],
    ids=["words", "integers", "booleans", "whole targets", "targets"],
)
def test_missing_targets_are_refused(Estimator, values, container, missing):
    """None is no word, and no number that becomes NaN during training."""
    y = container(with_missing(values, missing))
    message = assert_fit_refused("Input y contains NaN", small(Estimator), X, y)
    assert "2 missing value(s), the first in row 7 (" in message
    remedy = "a label of their own" if Estimator is MLPClassifierX else "fill them"
    assert remedy in message
    model = small(Estimator).fit(X, np.asarray(values))
    assert_refused("Input y contains NaN", "score", X, y, model=model)
    assert_refused("Input y contains NaN", "partial_fit", X, y, model=model)
    assert_fit_refused(
        "X_val and y_val cannot be used: Input y contains NaN",
        small(Estimator, early_stopping=True),
        X,
        np.asarray(values),
        X_val=X,
        y_val=y,
    )


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "string", "int64[pyarrow]"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_missing_values_of_nullable_types_are_refused(Estimator, dtype):
    values = {"boolean": FIRST, "string": WORDS}.get(dtype, CODES).tolist()
    y = series(dtype)(with_missing(values, None))
    with pytest.raises(ValueError, match="Input y contains NaN"):
        small(Estimator).fit(X, y)


def test_a_list_of_words_and_nan_has_no_class_called_nan():
    for missing in (np.nan, None):
        y = with_missing(WORDS.tolist(), missing)
        assert_fit_refused("the first in row 7", small(MLPClassifierX), X, y)


def test_missing_classes_of_partial_fit_are_refused():
    assert_refused(
        "Input classes contains NaN: 1 missing value(s), the first in row 1 (None)",
        "partial_fit",
        X,
        CODES,
        classes=[0, None, 2],
        model=small(MLPClassifierX),
    )


OTHERS = {
    "words and integers": ([1, "one"], list, "int, str"),
    "words and integers as objects": ([1, "one"], objects, "int, str"),
    "words and booleans": ([True, "one"], list, "bool, str"),
    "dates": ([date(2020, 1, 1), date(2020, 1, 2)], objects, "date"),
    "decimals": ([Decimal(1), Decimal(2)], objects, "Decimal"),
    "periods": ([pd.Period("2020"), pd.Period("2021")], objects, "Period"),
}


@pytest.mark.parametrize(("pair", "container", "names"), OTHERS.values(), ids=OTHERS)
def test_labels_of_other_or_several_types_are_refused(pair, container, names):
    y = container([pair[code] for code in FIRST.astype(int)])
    says = f"Unknown label type: Input y has labels of type {names}. They must be all"
    assert_fit_refused(says, small(MLPClassifierX), X, y)
    classes = container(pair)
    assert_refused(
        says.replace("Input y", "Input classes"),
        "partial_fit",
        X,
        FIRST,
        classes=classes,
        model=small(MLPClassifierX),
    )


def test_integers_beyond_64_bits_are_refused():
    y = [2**70 + int(code) for code in CODES]
    message = assert_fit_refused("64 bits", small(MLPClassifierX), X, y)
    assert f"from {2**70} to {2**70 + 2}" in message
    y = [(-1, 2**63, 2**63 + 1)[code] for code in CODES]  # floats, to NumPy
    assert_fit_refused("64 bits", small(MLPClassifierX), X, y)


@pytest.mark.parametrize("number_first", [False, True])
def test_the_number_1_is_not_the_word_1(number_first):
    words = CODES.astype(str)
    first, second = (CODES, words) if number_first else (words, CODES)
    model = small(MLPClassifierX).partial_fit(X, first, classes=np.unique(first))
    assert_refused("`y` has classes not in", "partial_fit", X, second, model=model)


@pytest.mark.parametrize("number_first", [False, True])
def test_the_number_1_is_not_the_word_1_among_many(number_first):
    codes = np.arange(len(X)) % 30
    words = codes.astype(str)
    first, second = (codes, words) if number_first else (words, codes)
    model = small(MLPClassifierX).partial_fit(X, first, classes=np.unique(first))
    assert_refused("`y` has classes not in", "partial_fit", X, second, model=model)


DATES = np.datetime64("2020-01-01") + CODES.astype("timedelta64[D]")
TIMED = {
    "datetime64": (DATES, "dates (datetime64[D])"),
    "timedelta64": (DATES - DATES[0], "durations (timedelta64[D])"),
    "NaT": (np.where(CODES, DATES, np.datetime64("NaT")), "dates (datetime64[D])"),
    "dates": (objects(DATES.tolist()), "dates (date)"),
    "timestamps": (objects(pd.to_datetime(DATES)), "dates (Timestamp)"),
    "durations": (objects(pd.to_timedelta(CODES)), "durations (Timedelta)"),
    "a series": (pd.Series(DATES), "dates (datetime64["),
    "several": (np.column_stack([DATES, DATES]), "dates (datetime64[D])"),
}


@pytest.mark.parametrize(("y", "got"), TIMED.values(), ids=TIMED)
def test_dates_and_durations_are_no_targets_of_a_regression(y, got):
    """They would be numbers of an arbitrary unit."""
    says = f"Input y must have numbers. Got {got}"
    message = assert_fit_refused(says, small(MLPRegressorX), X, y)
    durations = "durations" in got
    remedy = "days: y / np" if durations else "days: (y - y.min()) / np"
    assert remedy in message
    model = small(MLPRegressorX).fit(X, target(MLPRegressorX))
    assert_refused("must have numbers", "partial_fit", X, y, model=model)
    early = small(MLPRegressorX, early_stopping=True)
    assert_fit_refused(
        f"X_val and y_val cannot be used: {says}",
        early,
        X,
        NUMBERS,
        X_val=X,
        y_val=y,
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_dates_are_no_features(Estimator):
    says = "Input X must have numbers. Got dates (datetime64["
    for zone in (None, "UTC"):
        column = pd.Series(DATES).dt.tz_localize(zone)
        frame = pd.DataFrame({"a": X[:, 0], "b": column})
        with pytest.raises(ValueError, match=re.escape(says)):
            small(Estimator).fit(frame, target(Estimator))
    rows = np.column_stack([DATES] * 4)
    assert_fit_refused(says, small(Estimator), rows, target(Estimator))
    library = pytest.importorskip("polars")
    frame = library.DataFrame({"a": X[:, 0], "b": DATES})
    for column, found in (
        (library.col("b"), "dates (Date)"),
        (library.col("b").cast(library.Datetime), "dates (Datetime"),
        (library.col("b") - DATES[0], "durations (Duration"),
    ):
        assert_fit_refused(
            f"Input X must have numbers. Got {found}",
            small(Estimator), frame.with_columns(b=column), target(Estimator),
        )  # fmt: skip
    model = small(Estimator).fit(X, target(Estimator))
    assert_refused(says, "predict", rows, model=model)


def test_dates_can_be_labels_but_not_missing_ones():
    model = batched(MLPClassifierX).fit(X, DATES)
    assert model.classes_.dtype == DATES.dtype
    assert model.predict(X).dtype == DATES.dtype
    y = np.where(CODES, DATES, np.datetime64("NaT"))
    says = "Input y contains NaN: 50 missing value(s), the first in row 0"
    assert_fit_refused(says, small(MLPClassifierX), X, y)
