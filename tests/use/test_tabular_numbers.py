"""Columns of numbers in a `TabularPreprocessor`: scaled, clipped, weighted, missing."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from preprocessed import (
    NAN,
    QUANTILES,
    clipped,
    fitted,
    object_array,
    pandas_frame,
    polars_frame,
    scaled,
)
from scipy.sparse import csc_array, csr_array, csr_matrix, issparse
from sklearn.base import clone
from sklearn.preprocessing import RobustScaler

from skoptnet.tabular import TabularPreprocessor
from skoptnet.tabular.smooth_clip import RobustSmoothClipper

RNG = np.random.RandomState(0)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_weights_are_numbers_of_rows(container):
    X = RNG.standard_t(2, (50, 3)) * (RNG.rand(50, 3) < 0.6)
    w = RNG.randint(0, 4, 50)
    once = RobustSmoothClipper().fit(container(X), sample_weight=w)
    repeated = RobustSmoothClipper().fit(container(X.repeat(w, axis=0)))
    assert_allclose(once.center_, repeated.center_)
    assert_allclose(once.scale_, repeated.scale_)
    assert_allclose(once.center_, np.quantile(X.repeat(w, axis=0), 0.5, axis=0))


def test_weights_count_for_rare_categories():
    X = np.array([[c] for c in "aaabbcde"], dtype=object)
    w = np.array([0, 0, 1, 1, 1, 5, 5, 0])
    preprocessor = TabularPreprocessor(max_categories=3).fit(X, None, w)
    repeated = TabularPreprocessor(max_categories=3).fit(X.repeat(w, axis=0))
    names = preprocessor.get_feature_names_out().tolist()
    assert names == repeated.get_feature_names_out().tolist()
    assert names == ["x0_c", "x0_d", "x0_infrequent"]
    assert_allclose(preprocessor.transform(X), repeated.transform(X))


@pytest.mark.parametrize(
    ("w", "message"),
    [([1, -1], "must not be negative"), ([0, 0], "zero for all"), ([1], "shape|inco")],
)
def test_weights_are_checked(w, message):
    with pytest.raises(ValueError, match=message):
        TabularPreprocessor().fit([[1.0], [2.0]], None, w)


@pytest.mark.parametrize("w", [1e308, 1e300, 1e-300, 5e-324])
@pytest.mark.parametrize("container", [np.array, csr_array])
def test_the_unit_of_weights_does_not_count(w, container):
    X = container(np.column_stack([np.arange(10.0), RNG.randn(10)]))
    for estimator in (TabularPreprocessor(n_bins=4), RobustSmoothClipper()):
        Z = clone(estimator).fit(X).transform(X)
        weighted = clone(estimator).fit(X, sample_weight=np.full(10, w)).transform(X)
        if issparse(Z):
            Z, weighted = Z.toarray(), weighted.toarray()
        assert_allclose(weighted, Z)


def test_smooth_clip_is_the_robust_scaler_clipped():
    # With 4 k + 1 numbers, the quartiles are numbers by every definition.
    X = RNG.standard_t(2, (201, 4)) * [1, 1e-3, 1e6, 5] + [0, 1, 1e7, -3]
    X[RNG.permutation(201)[:20]] = NAN
    clipper = RobustSmoothClipper(limit=2.5)
    Z = clipper.fit_transform(X)
    assert_allclose(Z, clipped(RobustScaler().fit_transform(X), 2.5), rtol=1e-12)
    assert np.nanmax(np.abs(Z)) < 2.5
    assert_allclose(clipper.center_, np.nanmedian(X, axis=0))


def test_equal_quartiles():
    x = np.array([-1.0] + [0.0] * 9 + [4.0])[:, np.newaxis]
    assert_allclose(RobustSmoothClipper().fit_transform(x)[-1], clipped(4 / 2.5))


@pytest.mark.parametrize("n_high", [1, 3, 5, 9])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-7, 1e6), (2, 2 + 1e-9)])
def test_two_numbers_are_equally_far_from_zero(low, high, n_high):
    """However often they occur; other numbers, which come later, keep their order."""
    x = np.array([low] * (10 - n_high) + [high] * n_high + [NAN])[:, np.newaxis]
    clipper = RobustSmoothClipper()
    Z = clipper.fit_transform(x)[:, 0]
    assert_allclose(Z[:10], [-clipped(1)] * (10 - n_high) + [clipped(1)] * n_high)
    assert np.isnan(Z[10])
    assert_allclose(fitted(x).transform(x)[10], [0, 1], atol=1e-7)
    further = clipper.transform([[low - 1], [low], [(low + high) / 2], [high + 1]])
    assert (np.diff(further, axis=0) > 0).all()


@pytest.mark.parametrize("unit", [1e300, 1.7e308, 5e-324, 1e-310, 1e-200])
@pytest.mark.parametrize(
    "values",
    [[-1, -0.5, 0, 0.5, 1], [-1, 0, 0, 0, 1], [0, 0, 0, 0, 1], [1, 1, 1, 1, 0]],
)
def test_numbers_of_any_size(values, unit):
    x = np.array(values)[:, np.newaxis] * unit
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        preprocessor = fitted(x)
        Z = preprocessor.transform(x)
        far = preprocessor.transform([[1.7e308], [-1.7e308], [5e-324], [0.0]])
    assert np.isfinite(Z).all()
    assert np.isfinite(far).all()
    assert np.abs(far).max() <= 3
    assert (
        np.argsort(Z[:, 0], kind="stable") == np.argsort(x[:, 0], kind="stable")
    ).all()
    if unit > 1e-300:
        assert_allclose(Z[:, 0], scaled(values), rtol=1e-6)


def test_missing_numbers_where_training_had_none():
    X = np.arange(10.0).reshape(-1, 1)
    preprocessor = fitted(X)
    assert_array_equal(preprocessor.transform([[NAN], [4.5]]), [[0], [0]])


def test_missing_numbers_in_a_constant_column():
    X = np.array([[1.0, 0.0], [1.0, 1.0], [NAN, 2.0]])
    preprocessor = fitted(X)
    assert preprocessor.get_feature_names_out().tolist() == [
        "x1",
        "missingindicator_x0",
    ]
    assert preprocessor.transform(X)[:, 1].tolist() == [0, 0, 1]


@pytest.mark.parametrize("make", [pandas_frame, polars_frame])
def test_columns_without_values_are_left_out(make):
    X = make({"a": [1.0, 2.0, 3.0], "b": [None] * 3, "c": [NAN] * 3})
    with pytest.warns(UserWarning, match=r"left out: \['b', 'c'\]\. Fill them in"):
        preprocessor = fitted(X)
    assert preprocessor.get_feature_names_out().tolist() == ["a"]
    other = make({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [None, 1.0]})
    assert preprocessor.transform(other).shape == (2, 1)


def test_a_category_without_values_is_left_out():
    X = object_array({"a": [1.0, 2.0], "b": [None, NAN]})
    with pytest.warns(UserWarning, match="without any value"):
        assert fitted(X, categorical_features=[1]).transform(X).shape == (2, 1)


# Sparse matrices


@pytest.mark.parametrize("container", [csr_array, csc_array, csr_matrix])
def test_sparse_columns_are_scaled_like_dense_ones_but_not_centred(container):
    X = RNG.randn(80, 12) * (RNG.rand(80, 12) < np.linspace(0, 1, 12))
    given = container(X)
    preprocessor = TabularPreprocessor(dtype="float64")
    Z = preprocessor.fit_transform(given)
    assert issparse(Z)
    assert Z.format == "csr"
    dense = RobustSmoothClipper().fit(X)
    kept = ~dense.is_constant_
    assert_allclose(Z.toarray(), clipped(X / dense.scale_)[:, kept])
    assert Z.nnz == np.count_nonzero(X)
    assert_array_equal(given.toarray(), X)
    assert_array_equal(preprocessor.transform(given).toarray(), Z.toarray())
    assert fitted(given).transform(given).dtype == np.float32


def test_missing_numbers_in_sparse_matrices():
    X = RNG.rand(30, 3) + 1
    X[:3, 0] = NAN
    X[5:, 1] = 0
    preprocessor = TabularPreprocessor(dtype="float64")
    Z = preprocessor.fit_transform(csr_array(X)).toarray()
    median = np.nanmedian(X[:, 0])
    width = np.subtract(*np.nanpercentile(X[:, 0], [75, 25], method=QUANTILES))
    assert_allclose(Z[:3, 0], clipped(median / width))
    assert Z[:, 3].tolist() == [1] * 3 + [0] * 27
    assert preprocessor.get_feature_names_out()[-1] == "missingindicator_x0"


def test_sparse_matrices_have_no_categories():
    X = csr_array(np.eye(3))
    with pytest.raises(ValueError, match="categorical_features must be None or"):
        fitted(X, categorical_features=[0])
    model = fitted(object_array({"a": [1, 2, 3], "b": [4.0, 5.0, 6.0]}))
    assert model.transform(csr_array(np.ones((2, 2)))).shape == (2, 2)
    model = fitted(object_array({"a": list("xyz"), "b": [4.0, 5.0, 6.0]}))
    with pytest.raises(ValueError, match=r"1 categorical column\(s\). Got a sparse"):
        model.transform(csr_array(np.ones((2, 2))))
