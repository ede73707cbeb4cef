"""Numbers as positions in bins: the parameter ``n_bins``."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skoptnet.tabular import TabularPreprocessor
from skoptnet.tabular.smooth_clip import quantiles

NAN = np.nan
RNG = np.random.RandomState(0)


def columns(preprocessor, X):
    """Return the scaled columns, and those of the bins."""
    names = preprocessor.get_feature_names_out()
    is_bin = np.array(["_bin" in name for name in names])
    Z = preprocessor.transform(X)
    return Z[:, ~is_bin], Z[:, is_bin]


def fitted(X, n_bins, w=None):
    return TabularPreprocessor(n_bins=n_bins, dtype="float64").fit(X, None, w)


@pytest.mark.parametrize(
    ("averaged", "method"),
    [(True, "averaged_inverted_cdf"), (False, "inverted_cdf")],
)
@pytest.mark.parametrize("n", [1, 2, 12, 37])
def test_quantiles_are_those_of_numpy(averaged, method, n):
    x, w = RNG.randn(n), RNG.randint(1, 4, n)
    shares = np.linspace(0, 1, 9)
    found = quantiles(x, np.ones(n), shares, averaged=averaged)
    assert_allclose(found, np.quantile(x, shares, method=method), rtol=1e-15)
    found = quantiles(x, w, shares, averaged=averaged)
    expected = np.quantile(x.repeat(w), shares, method=method)
    assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("n_bins", [2, 5, 7])
def test_bins_by_linear_interpolation(n_bins):
    X = RNG.standard_t(3, (83, 2))
    preprocessor = fitted(X, n_bins)
    scaled, found = columns(preprocessor, X)
    shares = np.linspace(0, 1, n_bins + 1)
    edges = np.quantile(scaled, shares, axis=0, method="inverted_cdf")
    for rows in (X, 3 * RNG.randn(20, 2)):
        scaled, found = columns(preprocessor, rows)
        expected = [
            np.interp(scaled[:, j], edges[t : t + 2, j], [0, 1])
            for j in range(2)
            for t in range(n_bins)
        ]
        assert_allclose(found, np.column_stack(expected), atol=1e-6)
    names = [f"x{j}_bin{t}" for j in range(2) for t in range(n_bins)]
    assert preprocessor.get_feature_names_out()[2:].tolist() == names


def test_edges_are_values_of_the_column():
    """So each edge is a row whose bins are all full or all empty."""
    X = RNG.choice([0.0, 1.0, 2.0, 5.0, 9.0], (100, 1))
    _, found = columns(fitted(X, 20), X)
    assert found.shape[1] == 4
    assert_array_equal(np.unique(found), [0, 1])
    full = np.searchsorted([1, 2, 5, 9], X[:, 0], side="right")
    assert_array_equal(found.sum(axis=1), full)


@pytest.mark.parametrize("values", [[0, 1], [-1, 7], [3, 3, 4]])
@pytest.mark.parametrize("missing", [False, True])
def test_a_column_of_two_values_has_no_bins(values, missing):
    """Not even where the median is the average of the two."""
    x = np.tile(np.array(values, dtype=float), 12)
    X = np.column_stack([x, np.arange(len(x))])
    if missing:
        X = np.vstack([X, [NAN, 3.5], [NAN, 8.5]])
    names = fitted(X, 4).get_feature_names_out()
    assert [name for name in names if "_bin" in name] == [
        f"x1_bin{t}" for t in range(4)
    ]


@pytest.mark.parametrize(
    ("n_rows", "n_bins"), [(50, 4), (900, 9), (10_000, 30), (40_000, 48)]
)
def test_the_number_of_bins_by_itself(n_rows, n_bins):
    X = np.arange(n_rows, dtype=float)[:, np.newaxis]
    _, found = columns(fitted(X, "auto"), X[:2])
    assert found.shape == (2, n_bins)


def test_rows_without_weight_do_not_add_bins():
    X = RNG.randn(2000, 1)
    w = np.arange(2000) < 900
    _, found = columns(fitted(X, "auto", w), X[:2])
    assert found.shape == (2, 9)


def test_missing_numbers_are_encoded_as_the_median():
    X = RNG.randn(41, 2)
    median = np.median(X[:, 0])
    X = np.vstack([X, [[NAN, 0.5]] * 7])
    preprocessor = fitted(X, 5)
    _, missing = columns(preprocessor, [[NAN, 0.5]])
    _, found = columns(preprocessor, [[median, 0.5]])
    assert_array_equal(missing, found)
    assert 0 < missing[0, :5].sum() < 5
    # They have no part in the edges.
    scaled, found = columns(preprocessor, X[:41])
    edges = np.quantile(scaled[:, 0], np.linspace(0, 1, 6), method="inverted_cdf")
    expected = np.interp(scaled[:, 0], edges, np.arange(6))
    assert_allclose(found[:, :5].sum(axis=1), expected, atol=1e-6)


@pytest.mark.parametrize("n_bins", [4, 9])
def test_weights_are_repeated_rows(n_bins):
    X, w = RNG.standard_t(3, (60, 3)), RNG.randint(0, 4, 60)
    once, repeated = fitted(X, n_bins, w), fitted(X.repeat(w, axis=0), n_bins)
    assert_allclose(once.transform(X), repeated.transform(X), atol=1e-7)
    without = fitted(X, n_bins)
    assert not np.allclose(once.transform(X), without.transform(X), atol=1e-2)
