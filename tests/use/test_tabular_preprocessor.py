"""Tables of every kind as matrices of numbers: `TabularPreprocessor`."""

import pickle
import warnings
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from preprocessed import (
    NAN,
    TABLE,
    N,
    column,
    fitted,
    object_array,
    pandas_frame,
    polars_frame,
    scaled,
)
from problems import with_checks
from scipy.sparse import csr_array, issparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
)

from skoptnet.tabular import TabularPreprocessor
from skoptnet.tabular.smooth_clip import RobustSmoothClipper

RNG = np.random.RandomState(0)
NAMES = [
    "age", "count", "missingindicator_age", "smokes_True", "answer_yes",
    "city_Bonn", "city_Oslo", "city_Rome",
]  # fmt: skip


def expected(table=TABLE):
    """The matrix of the table above, by hand."""
    age, city = table["age"], table["city"]
    answer = [{"no": -1, "yes": 1, None: 0}[v] for v in table["answer"]]
    return np.column_stack(
        [
            scaled(age),
            scaled(table["count"]),
            [v is None for v in age],
            [1 if v else -1 for v in table["smokes"]],
            answer,
            *([v == name for v in city] for name in ("Bonn", "Oslo", "Rome")),
        ]
    )


@with_checks([TabularPreprocessor(), RobustSmoothClipper()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# The matrix


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, object_array])
def test_every_column_by_hand(make):
    X = make()
    preprocessor = TabularPreprocessor()
    Z = preprocessor.fit_transform(X)
    assert Z.dtype == np.float32
    assert_allclose(Z, expected(), atol=1e-6)
    assert_array_equal(Z, preprocessor.transform(X))
    names = NAMES if make is not object_array else None
    found = preprocessor.get_feature_names_out().tolist()
    assert names is None or found == names
    assert len(found) == Z.shape[1]
    assert_array_equal(
        preprocessor.is_categorical_, [False, False, True, True, True, False, True]
    )
    assert preprocessor.n_features_in_ == 7


def test_lists_are_read_with_their_types():
    rows = [[None if v is None else v for v in row] for row in object_array()]
    assert_array_equal(
        TabularPreprocessor().fit_transform(rows),
        TabularPreprocessor().fit_transform(object_array()),
    )


@pytest.mark.parametrize(
    "dtypes",
    [
        {"age": "Float64", "count": "Int64", "smokes": "boolean"},
        {"age": "float32", "count": "int8", "smokes": object},
        {"city": "category", "answer": "category"},
        {"city": "string", "answer": object, "age": object},
        {"city": "string", "count": "uint64"},
        {
            "age": "double[pyarrow]",
            "count": "int64[pyarrow]",
            "smokes": "bool[pyarrow]",
        },
        {"city": "string[pyarrow]"},
    ],
)
def test_dtypes_of_pandas(dtypes):
    if any("pyarrow" in str(dtype) for dtype in dtypes.values()):
        pytest.importorskip("pyarrow")
    X = pandas_frame(**dtypes)
    preprocessor = fitted(X)
    assert_allclose(preprocessor.transform(X), expected(), atol=1e-6)
    assert preprocessor.get_feature_names_out().tolist() == NAMES
    assert_allclose(preprocessor.transform(pandas_frame()), expected(), atol=1e-6)


def test_dtypes_of_polars():
    pl = pytest.importorskip("polars")
    X = polars_frame().with_columns(
        pl.col("city").cast(pl.Categorical),
        pl.col("answer").cast(pl.Enum(["yes", "no", "never"])),
        pl.col("count").cast(pl.Decimal(10, 2)),
    )
    assert_allclose(fitted(X).transform(X), expected(), atol=1e-6)


def test_arrow_tables():
    pa = pytest.importorskip("pyarrow")
    X = pa.table(TABLE)
    assert_allclose(fitted(X).transform(X), expected(), atol=1e-6)


def test_double_precision():
    X = pandas_frame()
    for dtype in ("float64", np.float64):
        Z = TabularPreprocessor(dtype=dtype).fit_transform(X)
        assert Z.dtype == np.float64
        assert_allclose(Z, expected(), rtol=1e-14)


# Categories


