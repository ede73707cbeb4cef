"""Arrays as other programs make them: index types, byte order, strides, alignment.

What the estimators compute of them is what they compute of the same numbers in arrays
of NumPy's own; indices outside of a sparse container's shape are refused.
"""

import joblib
import numpy as np
import pytest
from problems import ESTIMATORS, assert_refused, batched, small
from scipy.sparse import (
    bsr_array,
    coo_array,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    issparse,
    lil_array,
)
from sklearn.base import clone
from sklearn.datasets import load_digits

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet._kernels import enabled
from skoptnet.compiled import Kernel, outputs, readable
from skoptnet.network import Network
from skoptnet.training import TrainingSet

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of:sklearn.exceptions.ConvergenceWarning"
)

X = load_digits().data[:150] / 16
LABELS = load_digits().target[:150]
NUMBERS = X[:, 20:24].sum(axis=1) - 2
PARTS = ("data", "indices", "indptr")


def strided(array):
    return np.repeat(array, 2, axis=0)[::2]


def backwards(array):
    return array[::-1].copy()[::-1]


def misaligned(array):
    memory = np.empty(array.nbytes + 1, dtype=np.uint8)
    other = memory[1:].view(array.dtype).reshape(array.shape)
    other[...] = array
    assert not other.flags.aligned
    return other


def swapped(array):
    return array.astype(array.dtype.newbyteorder(">"))


class Own(np.ndarray):
    """A subclass, as units and masks are."""


def of_own_class(array):
    return array.view(Own)


ARRANGED = (strided, backwards, misaligned, swapped, of_own_class)
FORMS = {
    f"{change.__name__} {part}": {part: change} for change in ARRANGED for part in PARTS
} | {
    f"{indices} indices, {indptr} indptr": {
        "indices": lambda a, to=indices: a.astype(to),
        "indptr": lambda a, to=indptr: a.astype(to),
    }
    for indices, indptr in [
        ("i4", "i8"), ("i8", "i4"), ("i2", "i2"), ("u2", "i8"), ("u4", "u4"),
        ("u8", "u8"), (">i4", ">i4"), (">i8", ">i8"), ("<i4", ">i4"),
    ]
}  # fmt: skip
forms = pytest.mark.parametrize("form", FORMS)


def built(form, container, rows):
    """Return a container with other arrays than SciPy gives it."""
    made = container(rows)
    for part, change in FORMS[form].items():
        setattr(made, part, change(getattr(made, part)))
    return made


def raw(model, rows):
    method = "predict_proba" if isinstance(model, MLPClassifierX) else "predict"
    return getattr(model, method)(rows)


def content(rows):
    return joblib.hash([getattr(rows, part) for part in PARTS])


@forms
@pytest.mark.parametrize("container", [csr_array, csc_matrix])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_every_container_is_as_dense(Estimator, container, form):
    y = LABELS if Estimator is MLPClassifierX else NUMBERS
    rows = built(form, container, X)
    before = content(rows)
    for given in ({}, {"early_stopping": True}, {"solver": "gd"}):
        dense = batched(Estimator, **given).fit(X, y)
        sparse = batched(Estimator, **given).fit(rows, y)
        for name in ("loss_curve_", "validation_scores_"):
            if getattr(dense, name) is not None:
                np.testing.assert_allclose(getattr(sparse, name), getattr(dense, name))
        np.testing.assert_allclose(raw(dense, rows), raw(dense, X), rtol=1e-9)
        np.testing.assert_allclose(
            dense.hidden_activations(rows), dense.hidden_activations(X), atol=1e-9
        )
        assert np.isclose(dense.score(rows, y), dense.score(X, y))
    own = batched(Estimator, early_stopping=True)
    dense, sparse = (clone(own).fit(X, y, X_val=V, y_val=y) for V in (X, rows))
    np.testing.assert_allclose(
        sparse.history_["validation_loss"], dense.history_["validation_loss"]
    )
    np.testing.assert_allclose(
        raw(batched(Estimator).fit(X, y).partial_fit(rows, y), X),
        raw(batched(Estimator).fit(X, y).partial_fit(X, y), X),
        rtol=1e-6,
    )
    assert content(rows) == before


