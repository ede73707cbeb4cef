"""Small arrays are looked at quickly once a model is fitted: with no other result.

Whatever the quick look does not know goes to scikit-learn's, which refuses what cannot
be used.
"""

import numpy as np
import pytest

from skoptnet import MLPClassifierX, MLPRegressorX

PLAIN = np.random.RandomState(0).standard_normal((30, 4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_are_looked_at_quickly_give_what_scikit_learns_look_gives(dtype):
    X, y = PLAIN.astype(dtype), PLAIN[:, 0] > 0
    models = [MLPClassifierX((5,), random_state=0) for _ in range(2)]
    for _ in range(3):
        models[0].partial_fit(X, y.astype(int), classes=[0, 1])
        models[1].partial_fit(np.asfortranarray(X), y.astype(int), classes=[0, 1])
    given = X.copy()
    outputs = [
        models[0].predict_proba(X),
        models[1].predict_proba(np.asfortranarray(X)),
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-5 if dtype is np.float32 else 1e-12)
    np.testing.assert_array_equal(X, given)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.where(PLAIN[3, 1] == PLAIN, np.nan, PLAIN), "NaN"),
        (np.where(PLAIN[29, 3] == PLAIN, np.inf, PLAIN), "infinity"),
        (PLAIN[:, :3].copy(), "3 features"),
        (PLAIN[:0], "0 sample"),
        (PLAIN[0], "1D array"),
        (PLAIN[None], "dim 3"),
        (PLAIN + 1j, "Complex"),
        (PLAIN.astype(str).astype(object) + "x", "could not convert"),
    ],
    ids=["nan", "inf", "features", "empty", "1-D", "3-D", "complex", "words"],
)
def test_rows_that_cannot_be_used_are_refused_once_fitted(X, message):
    y = np.zeros(len(PLAIN))
    model = MLPRegressorX((5,), random_state=0).partial_fit(PLAIN, y)
    for call in (model.predict, lambda X: model.partial_fit(X, y[: len(X)])):
        with pytest.raises(ValueError, match=message):
            call(X)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_targets_that_cannot_be_used_are_refused_once_fitted(bad):
    y = PLAIN[:, 0].copy()
    model = MLPRegressorX((5,), random_state=0).partial_fit(PLAIN, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.partial_fit(PLAIN, y[1:])
    y[7] = bad
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        model.partial_fit(PLAIN, y)


def test_names_of_columns_are_compared():
    pandas = pytest.importorskip("pandas")
    y = PLAIN[:, 0]
    named = pandas.DataFrame(PLAIN, columns=list("abcd"))
    model = MLPRegressorX((5,), random_state=0).partial_fit(named, y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(named.rename(columns={"d": "e"}), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(PLAIN)