@pytest.mark.parametrize(
    "limits", [(4, None), (None, 3), (None, 0.1), (5, 4), (3, 0.05)]
)
def test_rare_values_are_those_of_the_one_hot_encoder(limits):
    codes = RNG.geometric(0.2, 200)
    X = object_array({"a": [f"v{code:02}" for code in codes]})
    most, least = limits
    theirs = OneHotEncoder(
        max_categories=most, min_frequency=least, sparse_output=False
    ).fit(X)
    ours = fitted(X, max_categories=most, min_frequency=least)
    assert_array_equal(ours.transform(X), theirs.transform(X))
    names = theirs.get_feature_names_out().astype("U")
    names = [name.replace("_infrequent_sklearn", "_infrequent") for name in names]
    assert ours.get_feature_names_out().tolist() == names


def test_as_many_values_as_allowed_need_no_column_for_rare_ones():
    values = [f"{i:02}" for i in range(20)]
    Z, names = column(values, max_categories=20)
    assert_array_equal(Z, np.eye(20))
    assert names == [f"x0_{value}" for value in values]
    Z, names = column([*values, *values[1:], "rare"], max_categories=20)
    assert Z.shape == (40, 20)
    assert names == [*(f"x0_{value}" for value in values[1:]), "x0_infrequent"]
    assert_array_equal(np.flatnonzero(Z[:, -1]), [0, 39])


def test_unknown_and_missing_values_are_zeros():
    X = object_array({"two": list("abab"), "more": list("xyzx")})
    Z = fitted(X).transform([["a", "x"], ["c", "w"], [None, NAN], ["b", "z"]])
    assert_array_equal(Z, [[-1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]])


def test_one_value_beside_missing_ones():
    Z, names = column(["a", None, "a"])
    assert Z.ravel().tolist() == [1, 0, 1]
    assert names == ["x0_a"]


def test_all_values_rare():
    X = object_array({"a": list("xyz"), "b": [1, 2, 3]})
    assert fitted(X, min_frequency=2).get_feature_names_out().tolist() == ["x1"]
    Z, names = column(["x", "y", "z", None], min_frequency=2)
    assert (Z.ravel().tolist(), names) == ([1, 1, 1, 0], ["x0_infrequent"])


def test_unobserved_categories_of_a_dtype_are_no_values():
    pd = pytest.importorskip("pandas")
    a = pd.Categorical(list("abca"), categories=list("zabc"))
    X = pd.DataFrame({"a": a})
    preprocessor = fitted(X)
    assert preprocessor.get_feature_names_out().tolist() == ["a_a", "a_b", "a_c"]
    other = pd.DataFrame({"a": pd.Categorical(["z", None, "b"])})
    assert_array_equal(preprocessor.transform(other), [[0] * 3, [0] * 3, [0, 1, 0]])


def test_sparse_columns_of_pandas():
    X = pandas_frame({"a": [0.0, 0.0, 3.0, 1.0], "b": [1, 0, 0, 0]})
    Z = fitted(X.astype("Sparse")).transform(X.astype("Sparse"))
    assert_array_equal(Z, fitted(X).transform(X))


def test_intervals_are_categories():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": pd.cut(np.arange(9.0), 3)})
    assert_array_equal(fitted(X).transform(X), np.repeat(np.eye(3), 3, axis=0))


def test_categories_that_are_numbers_agree_in_every_container():
    values = [3, 1, 2, 1, 3, 2, 2]
    array = np.column_stack([values, range(7)]).astype(float)
    settings = {"categorical_features": [0]}
    Z = TabularPreprocessor(**settings).fit_transform(array)
    assert_array_equal(Z[:, 1:], np.equal.outer(values, [1, 2, 3]))
    table = {"a": values, "b": list(range(7))}
    for X in (array.astype(int), pandas_frame(table), polars_frame(table)):
        preprocessor = fitted(X, **settings)
        assert_array_equal(preprocessor.transform(X), Z)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about names
            assert_array_equal(preprocessor.transform(array), Z)
    X = pandas_frame(table, a="Int64")
    X.loc[0, "a"] = None
    Z[0, 1:] = 0
    assert_array_equal(fitted(X, **settings).transform(X), Z)


