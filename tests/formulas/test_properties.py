"""What holds whatever the parameters and the data, as long as they are allowed.

hypothesis draws them. A new parameter gets a line in SHARED or OWN, and where it does
not go with others, one in `allowed`; a test says so if it is forgotten.
"""

import pickle
from typing import NamedTuple

import joblib
import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from problems import ESTIMATORS
from quick_schedules import quick
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.metrics import make_scorer, mean_absolute_error, zero_one_loss

from skoptnet import ELU, Adam, LeakyReLU, MLPClassifierX, MLPRegressorX, Momentum
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import REGRESSION_LOSSES
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.parametrizations import PARAMETRIZATIONS
from skoptnet.schedules import SCHEDULES, Adaptive, ExponentialDecay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
both = pytest.mark.parametrize("Estimator", ESTIMATORS)


def examples(n):
    """The same examples in every run, however long one takes."""
    return settings(max_examples=n, derandomize=True, deadline=None, database=None)


# ------------------------------------------------------------------------------- data

FORMS = ["dense", "csr", "csc", "coo"]
DTYPES = [np.float64, np.float32, np.int64]
LOG_LINK = ("poisson", "gamma")


class Problem(NamedTuple):
    """What `fit` gets, and what is to be known of it."""

    X: object
    y: object
    w: np.ndarray | None
    labels: list  # of a classifier: those of each column, None for a regressor


@st.composite
def problems(draw, Estimator, forms=FORMS):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(14, 30)), draw(st.integers(1, 6))
    X = rng.normal(size=(n, d))
    X[rng.random((n, d)) < draw(st.sampled_from([0, 0.5, 0.95]))] = 0
    if draw(st.booleans()):
        X = np.round(3 * X)  # whole numbers: rows and sums that are equal
    X = X.astype(draw(st.sampled_from(DTYPES)))
    form = draw(st.sampled_from(forms))
    w = draw(st.sampled_from([None, "whole", "any"]))
    if w is not None:
        w = rng.integers(1, 4, n) if w == "whole" else rng.uniform(0.01, 5, n)
    if Estimator is MLPClassifierX:
        y, labels = draw(class_targets(rng, n))
    else:
        y, labels = draw(number_targets(rng, n)), None
    rows = X if form == "dense" else as_sparse(X, form)
    return Problem(rows, y, w, labels)


def as_sparse(X, form):
    return getattr(scipy.sparse, f"{form}_array")(X)


@st.composite
def class_targets(draw, rng, n):
    kind = draw(st.sampled_from(["two", "several", "labels", "sparse labels"]))
    if kind.endswith("labels"):
        k = draw(st.integers(2, 3))
        y = rng.integers(0, 2, (n, k))
        y[0], y[1] = 0, 1
        return (as_sparse(y, "csr") if kind[0] == "s" else y), [[0, 1]] * k
    names = draw(
        st.sampled_from(
            [[False, True], ["no", "yes"], [-1.0, 1.0], [7, 3]]
            if kind == "two"
            else [["a", "b", "c"], [0, 1, 2, 3], [2.0, -1.0, 10.0]]
        )
    )
    y = rng.permutation(np.array(names)[np.arange(n) % len(names)])
    return y, [np.unique(y).tolist()]


@st.composite
def number_targets(draw, rng, n):
    """Above 0, so that every loss can have them; some are whole numbers."""
    y = np.exp(rng.normal(size=(n, draw(st.integers(1, 3)))))
    if draw(st.booleans()):
        y = np.ceil(y)
    if draw(st.booleans()):
        y = y.astype(np.float32)
    return y[:, 0] if y.shape[1] == 1 else y


# ------------------------------------------------------------------------- parameters


def positive(high, low=1e-6):
    return st.floats(low, high)


