"""Sparse rows from end to end: every form of them, equal to dense, never densified."""

import joblib
import numpy as np
import pytest
import scipy.sparse
from problems import ESTIMATORS, batched, peak_of, small
from scipy.sparse import (
    coo_array,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    issparse,
)
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skoptnet import HiddenActivations, MLPClassifierX, MLPRegressorX

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of:sklearn.exceptions.ConvergenceWarning"
)

# Counts of 0 to 16, half of them 0; some rows and columns are empty.
DIGITS = load_digits()
COUNTS = DIGITS.data[:300].copy()
COUNTS[[0, 7, 299]] = 0
COUNTS[:, [0, 5, 63]] = 0
COUNTS.setflags(write=False)
LABELS = DIGITS.target_names[DIGITS.target[:300]]
NUMBERS = DIGITS.data[:300, 20:24].sum(axis=1) / 16 - 2
KINDS = np.column_stack([LABELS > 4, LABELS % 2 == 0]).astype(int)
TARGETS = {
    "two classes": (MLPClassifierX, LABELS > 4),
    "classes": (MLPClassifierX, LABELS),
    "labels": (MLPClassifierX, KINDS),
    "number": (MLPRegressorX, NUMBERS),
    "numbers": (MLPRegressorX, np.column_stack([NUMBERS, KINDS[:, 0]])),
}
targets = pytest.mark.parametrize("kind", list(TARGETS))


# ------------------------------------------------------------------ forms of the rows


def wide(container):
    """As a container with indices of 64 bits."""

    def build(X):
        rows = container(X)
        rows.indices = rows.indices.astype(np.int64)
        rows.indptr = rows.indptr.astype(np.int64)
        return rows

    return build


def wide_coo(X):
    rows = coo_array(X)
    return coo_array(
        (rows.data, tuple(c.astype(np.int64) for c in rows.coords)), X.shape
    )


def unsorted(container):
    """With the elements of each row (or column) from last to first."""

    def build(X):
        rows = container(X)
        for start, stop in zip(rows.indptr, rows.indptr[1:], strict=False):
            rows.indices[start:stop] = rows.indices[start:stop][::-1].copy()
            rows.data[start:stop] = rows.data[start:stop][::-1].copy()
        rows.has_sorted_indices = False
        return rows

    return build


def with_zeros(container):
    """With elements that are stored, and zero."""

    def build(X):
        rows = container(np.where(X == 0, -1, X))
        rows.data[rows.data == -1] = 0
        assert (rows.data == 0).any()
        return rows

    return build


def doubled_coo(X):
    """Each element as the sum of two, all in a random order."""
    rows = coo_array(X)
    data = np.concatenate([rows.data - 1, np.ones_like(rows.data)])
    order = np.random.default_rng(0).permutation(len(data))
    coords = tuple(np.tile(c, 2)[order] for c in rows.coords)
    return coo_array((data[order], coords), X.shape)


def doubled_csr(X):
    rows = csr_array(X)
    data = np.column_stack([rows.data - 1, np.ones_like(rows.data)]).ravel()
    doubled = csr_array((data, np.repeat(rows.indices, 2), 2 * rows.indptr), X.shape)
    assert doubled.nnz == 2 * rows.nnz
    return doubled


FORMS = {
    **{
        f"{form}_{kind}": getattr(scipy.sparse, f"{form}_{kind}")
        for form in ("csr", "csc", "coo", "bsr", "lil")
        for kind in ("array", "matrix")
    },
    "csr, 64 bits": wide(csr_array),
    "csc, 64 bits": wide(csc_array),
    "coo, 64 bits": wide_coo,
    "csr, unsorted": unsorted(csr_array),
    "csc, unsorted": unsorted(csc_matrix),
    "csr, zeros": with_zeros(csr_matrix),
    "csc, zeros": with_zeros(csc_array),
    "coo, zeros": with_zeros(coo_array),
    "coo, doubled": doubled_coo,
    "csr, doubled": doubled_csr,
}
forms = pytest.mark.parametrize("form", list(FORMS))
DTYPES = [np.float64, np.float32, np.int64, np.int32, np.uint8, np.bool_]


def in_detail(rows):
    """Return a hash of all that a container holds, in the order that it lies in."""
    if not issparse(rows):
        return joblib.hash(rows)
    state = dict(vars(rows))
    # Whether indices are known to be in order may be found out, and is noted then.
    for flag in ("_has_sorted_indices", "_has_canonical_format"):
        state.pop(flag, None)
    return type(rows).__name__, rows.dtype, joblib.hash(state)


def raw(model, rows):
    """Return what predictions are made of."""
    method = "decision_function" if isinstance(model, MLPClassifierX) else "predict"
    return getattr(model, method)(rows)