@pytest.mark.parametrize(
    ("given", "mask"),
    [
        ("from_dtype", [0, 1, 0]),
        ([], [0, 0, 0]),
        (["c", "b"], [0, 1, 1]),
        (np.array(["b", "c"], dtype=object), [0, 1, 1]),
        ([1, 2], [0, 1, 1]),
        (np.array([1]), [0, 1, 0]),
        ([True, True, False], [1, 1, 0]),
    ],
)
def test_forms_of_categorical_features(given, mask):
    table = {"a": [1.0, 2.0, 3.0], "b": [True, False, True], "c": [1, 2, 1]}
    for make in (pandas_frame, polars_frame):
        preprocessor = fitted(make(table), categorical_features=given)
        assert preprocessor.is_categorical_.dtype == bool
        assert_array_equal(preprocessor.is_categorical_, np.array(mask, dtype=bool))


def test_no_categories():
    X = pandas_frame({"a": [1, 2, 3], "b": [True, False, True]})
    Z = fitted(X, categorical_features=None).transform(X)
    assert_allclose(Z, np.column_stack([scaled(X["a"]), scaled(X["b"])]), atol=1e-6)
    assert not fitted(X.to_numpy(dtype=float)).is_categorical_.any()


# Use


def test_columns_in_another_order():
    for X in (pandas_frame(), polars_frame()):
        preprocessor = fitted(X)
        other = X[list(X.columns)[::-1]]
        assert_array_equal(preprocessor.transform(other), preprocessor.transform(X))
    assert_array_equal(
        preprocessor.transform(pandas_frame()), preprocessor.transform(polars_frame())
    )


def test_missing_and_further_columns():
    X = pandas_frame()
    preprocessor = fitted(X)
    with pytest.raises(ValueError, match="yet now missing:\n- age\n- city\n"):
        preprocessor.transform(X.drop(columns=["city", "age"]))
    with pytest.raises(ValueError, match="unseen at fit time:\n- new\n"):
        preprocessor.transform(X.assign(new=1))
    with pytest.raises(ValueError, match=r"X has 2 features, but Tab.* expecting 7"):
        fitted(object_array()).transform([[1, 2]])


def test_arrays_after_frames_and_frames_after_arrays():
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        Z = fitted(pandas_frame()).transform(object_array())
    assert_allclose(Z, expected(), atol=1e-6)
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        fitted(object_array()).transform(pandas_frame())


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_warnings_when_fitting_point_at_the_call(method, output):
    X = object_array({"a": [1.0, 2.0], "b": [None, NAN]})
    preprocessor = TabularPreprocessor().set_output(transform=output)
    with pytest.warns(UserWarning, match="without any value") as caught:
        getattr(preprocessor, method)(X)
    assert [warning.filename for warning in caught] == [__file__]


def test_warnings_of_names_point_at_the_call():
    preprocessor = fitted(object_array())
    with pytest.warns(UserWarning, match="fitted without feature names") as caught:
        preprocessor.transform(polars_frame())
    assert [warning.filename for warning in caught] == [__file__]


def test_input_is_never_modified():
    X = pandas_frame(city="category")
    before = X.copy()
    fitted(X).transform(X)
    assert X.equals(before)
    array = np.array([[1.0, NAN], [2.0, 3.0], [5.0, 4.0]])
    for given in (array, array.astype(object), np.asfortranarray(array)):
        copy = given.copy()
        given.setflags(write=False)
        fitted(given).transform(given)
        fitted(given, categorical_features=[0]).transform(given)
        assert_array_equal(given.astype(float), copy.astype(float))
    sparse = csr_array(array)
    sparse.data.setflags(write=False)
    fitted(sparse).transform(sparse)
    assert_array_equal(sparse.toarray(), array)


def test_pickles_and_clones():
    X = pandas_frame()
    preprocessor = fitted(X, max_categories=5)
    again = pickle.loads(pickle.dumps(preprocessor))
    assert_array_equal(again.transform(X), preprocessor.transform(X))
    assert_array_equal(
        clone(preprocessor).fit(X).transform(X), preprocessor.transform(X)
    )


def test_output_as_frames():
    X = pandas_frame()
    preprocessor = TabularPreprocessor().set_output(transform="pandas")
    frame = preprocessor.fit_transform(X)
    assert list(frame.columns) == NAMES
    assert_allclose(frame, expected(), atol=1e-6)
    assert frame.index.equals(X.index)
    preprocessor.set_output(transform="polars")
    assert preprocessor.transform(X).columns == NAMES