LAYERS = st.lists(st.integers(1, 7), max_size=3)
ACTIVATION = st.sampled_from([*ACTIVATIONS, LeakyReLU(slope=0.1), ELU(alpha=0.5)])
SOLVERS = st.sampled_from([*OPTIMIZERS, Adam(beta_2=0.9), Momentum(momentum=0.5)])
SHARED = {
    "hidden_layer_sizes": LAYERS | st.integers(1, 9) | LAYERS.map(tuple),
    "activation": ACTIVATION | st.just("a list"),  # see `allowed`
    "input_scaling": st.booleans(),
    "parametrization": st.sampled_from(sorted(PARAMETRIZATIONS)),
    "solver": SOLVERS | st.just("lbfgs"),
    "alpha": st.just(0) | positive(10),
    "l1_ratio": st.just(0) | st.floats(0, 1),
    "dropout": st.just(0) | st.floats(0, 0.9) | st.just("a list"),
    "batch_size": st.just("auto") | st.integers(1, 40),
    "learning_rate_init": st.just("auto") | positive(0.02),
    "lr_schedule": st.sampled_from(
        [*SCHEDULES, Adaptive(factor=0.5), ExponentialDecay(decay_rate=0.9)]
    ),
    "decay_rate": positive(1.0, 0.01),
    "decay_epochs": positive(20, 0.1),
    "power_t": st.floats(0, 2),
    "max_iter": st.integers(1, 5),
    "shuffle": st.booleans(),
    "random_state": st.integers(0, 2**32 - 1),
    "tol": st.just(0) | st.floats(0, 0.5),
    "verbose": st.sampled_from([False, False, False, True, 1]),
    "warm_start": st.booleans(),
    "momentum": st.floats(0, 1),
    "rho": st.floats(0, 0.999),
    "beta_1": st.floats(0, 0.99),
    "beta_2": st.floats(0, 0.9999),
    "epsilon": st.none() | positive(0.1, 1e-10),
    "early_stopping": st.booleans(),
    "validation_fraction": st.floats(0.25, 0.5),
    "n_iter_no_change": st.integers(1, 4) | st.just(np.inf),
    "max_fun": st.integers(1, 40),
    "max_grad_norm": st.none() | positive(10, 1e-3),
    "scoring": st.sampled_from([None, "loss", "a name", "a scorer", "several"]),
    "return_train_score": st.booleans(),
    "refit_all": st.booleans(),
}
OWN = {
    MLPClassifierX: {
        "class_weight": st.sampled_from([None, "balanced", "given"]),
        "label_smoothing": st.just(0) | st.floats(0, 0.9),
    },
    MLPRegressorX: {
        "loss": st.sampled_from(sorted(REGRESSION_LOSSES)),
        "huber_delta": positive(10, 0.01),
        "quantile": st.floats(0.01, 0.99) | st.just([0.1, 0.5, 0.75]) | st.just([0.3]),
        "normalize_y": st.booleans(),
    },
}
SCORERS = {
    MLPClassifierX: ["accuracy", make_scorer(zero_one_loss, greater_is_better=False)],
    MLPRegressorX: [
        "neg_mean_squared_error",
        make_scorer(mean_absolute_error, greater_is_better=False),
    ],
}
WEIGHTS = st.sampled_from([0.5, 1, 3])


def several_quantiles(chosen):
    quantile = chosen.get("quantile")
    return chosen.get("loss") == "quantile" and np.size(quantile) > 1


@st.composite
def parameters(draw, Estimator, problem, **fixed):
    """Return parameters of a model for the problem, that go with one another."""
    strategies = {**SHARED, **OWN[Estimator], **fixed}
    chosen = {name: draw(strategy) for name, strategy in strategies.items()}
    return allowed(draw, Estimator, problem, chosen)


def allowed(draw, Estimator, problem, chosen):
    """Replace what the documentation says is refused, or warned of as idle."""
    if chosen["activation"] == "a list":
        n = np.size(chosen["hidden_layer_sizes"])
        chosen["activation"] = draw(st.lists(ACTIVATION, min_size=n, max_size=n))
    if chosen["dropout"] == "a list":
        n = np.size(chosen["hidden_layer_sizes"])
        shares = st.floats(0, 0.9)
        chosen["dropout"] = draw(st.lists(shares, min_size=n, max_size=n))
    if chosen["solver"] == "lbfgs":
        chosen |= {"dropout": 0, "l1_ratio": 0}
    scorers = SCORERS[Estimator]
    if chosen["scoring"] in ("a name", "a scorer"):
        chosen["scoring"] = scorers[chosen["scoring"] == "a scorer"]
    if chosen["scoring"] == "several":
        chosen["scoring"] = {"a": scorers[0], "b": None, "c": scorers[1], "d": "loss"}
    if several_quantiles(chosen) and np.ndim(problem.y) > 1:
        chosen["quantile"] = 0.5
    if several_quantiles(chosen) and chosen["scoring"] not in (None, "loss"):
        chosen["scoring"] = "loss"  # these scorers know one prediction per target
    if not chosen["early_stopping"]:
        chosen["refit_all"] = False
        if not chosen["return_train_score"]:
            chosen["scoring"] = "loss"
    if chosen["refit_all"]:
        chosen["warm_start"] = False
    if chosen.get("class_weight") == "given":
        tables = [{label: draw(WEIGHTS) for label in part} for part in problem.labels]
        chosen["class_weight"] = tables if np.ndim(dense(problem.y)) > 1 else tables[0]
    return chosen


