"""Rows, labels and targets in every form they come in, and their dtypes."""

import pickle

import numpy as np
import pandas as pd
import pytest
from problems import (
    DIGITS,
    ESTIMATORS,
    IRIS,
    KINDS,
    NUMBERS,
    X,
    assert_same_state,
    batched,
    rate_for,
    target,
)
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, issparse
from sklearn.base import clone, is_classifier

from skoptnet import (
    MLPClassifierX,
    MLPRegressorX,
    StepDecay,
)
from skoptnet.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_single_precision_stays_single(Estimator, container, solver):
    """Also where y, weights and hyperparameters come in double precision."""
    y, X32 = target(Estimator), container(X.astype(np.float32))
    model = batched(
        Estimator,
        solver=solver,
        alpha=np.float64(0.01),
        learning_rate_init=np.float64(0.02),
        momentum=np.float64(0.8),
        lr_schedule="exponential",
    )
    model.fit(X32, y, sample_weight=np.linspace(0.5, 1, len(y)))
    arrays = {
        "coefs_": model.coefs_,
        "intercepts_": model.intercepts_,
        "predict_proba": [model.predict_proba(X32)]
        if hasattr(model, "predict_proba")
        else [model.predict(X32)],
        "state": [
            value for value in vars(model._run.state).values() if np.ndim(value) == 1
        ],
    }
    assert len(arrays["state"]) == len(OPTIMIZERS[solver].memory)
    for name, found in arrays.items():
        assert {array.dtype for array in found} <= {np.dtype(np.float32)}, name
    model.partial_fit(container(X), y)
    assert model.coefs_[0].dtype == np.float32
    double = clone(model).fit(container(X), y)
    assert double.coefs_[0].dtype == np.float64
    assert double.coefs_[0].shape == (4, 6)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_single_precision_learns_what_double_does(Estimator):
    y = target(Estimator)
    single = batched(Estimator, max_iter=30).fit(X.astype(np.float32), y)
    double = batched(Estimator, max_iter=30).fit(X, y)
    assert np.allclose(single.coefs_[0], double.coefs_[0], rtol=1e-2, atol=1e-3)
    assert abs(single.score(X.astype(np.float32), y) - double.score(X, y)) < 0.02


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_read_only_memory_maps_can_be_learnt_from(Estimator, solver, tmp_path):
    y = IRIS.target if Estimator is MLPClassifierX else NUMBERS
    maps = []
    for name, array in (("X", X), ("y", y), ("w", np.ones(len(y)))):
        np.save(tmp_path / name, array)
        maps.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
        assert isinstance(maps[-1], np.memmap)
        assert not maps[-1].flags.writeable
    model = batched(Estimator, solver=solver).fit(*maps)
    assert_same_state(model, batched(Estimator, solver=solver).fit(X, y, np.ones(150)))
    assert np.array_equal(model.predict(maps[0]), model.predict(X))
    model.partial_fit(*maps[:2])


def wide_indices(X):
    array = csr_array(X)
    array.indices = array.indices.astype(np.int64)
    array.indptr = array.indptr.astype(np.int64)
    assert array.indices.dtype == np.int64
    return array