def test_names_are_all_different():
    X = object_array({"a": list("xyz"), "b": [1, 2, 3], "c": [3, 1, 2]})
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(X, columns=["a", "a_x", "a_x_2"]).infer_objects()
    preprocessor = fitted(X)
    names = preprocessor.get_feature_names_out().tolist()
    assert names == ["a_x", "a_x_2", "a_x_3", "a_y", "a_z"]


def test_pipelines():
    X = pandas_frame()
    y = np.array(TABLE["smokes"])
    model = make_pipeline(TabularPreprocessor(), LogisticRegression())
    assert cross_val_score(model, X, y).min() == 1
    assert model.fit(X, y)[:-1].get_feature_names_out().tolist() == NAMES


# Bad input


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", 1, "b"], "'a' of X must have values of one type. Got int and str"),
        ([date(2020, 1, 1)] * 3, r"'a' of X .* Got dates \(date\).* days since"),
        (np.array(["2020-01-01"] * 3, "M8[ns]"), r"Got dates \(datetime64\[ns\]\)"),
        ([timedelta(1)] * 3, r"'a' of X .* Got durations \(timedelta64.* Divide"),
        (
            [1j, 2, 3],
            r"Got complex numbers \(complex128\).* Complex data not supported",
        ),
        ([[1], [2], [3]], "must have numbers or strings. Got values of type list"),
        ([1, np.inf, 2], "Input X contains infinity or .*: see Column 'a' of X"),
        (np.array([10**400, 1, 2], object), "Input X contains infinity"),
    ],
)
def test_columns_that_are_refused(values, message):
    pd = pytest.importorskip("pandas")
    table = {
        "b": [1, 2, 3],
        "a": pd.Series(values, dtype=getattr(values, "dtype", None)),
    }
    X = pd.DataFrame(table)
    with pytest.raises(ValueError, match=message):
        fitted(X)


@pytest.mark.parametrize("kind", ["Date", "Datetime", "Duration", "Time"])
def test_dates_of_polars_are_refused(kind):
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"a": [1, 2]}).select(pl.col("a").cast(getattr(pl, kind)))
    found = "durations" if kind == "Duration" else "dates"
    with pytest.raises(ValueError, match=rf"'a' of X .* Got {found} \({kind}"):
        fitted(X)


def test_bad_frames():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"different names. Got 'a' more than once"):
        fitted(X)
    with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 3\)\)"):
        fitted(pandas_frame({"a": [], "b": [], "c": []}))
    with pytest.raises(ValueError, match=r"0 feature\(s\) \(shape=\(3, 0\)\)"):
        fitted(pd.DataFrame(index=range(3)))
    with pytest.raises(ValueError, match=r"Expected a 2-dim|Expected 2D"):
        fitted(pd.Series([1.0, 2.0]))
    with pytest.raises(TypeError, match="only supported if all input features"):
        fitted(pd.DataFrame({"a": [1, 2], 3: [1, 2]}))
    with pytest.raises(TypeError, match=r"lazy frame instead: pass X.collect\(\)"):
        fitted(polars_frame().lazy())


def test_constant_tables():
    with pytest.raises(ValueError, match="No column of X has two different values, so"):
        fitted(np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"values \(X contains only one sample\)"):
        fitted([[1.0, 2.0]])


def test_infinite_numbers():
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fitted([[1.0], [np.inf]])
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fitted(csr_array([[1.0], [np.inf]]))
    if np.finfo(np.longdouble).max > np.finfo(float).max:
        with pytest.raises(ValueError, match=r"infinity .*: see Column 1 of X"):
            fitted(np.array([[1, 1], [2, 2]]) * np.array([1, np.longdouble("1e400")]))