@both
def test_no_parameter_is_forgotten(Estimator):
    assert {*SHARED, *OWN[Estimator]} == set(Estimator().get_params(deep=False))


# ------------------------------------------------------------------- what always holds


def dense(values):
    return values.toarray() if issparse(values) else values


def in_detail(*things):
    """Return what tells whether something was changed, the order of elements included.

    Whether indices are known to be in order may be found out, and is noted then.
    """
    found = []
    for thing in things:
        state = thing
        if issparse(thing):
            state = {
                name: value
                for name, value in vars(thing).items()
                if name not in ("_has_sorted_indices", "_has_canonical_format")
            }
        found.append((type(thing).__name__, joblib.hash(state)))
    return found


def answers(model, X):
    """Return all that a model says of some rows."""
    methods = ["predict", "hidden_activations"]
    if isinstance(model, MLPClassifierX):
        methods += ["predict_proba", "predict_log_proba", "decision_function"]
    if model.n_layers_ == 2:
        methods.remove("hidden_activations")
    return {name: dense(getattr(model, name)(X)) for name in methods}


def assert_sound(model, problem):
    """Check that every answer is one that can be used."""
    n, found = problem.X.shape[0], answers(model, problem.X)
    for name, values in found.items():
        assert len(values) == n, name
        if values.dtype.kind == "f":
            assert np.isfinite(values).all(), name
    dtype = np.float32 if problem.X.dtype == np.float32 else np.float64
    assert {a.dtype for a in model.coefs_ + model.intercepts_} == {np.dtype(dtype)}
    assert hasattr(model, "input_scale_") == model.input_scaling
    if model.input_scaling:
        assert model.input_scale_.dtype == dtype
    if isinstance(model, MLPClassifierX):
        p = found["predict_proba"]
        assert ((p >= 0) & (p <= 1)).all()
        assert p.dtype == dtype
        if np.ndim(dense(problem.y)) == 1:
            np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
            assert np.isin(found["predict"], model.classes_).all()
    else:
        quantiles = found["predict"].ndim == 2 and several_quantiles(vars(model))
        if quantiles:
            assert (np.diff(found["predict"]) >= 0).all()
        if model.loss in LOG_LINK:
            assert (found["predict"] >= 0).all()
    assert np.isfinite(model.score(problem.X, problem.y, problem.w))


def assert_tells_of_itself(model):
    """Check the attributes that tell how training went."""
    lengths = {name: len(values) for name, values in model.history_.items()}
    assert len(set(lengths.values())) == 1, lengths
    assert np.isfinite(model.loss_)
    assert np.isfinite(model.history_["loss"]).all()
    assert 1 <= model.n_iter_ <= model.max_iter
    if model.early_stopping:
        assert np.isfinite(model.validation_scores_).all()
        assert 1 <= model.best_epoch_ <= len(model.loss_curve_)
        best = model.validation_scores_[model.best_epoch_ - 1]
        assert model.best_validation_score_ == best == max(model.validation_scores_)
    elif not isinstance(model.solver, str) or model.solver != "lbfgs":
        assert model.best_loss_ == min(model.loss_curve_)


def fitted(model, X, y, w=None, call="fit"):
    """Fit, or train otherwise; give up where a prediction exp(z) shot over the mark.

    Of loss='poisson' and 'gamma' the documentation says that they want features and
    targets of moderate size; whether a step is too long is nobody's to know before.
    """
    log_link = getattr(model, "loss", None) in LOG_LINK
    try:
        getattr(model, call)(X, y, sample_weight=w)
    except ValueError as error:
        overshot = "non-finite parameter weights" in str(error)
        overshot |= "must return a finite number" in str(error)
        assume(not (log_link and overshot))
        raise
    if log_link:
        assume(abs(model._raw_outputs(X)).max() < 40)
    return model


def parameters_of(model):
    """Return all parameters in words, those of parts included."""
    return repr(sorted(model.get_params().items()))