def assert_equal_models(one, other, rows, tolerance=1e-6):
    """Check that two models came to the same, to rounding."""
    for ours, theirs in zip(one.coefs_, other.coefs_, strict=True):
        assert np.allclose(ours, theirs, rtol=tolerance, atol=tolerance / 100)
    assert np.allclose(one.loss_curve_, other.loss_curve_, rtol=tolerance)
    assert np.allclose(raw(one, rows), raw(other, rows), rtol=tolerance, atol=tolerance)


@forms
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_every_form_is_as_dense(Estimator, form):
    y = LABELS if Estimator is MLPClassifierX else NUMBERS
    X, rows = COUNTS / 16, FORMS[form](COUNTS / 16)
    w = np.linspace(0, 2, len(y))
    before = in_detail(rows)
    model = batched(Estimator)
    dense, sparse = clone(model).fit(X, y, w), clone(model).fit(rows, y, w)
    assert_equal_models(sparse, dense, X)
    assert np.allclose(raw(sparse, rows), raw(dense, X), rtol=1e-6, atol=1e-8)
    assert np.isclose(sparse.score(rows, y), dense.score(X, y))
    for layer in (0, -1):
        ours = sparse.hidden_activations(rows, layer)
        assert np.allclose(ours, dense.hidden_activations(X, layer), rtol=1e-6)
    if Estimator is MLPClassifierX:
        for method in ("predict_proba", "predict_log_proba"):
            ours, theirs = getattr(sparse, method)(rows), getattr(dense, method)(X)
            assert np.allclose(ours, theirs, rtol=1e-5)
    dense.partial_fit(X, y, sample_weight=w)
    sparse.partial_fit(rows, y, sample_weight=w)
    assert_equal_models(sparse, dense, X)
    assert in_detail(rows) == before


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "coo_array"])
def test_every_dtype_is_as_dense(form, dtype):
    X = (COUNTS > 8).astype(dtype) if dtype == np.bool_ else COUNTS.astype(dtype)
    rows = FORMS[form](X)
    assert rows.dtype == dtype
    before = in_detail(rows)
    model = batched(MLPClassifierX, learning_rate_init=0.001)
    dense, sparse = clone(model).fit(X, LABELS), clone(model).fit(rows, LABELS)
    single = dtype == np.float32
    assert sparse.coefs_[0].dtype == (np.float32 if single else np.float64)
    assert sparse.predict_proba(rows).dtype == sparse.coefs_[0].dtype
    assert_equal_models(sparse, dense, X, 1e-3 if single else 1e-6)
    # Rows of another precision than the network's.
    for other in DTYPES[:3]:
        ours = raw(sparse, rows.astype(other))
        assert np.allclose(ours, raw(sparse, X.astype(other)), rtol=1e-3, atol=1e-3)
    assert in_detail(rows) == before


@forms
@targets
@pytest.mark.each_value
def test_empty_rows_have_an_answer(kind, form):
    """It is that of the biases."""
    Estimator, y = TARGETS[kind]
    model = small(Estimator).fit(FORMS[form](COUNTS / 16), y)
    nothing = FORMS[form](COUNTS[[0, 7]])
    z = raw(model, nothing)
    assert np.allclose(z[0], z[1])
    assert np.allclose(z, raw(model, np.zeros((2, 64))), rtol=1e-12)
    one = FORMS[form](COUNTS[8:9])
    assert np.allclose(raw(model, one), raw(model, COUNTS[8:9]), rtol=1e-9)


# -------------------------------------------------------------- ways through the model


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "coo_matrix"])
@pytest.mark.parametrize("solver", ["adam", "gd", "lbfgs"])
@targets
@pytest.mark.each_pair
def test_early_stopping_is_as_dense(kind, solver, form):
    """With a split of the rows, with rows of one's own, and all at last."""
    Estimator, y = TARGETS[kind]
    w = np.linspace(0.5, 2, len(y))
    X, rows = COUNTS / 16, FORMS[form](COUNTS / 16)
    settings = {"early_stopping": True, "solver": solver, "random_state": 3}
    if solver == "lbfgs":
        settings |= {"tol": 1e-3, "max_iter": 4}
    for given in (
        {},
        {"scoring": "loss", "refit_all": True},
        {"scoring": "r2" if Estimator is MLPRegressorX else "accuracy"},
    ):
        model = batched(Estimator, **settings, **given)
        dense, sparse = clone(model).fit(X, y, w), clone(model).fit(rows, y, w)
        assert_equal_models(sparse, dense, X, 1e-5)
        for name in ("validation_loss", "validation_score"):
            ours, theirs = sparse.history_[name], dense.history_[name]
            assert np.allclose(ours, theirs, rtol=1e-5)
        assert sparse.best_epoch_ == dense.best_epoch_
    held_out = np.arange(300) % 4 == 0
    parts = {}
    for name, whole in (("dense", X), ("sparse", csr_array(rows))):
        container = FORMS[form] if name == "sparse" else np.asarray
        fit, val = container(whole[~held_out]), container(whole[held_out])
        before = in_detail(fit), in_detail(val)
        parts[name] = batched(Estimator, **settings).fit(
            fit, y[~held_out], w[~held_out],
            X_val=val, y_val=y[held_out], sample_weight_val=w[held_out],
        )  # fmt: skip
        assert (in_detail(fit), in_detail(val)) == before
    assert_equal_models(parts["sparse"], parts["dense"], X, 1e-5)
    ours, theirs = (parts[name].validation_scores_ for name in ("sparse", "dense"))
    assert np.allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "coo_array"])