def test_values_of_another_type_than_in_training():
    preprocessor = fitted(pandas_frame())
    with pytest.raises(ValueError, match=r"'city' of X .* data, str. Got numbers"):
        preprocessor.transform(pandas_frame().assign(city=3))
    with pytest.raises(ValueError, match=r"'age' of X must have numbers. Got .* str"):
        preprocessor.transform(pandas_frame().assign(age="old"))
    with pytest.raises(ValueError, match="'categorical_features' when fitting"):
        fitted(pandas_frame(), categorical_features=None)
    some = pandas_frame(age=object)
    some["age"] = [Decimal("21.5")] * N
    some["city"] = None
    assert (preprocessor.transform(some)[:, -3:] == 0).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("from_dtyp", "Did you mean 'from_dtype'"),
        (3, "The 'categorical_features' parameter of TabularPreprocessor must be"),
        ([1.5], "array-like of bool, int or str of one dimension, got: float64"),
        ([True, False], r"must have shape \(n_features,\), which is \(7,\), got: \(2,"),
        ([7], r"indices must be in .* which is \[0, 6\], got: \[7\]"),
        ([-1], "categorical_features set as integer indices must be in"),
        (["town"], "item value 'town' which is not a valid feature name .* 'city'"),
        (np.array(["city", 3], object), "bool, int or str .*, got: int and str"),
        ([[1, 2]], "of one dimension"),
    ],
)
def test_bad_categorical_features(given, message):
    with pytest.raises(ValueError, match=message):
        fitted(pandas_frame(), categorical_features=given)


def test_names_of_categories_in_an_array():
    with pytest.raises(ValueError, match=r"without feature names. Got \['city'\]"):
        fitted(object_array(), categorical_features=["city"])


@pytest.mark.parametrize(
    "bad",
    [
        {"max_categories": 1},
        {"max_categories": 2.5},
        {"min_frequency": 0},
        {"min_frequency": 1.0},
        {"target_encoding": "regression"},
        {"dtype": "float16"},
        {"dtype": int},
        {"random_state": "zero"},
    ],
)
def test_bad_parameters(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"The '{name}' parameter of TabularPre"):
        fitted(object_array(), **bad)
    with pytest.raises(ValueError, match="The 'limit' parameter of RobustSmooth"):
        RobustSmoothClipper(limit=0).fit([[1.0]])


def test_wrong_names_of_the_input():
    preprocessor = fitted(pandas_frame())
    with pytest.raises(ValueError, match="is not equal to feature_names_in_"):
        preprocessor.get_feature_names_out(list("abcdefg"))
    with pytest.raises(ValueError, match=r"equal to number of features \(7\), got 2"):
        fitted(object_array()).get_feature_names_out(["a", "b"])


def test_codes_are_those_of_the_ordinal_encoder():
    values = RNG.choice(["b", "a", "c", "ä", "Z"], 50)
    X = object_array({"a": values.tolist()})
    codes = OrdinalEncoder().fit_transform(X).ravel().astype(int)
    assert_array_equal(fitted(X).transform(X).argmax(axis=1), codes)


# ------------------------------------------------- the container, and failed fits


def test_the_container_of_a_transform_does_not_matter():
    X = RNG.randn(40, 3) + 5
    dense = TabularPreprocessor(n_bins=4).fit(X)
    assert_array_equal(dense.transform(csr_array(X)), dense.transform(X))
    by_rows = TabularPreprocessor(n_bins=4).fit(csr_array(X))
    found = by_rows.transform(X)
    assert issparse(found)
    assert_array_equal(found.toarray(), by_rows.transform(csr_array(X)).toarray())


def test_a_failed_fit_leaves_the_preprocessor_as_it_was():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": RNG.randn(20), "b": RNG.randn(20)})
    preprocessor = TabularPreprocessor().fit(X)
    before = preprocessor.transform(X)
    with pytest.raises(ValueError, match="infinity"):
        preprocessor.fit(pd.DataFrame({"u": X["a"], "v": np.inf}))
    assert preprocessor.get_feature_names_out().tolist() == ["a", "b"]
    assert_array_equal(preprocessor.transform(X), before)
    assert not hasattr(preprocessor.fit(X.to_numpy()), "feature_names_in_")


@pytest.mark.parametrize("later", ["q", 1.5, True])
def test_a_column_without_values_is_ignored_whatever_comes_later(later):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": RNG.randn(20), "empty": None})
    with pytest.warns(UserWarning, match="without any value"):
        preprocessor = TabularPreprocessor().fit(X)
    expected = preprocessor.transform(X)
    assert_array_equal(preprocessor.transform(X.assign(empty=later)), expected)