@pytest.mark.parametrize(
    "container", [csr_array, csc_array, coo_array, csr_matrix, wide_indices]
)
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_sparse_is_dense_to_rounding(Estimator, solver, container):
    rows, elsewhere = DIGITS.data[:150] / 16, DIGITS.data[500:600] / 16
    y = DIGITS.target[:150]
    model = batched(Estimator, solver=solver, max_iter=4)
    dense = clone(model).fit(rows, y)
    sparse = clone(model).fit(container(rows), y)
    for ours, theirs in zip(sparse.coefs_, dense.coefs_, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    method = "predict_proba" if Estimator is MLPClassifierX else "predict"
    assert np.allclose(
        getattr(sparse, method)(container(elsewhere)),
        getattr(dense, method)(elsewhere),
        rtol=1e-6,
        atol=1e-9,
    )
    sparse.partial_fit(container(rows), y)


@pytest.mark.parametrize("container", [csr_array, csc_array, csr_matrix])
def test_multilabel_targets_dense_and_sparse(container):
    model = batched(MLPClassifierX, max_iter=40)
    dense = clone(model).fit(X, KINDS)
    sparse = clone(model).fit(X, container(KINDS))
    assert_same_state(dense, sparse)
    assert not issparse(dense.predict(X))
    assert issparse(sparse.predict(X))
    assert np.array_equal(sparse.predict(X).toarray(), dense.predict(X))
    assert dense.score(X, KINDS) > 0.9
    assert dense.predict_proba(X).shape == (150, 2)
    assert_same_state(clone(model).fit(X, KINDS.tolist()), dense)
    assert_same_state(clone(model).fit(X, KINDS.astype(bool)), dense)


def as_given(labels):
    return np.asarray(labels)


@pytest.mark.parametrize(
    ("classes", "as_target"),
    [
        (["b", "a", "c"], as_given),
        (["b", "a", "c"], list),
        (["b", "a", "c"], pd.Series),
        (["b", "a", "c"], lambda y: pd.Series(y, dtype="category")),
        (["b", "a", "c"], lambda y: np.array(y, dtype=object)),
        ([True, False], as_given),
        ([True, False], pd.Series),
        ([2, -1, 10], as_given),
        ([2.0, -1.0, 10.0], as_given),
        ([np.int8(3), np.int8(1)], as_given),
    ],
)
def test_labels_of_any_kind(classes, as_target):
    """The labels given are the labels predicted; their kind changes no weight."""
    codes = IRIS.target % len(classes)
    ordered = sorted(classes)
    y = as_target([classes[code] for code in codes])
    model = batched(MLPClassifierX, max_iter=60).fit(X, y)
    assert list(model.classes_) == ordered
    assert set(model.predict(X)) == set(classes)
    assert model.score(X, y) > 0.75
    ranks = [ordered.index(classes[code]) for code in codes]
    assert_same_state(model, batched(MLPClassifierX, max_iter=60).fit(X, ranks))


def list_of_lists(X):
    return X.tolist()


def frame(X):
    return pd.DataFrame(X)


def strided(X):
    wide = np.zeros((X.shape[0] * 2, X.shape[1] * 3))
    wide[::2, ::3] = X
    return wide[::2, ::3]


@pytest.mark.parametrize("form", [np.asfortranarray, list_of_lists, frame, strided])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_form_of_the_rows_does_not_matter(Estimator, form):
    y = target(Estimator)
    model = batched(Estimator).fit(form(X), y)
    assert_same_state(model, batched(Estimator).fit(X, y))
    # Memory laid out otherwise may be multiplied in another order.
    raw = model.decision_function if is_classifier(model) else model.predict
    np.testing.assert_allclose(raw(form(X)), raw(X), rtol=1e-9, atol=1e-12)


def test_the_form_of_a_regression_target_does_not_matter():
    plain = batched(MLPRegressorX).fit(X, NUMBERS)
    for y in (NUMBERS.tolist(), pd.Series(NUMBERS), NUMBERS[::-1][::-1]):
        assert_same_state(batched(MLPRegressorX).fit(X, y), plain)
    whole_numbers = batched(MLPRegressorX).fit(X, IRIS.target)
    assert_same_state(batched(MLPRegressorX).fit(X, IRIS.target * 1.0), whole_numbers)
    Y = np.column_stack([NUMBERS, X[:, 0]])
    several = batched(MLPRegressorX).fit(X, Y)
    for y in (Y.tolist(), pd.DataFrame(Y), np.asfortranarray(Y)):
        assert_same_state(batched(MLPRegressorX).fit(X, y), several)
    assert several.predict(X).shape == (150, 2)
    assert several.n_outputs_ == 2


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_series_is_no_table(Estimator):
    """It has a single dtype, where a data frame has one per column."""
    y = target(Estimator)
    model = batched(Estimator).fit(X[:, :1], y)
    for call in (lambda: model.fit(pd.Series(X[:, 0]), y),
                 lambda: model.predict(pd.Series(X[:, 0]))):  # fmt: skip
        with pytest.raises(ValueError, match=r"2-dimensional container|2D array"):
            call()


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_nothing_that_is_passed_in_is_changed(
    Estimator, solver, container, early_stopping
):
    rows, y = container(X.copy()), target(Estimator).copy()
    weights = np.linspace(0.0, 2.0, len(y))
    given = {"solver": OPTIMIZERS[solver](), "lr_schedule": StepDecay()}
    given["learning_rate_init"] = rate_for(solver, 0.02)
    model = batched(Estimator, early_stopping=early_stopping, **given)

    def everything():
        return pickle.dumps((rows, y, weights, given, model.get_params()))

    before = everything()
    model.fit(rows, y, sample_weight=weights)
    model.predict(rows)
    model.score(rows, y, sample_weight=weights)
    if Estimator is MLPClassifierX:
        model.predict_log_proba(rows)
    if not early_stopping:
        model.partial_fit(rows, y, sample_weight=weights)
    model.set_params(warm_start=True).fit(rows, y, sample_weight=weights)
    model.set_params(warm_start=False)
    assert everything() == before
    assert model.solver is given["solver"]