@pytest.mark.parametrize(
    "class_weight", ["balanced", dict.fromkeys(range(0, 10, 3), 4.0)]
)
def test_class_weights_are_as_dense(class_weight, form):
    model = batched(MLPClassifierX, class_weight=class_weight, label_smoothing=0.1)
    X, w = COUNTS / 16, np.linspace(0, 2, 300)
    dense = clone(model).fit(X, LABELS, w)
    sparse = clone(model).fit(FORMS[form](X), LABELS, w)
    assert_equal_models(sparse, dense, X)
    plain = clone(model).set_params(class_weight=None).fit(X, LABELS, w)
    assert not np.allclose(plain.coefs_[0], sparse.coefs_[0])


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "coo_array"])
@pytest.mark.parametrize("activation", ["tanh", "gelu", ["relu", "elu"]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_small_blocks_are_as_large_ones(dtype, activation, form, monkeypatch):
    """Batches in pieces, predictions in blocks, with compiled kernels and without."""
    X = COUNTS.astype(dtype) / 16
    rows = FORMS[form](X)
    model = MLPClassifierX(
        (9, 6), activation, batch_size=120, max_iter=3, random_state=0
    )
    model.set_params(early_stopping=True)
    whole = clone(model).fit(rows, LABELS)
    hidden = whole.hidden_activations(rows, 0)
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 33 * 50)
    assert whole._network.block_rows(csr_array(rows)) < 60
    parts = clone(model).fit(rows, LABELS)
    tolerance = 1e-4 if dtype == np.float32 else 1e-9
    assert_equal_models(parts, whole, rows, tolerance)
    # Sums that nearly cancel have the rounding errors of their terms.
    np.testing.assert_allclose(
        whole.hidden_activations(rows, 0), hidden, rtol=tolerance, atol=tolerance / 100
    )


@targets
def test_the_transformer_is_as_dense(kind):
    Estimator, y = TARGETS[kind]
    transformer = HiddenActivations(batched(Estimator))
    expected = clone(transformer).fit_transform(COUNTS / 16, y)
    for form in ("csr_array", "csc_matrix", "coo_array"):
        rows = FORMS[form](COUNTS / 16)
        before = in_detail(rows)
        fitted = clone(transformer).fit(rows, y)
        assert np.allclose(fitted.transform(rows), expected, rtol=1e-6, atol=1e-8)
        assert in_detail(rows) == before


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "csr_matrix"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_searches_are_as_dense(Estimator, form):
    y = LABELS > 4 if Estimator is MLPClassifierX else NUMBERS
    rows = FORMS[form](COUNTS / 16)
    grid = {"alpha": [1e-4, 10], "early_stopping": [True, False]}
    search = GridSearchCV(batched(Estimator), grid, cv=3, error_score="raise")
    dense = clone(search).fit(COUNTS / 16, y).cv_results_["mean_test_score"]
    sparse = clone(search).fit(rows, y).cv_results_["mean_test_score"]
    assert np.allclose(sparse, dense, rtol=1e-6)
    ours = cross_val_predict(batched(Estimator), rows, y)
    theirs = cross_val_predict(batched(Estimator), COUNTS / 16, y)
    assert np.allclose(ours, theirs, rtol=1e-6)


# ---------------------------------------------------------------- out of preprocessing

WORDS = {
    "weather": "rain wind cloud sun storm the and of",
    "kitchen": "salt pan flour oven the and of",
    "music": "chord song drum choir the and of",
}


def documents(n=240):
    rng = np.random.default_rng(0)
    kinds = rng.choice(list(WORDS), n)
    return [" ".join(rng.choice(WORDS[kind].split(), 6)) for kind in kinds], kinds


def in_dense_form(X):
    return X.toarray()


@pytest.mark.parametrize("dtype", [None, np.float32])
@pytest.mark.parametrize("Vectorizer", [TfidfVectorizer, CountVectorizer])
def test_text_in_a_pipeline(Vectorizer, dtype):
    texts, kinds = documents()
    vectorizer = Vectorizer() if dtype is None else Vectorizer(dtype=dtype)
    model = batched(MLPClassifierX, max_iter=20)
    sparse = make_pipeline(vectorizer, model).fit(texts[:160], kinds[:160])
    dense = make_pipeline(
        vectorizer, FunctionTransformer(in_dense_form, accept_sparse=True), model
    ).fit(texts[:160], kinds[:160])
    tolerance = 1e-6 if dtype is None else 1e-3
    assert np.allclose(
        sparse.predict_proba(texts), dense.predict_proba(texts), rtol=tolerance
    )
    assert sparse.score(texts[160:], kinds[160:]) > 0.9
    assert sparse[-1].coefs_[0].dtype == (dtype or np.float64)
    grid = {f"{Vectorizer.__name__.lower()}__binary": [True, False]}
    search = GridSearchCV(sparse, grid, cv=3, error_score="raise")
    assert search.fit(texts, kinds).best_score_ > 0.9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_categories_in_a_pipeline(Estimator):
    rng = np.random.default_rng(0)
    table = rng.choice(list("abcdefgh"), (300, 4)).astype(object)
    truth = (table[:, 0] < "d") ^ (table[:, 1] < "e")
    y = truth if Estimator is MLPClassifierX else truth - 0.5
    model = batched(Estimator, max_iter=60)
    found = {}
    for sparse in (True, False):
        encoder = OneHotEncoder(sparse_output=sparse)
        columns = ColumnTransformer(
            [("some", encoder, [0, 1]), ("others", encoder, [2, 3])],
            sparse_threshold=float(sparse),
        )
        found[sparse] = make_pipeline(columns, model).fit(table, y)
        assert issparse(found[sparse][:-1].transform(table)) == sparse
    assert np.allclose(
        raw_of(found[True], table), raw_of(found[False], table), rtol=1e-6
    )
    assert found[True].score(table, y) > 0.9


def raw_of(pipeline, table):
    return raw(pipeline[-1], pipeline[:-1].transform(table))


# ------------------------------------------------------------------------ never dense


def refuse(*_, **__):
    raise AssertionError("sparse rows were made dense")


def scattered(n, d, per_row):
    """Return rows with a few ones each."""
    columns = np.random.default_rng(0).integers(0, d, n * per_row)
    return csr_array(
        (np.ones(len(columns)), (np.arange(n).repeat(per_row), columns)), (n, d)
    )


def never_dense(monkeypatch):
    """Make every conversion of a sparse container to a dense array an error."""
    for name in dir(scipy.sparse):
        thing = getattr(scipy.sparse, name)
        for method in ("toarray", "todense"):
            if isinstance(thing, type) and hasattr(thing, method):
                monkeypatch.setattr(thing, method, refuse)


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "coo_array"])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@targets
@pytest.mark.each_pair
def test_rows_whose_dense_form_has_no_room(kind, dtype, form, monkeypatch):
    """Dense, they would be 4 GB in single and 8 GB in double precision.

    What a training holds are some vectors as long as theta: 4 or 8 MB each.
    """
    Estimator = TARGETS[kind][0]
    n, d = 2000, 500_000
    X = scattered(n, d, 20).astype(dtype)
    y = np.resize(TARGETS[kind][1], (n, *TARGETS[kind][1].shape[1:]))
    rows = X.asformat(form[:3])
    before = in_detail(rows)
    model = Estimator((2,), max_iter=1, random_state=0, early_stopping=True)
    small(Estimator).fit(X[:50, :10], y[:50])  # what is loaded once
    never_dense(monkeypatch)
    theta = (2 * d) * (4 if dtype == np.float32 else 8)

    def use():
        model.fit(rows, y, np.linspace(0, 1, n))
        model.set_params(early_stopping=False).partial_fit(rows, y)
        model.predict(rows)
        if Estimator is MLPClassifierX:
            model.predict_proba(rows)
        model.hidden_activations(rows)
        model.score(rows, y)

    peak = peak_of(use)
    assert peak < 20 * theta + 20 * X.nnz * 16
    assert peak < n * d * 4 / 20
    assert in_detail(rows) == before


@pytest.mark.parametrize("form", ["csr_array", "csc_array"])
def test_predictions_need_little_room(form):
    """Beside theta they take what a copy of the rows takes, and their answers."""
    n, d = 20_000, 100_000
    X = scattered(n, d, 10).asformat(form[:3])
    model = MLPRegressorX((3,), max_iter=1, solver="sgd", batch_size=100)
    model.fit(csr_array(X[:100]), np.ones(100))
    model.predict(X[:10])
    peak = peak_of(model.predict, X)
    elements, hidden = X.nnz * 16, n * 3 * 8
    assert peak < 2 * elements + 4 * hidden + 2 * n * 8 + 1e6