@forms
def test_blocks_of_every_container_are_right(form, monkeypatch):
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 33 * 20)
    model = small(MLPRegressorX).fit(X, NUMBERS)
    rows = built(form, csr_array, X)
    assert model._network.block_rows(rows) < 50
    np.testing.assert_allclose(model.predict(rows), model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("change", [*ARRANGED, np.asfortranarray])
def test_every_dense_array_is_as_numpys(change, dtype):
    plain = X.astype(dtype)
    y, w = NUMBERS.astype(dtype), np.linspace(0.5, 2, len(X)).astype(dtype)
    other = change(plain)
    if change is strided:
        other = np.repeat(plain, 2, axis=1)[:, ::2]
    one, two = (batched(MLPRegressorX) for _ in range(2))
    one.fit(plain, y, w)
    of_vector = strided if change is np.asfortranarray else change
    two.fit(other, of_vector(y), of_vector(w))
    expected = one.predict(plain)
    tolerance = 1e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(
        two.predict(other), expected, rtol=tolerance, atol=tolerance / 100
    )
    if change is not swapped:  # scikit-learn turns other byte orders into float64
        assert two.coefs_[0].dtype == dtype
        for ours, theirs in zip(two.coefs_, one.coefs_, strict=True):
            assert np.array_equal(ours, theirs)


@forms
def test_what_is_readable_is_native_contiguous_and_aligned(form):
    rows = built(form, csr_array, X)
    plain = readable(rows, np.float32)
    assert plain.data.dtype == np.float32
    assert plain.indices.dtype == plain.indptr.dtype
    assert plain.indices.dtype in (np.int32, np.int64)
    for part in PARTS:
        array = getattr(plain, part)
        assert type(array) is np.ndarray
        assert array.dtype.isnative
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert np.allclose(array, getattr(csr_array(X), part))
    assert readable(plain, np.float32) is plain


def test_what_is_readable_is_not_copied():
    rows = csr_array(X)
    assert readable(rows, np.float64) is rows
    assert readable(X, np.float64) is X
    rows.indices = rows.indices.astype(np.int64)
    assert readable(rows, np.float64).data is rows.data


@pytest.mark.parametrize("form", [None, *FORMS])
def test_kernels_take_no_other_training_set(form, small_network):
    network, theta = small_network
    rows = csr_array(X) if form is None else built(form, csr_array, X)
    data = TrainingSet(rows, NUMBERS[:, np.newaxis])
    plain = TrainingSet(csr_array(X), NUMBERS[:, np.newaxis])
    known = Kernel.knows(network, theta, plain)
    assert Kernel.knows(network, theta, data) == (known and form is None)
    if not enabled():  # SciPy's product refuses some
        rows = readable(rows, np.float64)
    np.testing.assert_allclose(
        outputs(network, theta, rows), network.outputs(theta, X), rtol=1e-9
    )


@pytest.mark.parametrize("field", ["X", "Y", "w", "rows"])
@pytest.mark.parametrize("change", ARRANGED)
def test_kernels_take_no_other_dense_array(change, field, small_network):
    network, theta = small_network
    whole = {
        "X": X,
        "Y": NUMBERS[:, np.newaxis],
        "w": np.ones(len(X)),
        "rows": np.arange(len(X)),
    }
    known = Kernel.knows(network, theta, TrainingSet(**whole))
    assert known == enabled()
    whole[field] = change(whole[field])
    assert not Kernel.knows(network, theta, TrainingSet(**whole))


@pytest.fixture
def small_network():
    model = small(MLPRegressorX).fit(X, NUMBERS)
    assert isinstance(model._network, Network)
    return model._network, model._run.theta


# --------------------------------------------------------------- indices out of range


def with_index(container, index):
    """Return a container one of whose indices was changed after it was made."""
    rows = container(X)
    if container is coo_array:
        coords = tuple(c.copy() for c in rows.coords)
        coords[1][3] = index
        rows.coords = coords
    elif container is lil_array:
        rows.rows[3][-1] = index
    else:
        rows.indices[3] = index
    return rows


def with_pointers(change):
    def build(container):
        rows = container(X)
        pointers = rows.indptr.copy()
        rows.indptr = change(pointers)
        return rows

    return build


def of_floats(container):
    rows = container(X)
    rows.indices = rows.indices + 0.5
    return rows


def too_short(container):
    rows = container(X)
    rows.indices = rows.indices[:-5]
    return rows


def put(i, value):
    def change(pointers):
        pointers[i] = value
        return pointers

    return change


INVALID = {
    "beyond": ("indices out of range", lambda c: with_index(c, 10**6)),
    "the size": ("indices out of range", lambda c: with_index(c, max(X.shape))),
    "negative": ("indices out of range", lambda c: with_index(c, -1)),
    "far": ("'indptr' is invalid", with_pointers(put(-1, 10**8))),
    "falling": ("'indptr' is invalid", with_pointers(put(3, 10**8))),
    "below": ("'indptr' is invalid", with_pointers(put(1, -5))),
    "not at 0": ("'indptr' is invalid", with_pointers(put(0, 1))),
    "few": ("'indptr' is invalid", with_pointers(lambda p: p[:-1])),
    "no ints": ("indices are invalid", of_floats),
    "too short": ("'indptr' is invalid", too_short),
}


@pytest.mark.parametrize(
    ("container", "fault"),
    [(c, f) for c in (csr_array, csr_matrix, csc_array, bsr_array) for f in INVALID]
    + [(c, f) for c in (coo_array, lil_array) for f in ("beyond", "the size")],
)
def test_invalid_indices_are_refused(container, fault):
    message, build = INVALID[fault]
    rows = build(container)
    pattern = rf"X is a sparse container of format '\w+'.*{message}"
    if message.startswith("'"):
        pattern = rf"X is a sparse container of format '\w+' whose {message}"
    new = small(MLPRegressorX)
    assert_refused(pattern, "fit", rows, NUMBERS, model=new, exact=False)
    assert_refused(pattern, "partial_fit", rows, NUMBERS, model=new, exact=False)
    model = small(MLPRegressorX).fit(X, NUMBERS)
    for method in ("predict", "hidden_activations"):
        assert_refused(pattern, method, rows, model=model, exact=False)
    for call in ("score", "partial_fit"):
        assert_refused(pattern, call, rows, NUMBERS, model=model, exact=False)
    stopping = small(MLPRegressorX, early_stopping=True)
    assert_refused(
        pattern, "fit", X, NUMBERS, X_val=rows, y_val=NUMBERS, model=stopping,
        exact=False,
    )  # fmt: skip


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_invalid_indices_of_targets_are_refused(Estimator):
    y = csr_array((X[:, 20:24] > 0.5).astype(int))
    y.indices[2] = 10**6
    assert issparse(y)
    assert_refused(
        "y is a sparse container of format 'csr' with indices out of range: for its"
        " shape (150, 4) they must be in [0, 3]. Got indices from 0 to 1000000",
        "fit", X, y, model=small(Estimator),
    )  # fmt: skip


@pytest.mark.parametrize("container", [csr_array, csc_array])
def test_capacity_beyond_the_last_element_is_not_read(container):
    rows = container(X)
    expected = small(MLPRegressorX).fit(X, NUMBERS).predict(X)
    rows.data = np.append(rows.data, np.zeros(9))
    rows.indices = np.append(rows.indices, np.full(9, 10**6, rows.indices.dtype))
    model = small(MLPRegressorX).fit(rows, NUMBERS)
    np.testing.assert_allclose(model.predict(rows), expected, rtol=1e-9)


def test_rows_without_elements_have_nothing_to_check():
    rows = csr_array((150, 64))
    model = small(MLPRegressorX).fit(rows, NUMBERS)
    assert np.ptp(model.predict(csc_array((20, 64)))) == 0