@both
@examples(100)
@given(data=st.data())
def test_every_model_that_is_allowed_can_be_used(Estimator, data):
    problem = data.draw(problems(Estimator))
    model = Estimator(**data.draw(parameters(Estimator, problem)))
    X, y, w, _ = problem
    given_parameters = parameters_of(model)
    before = in_detail(X, y, w)

    assert parameters_of(clone(model)) == given_parameters
    fitted(model, X, y, w)
    assert_sound(model, problem)
    assert_tells_of_itself(model)
    assert in_detail(X, y, w) == before
    assert parameters_of(model) == given_parameters
    model.set_params(**model.get_params(deep=False))
    assert parameters_of(model) == given_parameters

    found = answers(model, X)
    for other in (pickle.loads(pickle.dumps(model)), clone(model).fit(X, y, w)):
        for name, values in answers(other, X).items():
            np.testing.assert_array_equal(values, found[name])
    if hasattr(model, "partial_fit"):
        fitted(model, X, y, w, "partial_fit")
        assert_sound(model, problem)
    if model.warm_start:
        fitted(model, X, y, w)
        assert_sound(model, problem)
    assert in_detail(X, y, w) == before
    assert parameters_of(model) == given_parameters


@both
@examples(60)
@given(data=st.data())
def test_a_weight_is_as_good_as_rows(Estimator, data):
    """A row of weight 3 is three rows, where the batch is the whole set.

    Not for what counts rows: a schedule, balanced class weights, masks of dropout; nor
    where a rounding decides whether a weight may leave 0.
    """
    problem = data.draw(problems(Estimator, forms=["dense", "csr"]))
    chosen = data.draw(
        parameters(
            Estimator,
            problem,
            solver=SOLVERS,
            batch_size=st.just(10**6),
            lr_schedule=st.sampled_from(sorted({*SCHEDULES} - {"invscaling"})),
            early_stopping=st.just(False),
            epsilon=st.none(),
            dropout=st.just(0),
            l1_ratio=st.just(0),
            tol=st.just(0),
            n_iter_no_change=st.just(np.inf),
        )
    )
    if chosen.get("class_weight") == "balanced":
        chosen["class_weight"] = None
    X, y, _, labels = problem
    X = X.astype(np.float64)
    w = np.random.default_rng(chosen["random_state"]).integers(0, 4, X.shape[0])
    rows = np.repeat(np.arange(X.shape[0]), w)
    if labels and np.ndim(dense(y)) == 1:
        assume(len(np.unique(y[rows])) == len(labels[0]))
    weighed = fitted(Estimator(**chosen), X, y, w)
    repeated = fitted(Estimator(**chosen), X[rows], y[rows])
    np.testing.assert_allclose(weighed.loss_curve_, repeated.loss_curve_, rtol=1e-6)
    for one, other in zip(weighed.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8)


@both
@examples(40)
@given(data=st.data())
def test_dense_and_sparse_rows_are_the_same_rows(Estimator, data):
    problem = data.draw(problems(Estimator, forms=["csr", "csc", "coo"]))
    chosen = data.draw(
        parameters(
            Estimator,
            problem,
            solver=SOLVERS,
            early_stopping=st.just(False),
            epsilon=st.none(),
            tol=st.just(0),
        )
    )
    X, y, w, _ = problem
    X = X.astype(np.float64)
    sparse = fitted(Estimator(**chosen), X, y, w)
    same = fitted(Estimator(**chosen), X.toarray(), y, w)
    np.testing.assert_allclose(sparse.loss_curve_, same.loss_curve_, rtol=1e-6)
    for one, other in zip(sparse.coefs_, same.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8)


@both
@examples(40)
@given(data=st.data())
def test_parts_are_the_whole(Estimator, data):
    """k epochs, a pickle, and l epochs more with a warm start are k + l epochs.

    Schedules that follow a plan have one of their own, not `max_iter`.
    """
    problem = data.draw(problems(Estimator))
    chosen = data.draw(
        parameters(
            Estimator,
            problem,
            solver=SOLVERS,
            lr_schedule=st.sampled_from(sorted({*SCHEDULES} - {"adaptive"})).map(quick),
            early_stopping=st.just(False),
            n_iter_no_change=st.just(np.inf),
            warm_start=st.just(True),
        )
    )
    X, y, w, _ = problem
    k, more = chosen.pop("max_iter"), data.draw(st.integers(1, 3))
    whole = fitted(Estimator(**chosen, max_iter=k + more), X, y, w)
    part = Estimator(**chosen, max_iter=k).fit(X, y, w)
    part = pickle.loads(pickle.dumps(part)).set_params(max_iter=more).fit(X, y, w)
    # A training that diverges is brought back to its best epoch, a part to its own.
    assume(whole.stop_reason_ != "diverged")
    assert part.loss_curve_ == whole.loss_curve_
    assert part.t_ == whole.t_
    for one, other in zip(part.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
