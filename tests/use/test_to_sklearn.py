"""Fitted estimators as scikit-learn's own, and what ONNX makes of those."""

import pickle
import re
import warnings
from copy import deepcopy
from dataclasses import replace
from inspect import signature

import joblib
import numpy as np
import pytest
import sklearn
from problems import (
    ESTIMATORS,
    IRIS,
    KINDS,
    LABELS,
    NUMBERS,
    X,
    layered,
    small,
    target,
)
from scipy.sparse import csc_array, csr_array, issparse
from sklearn.base import clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import Adam, MLPClassifierX, MLPRegressorX, Momentum, Nesterov
from skoptnet.activations import ACTIVATIONS, ReLU
from skoptnet.estimators import to_sklearn
from skoptnet.losses import REGRESSION_LOSSES, HalfSquaredError
from skoptnet.optimizers import OPTIMIZERS, SGD
from skoptnet.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning",
    "ignore:Stochastic Optimizer. Maximum iterations",
)

BINARY = np.array(["no", "yes"])[(IRIS.target == 1).astype(int)]
TASKS = {
    "binary": (MLPClassifierX, BINARY),
    "binary of booleans": (MLPClassifierX, IRIS.target == 2),
    "multiclass": (MLPClassifierX, LABELS),
    "classes that are objects": (MLPClassifierX, LABELS.astype(object)),
    "classes that are small numbers": (MLPClassifierX, IRIS.target.astype(np.int8) - 1),
    "multilabel": (MLPClassifierX, np.column_stack([KINDS, X[:, 1] > 0]).astype(int)),
    "multilabel of two": (MLPClassifierX, KINDS),
    "sparse multilabel": (MLPClassifierX, csr_array(KINDS)),
    "one target": (MLPRegressorX, NUMBERS),
    "several targets": (MLPRegressorX, np.column_stack([NUMBERS, X[:, 0], -X[:, 1]])),
}
TWINS = {MLPClassifierX: MLPClassifier, MLPRegressorX: MLPRegressor}


def dense(y):
    return y.toarray() if issparse(y) else y


def assert_predicts_equally(model, twin, rows):
    tolerance = 1e-12 if model.coefs_[0].dtype == np.float64 else 1e-5
    ours, theirs = model.predict(rows), twin.predict(rows)
    assert issparse(ours) == issparse(theirs)
    assert ours.dtype == theirs.dtype
    if isinstance(model, MLPRegressorX):
        assert np.allclose(ours, theirs, rtol=tolerance, atol=tolerance)
        assert ours.shape == theirs.shape
        return
    assert np.array_equal(dense(ours), dense(theirs))
    assert twin.classes_.dtype == model.classes_.dtype
    assert np.array_equal(twin.classes_, model.classes_)
    for method in ("predict_proba", "predict_log_proba"):
        ours, theirs = getattr(model, method)(rows), getattr(twin, method)(rows)
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        assert np.allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# --------------------------------------------------- back to scikit-learn: predictions


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("task", list(TASKS))
def test_scikit_learns_twin_predicts_equally(task, dtype):
    Estimator, y = TASKS[task]
    rows = X.astype(dtype)
    model = layered(Estimator).fit(rows, y)
    twin = model.to_sklearn()
    assert type(twin) is TWINS[Estimator]
    assert_predicts_equally(model, twin, rows)
    for container in (csr_array, csc_array):
        assert_predicts_equally(model, twin, container(rows))
    assert all(W.dtype == dtype for W in twin.coefs_ + twin.intercepts_)
    assert np.isclose(twin.score(rows, dense(y)), model.score(rows, dense(y)))


def test_two_differences_are_scikit_learns():
    """The documentation names them."""
    model = layered(MLPClassifierX).fit(X.astype(np.float32), LABELS)
    twin = model.to_sklearn()
    assert model.predict_proba(X).dtype == np.float32
    assert twin.predict_proba(X).dtype == np.float64
    assert np.allclose(twin.predict_proba(X), model.predict_proba(X), atol=1e-6)
    model.coefs_ = [W * 1000 for W in model.coefs_]
    assert np.isfinite(model.predict_log_proba(X)).all()
    with np.errstate(divide="ignore"):
        assert np.isneginf(model.to_sklearn().predict_log_proba(X)).any()


@pytest.mark.parametrize("sizes", [(), 6, (5, 4), [4, 3, 2]])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_twin_has_as_many_layers(Estimator, sizes):
    model = small(Estimator).set_params(hidden_layer_sizes=sizes)
    model.fit(X, target(Estimator))
    twin = model.to_sklearn()
    assert_predicts_equally(model, twin, X)
    assert twin.hidden_layer_sizes == tuple(np.ravel(sizes).astype(int))
    assert twin.n_layers_ == model.n_layers_


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "one target"])
def test_every_activation_that_scikit_learn_has(task, activation):
    Estimator, y = TASKS[task]
    model = layered(Estimator, activation=activation).fit(X, y)
    twin = model.to_sklearn()
    assert twin.activation == activation
    assert_predicts_equally(model, twin, X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_twin_of_sparse_rows(Estimator):
    rows = csr_array(np.where(abs(X) < 0.5, 0, X))
    model = layered(Estimator).fit(rows, target(Estimator))
    assert_predicts_equally(model, model.to_sklearn(), rows)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_twin_knows_the_features_by_name(Estimator):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=IRIS.feature_names)
    model = layered(Estimator).fit(frame, target(Estimator))
    twin = model.to_sklearn()
    assert twin.n_features_in_ == 4
    assert twin.feature_names_in_.tolist() == IRIS.feature_names
    assert_predicts_equally(model, twin, frame)
    with pytest.raises(ValueError, match="feature names"):
        twin.predict(frame[IRIS.feature_names[::-1]])
    nameless = layered(Estimator).fit(X, target(Estimator)).to_sklearn()
    assert not hasattr(nameless, "feature_names_in_")
    with pytest.raises(ValueError, match="expecting 4 features"):
        nameless.predict(X[:, :3])


def test_the_twin_of_a_training_in_parts():
    model = layered(MLPClassifierX)
    model.partial_fit(X[:50], LABELS[:50], classes=np.unique(LABELS))
    twin = model.partial_fit(X[50:], LABELS[50:]).to_sklearn()
    assert_predicts_equally(model, twin, X)
    assert twin.n_iter_ == 1
    assert twin.t_ == 150
    twin.partial_fit(X[:10], LABELS[:10])  # not all of the classes
    assert len(twin.loss_curve_) == 3


# ----------------------------------------------------- what is in it, and what is not


def skip_where_scikit_learn_fails():
    """Some releases cannot stop early on labels that are no numbers."""
    try:
        MLPClassifier(early_stopping=True, max_iter=1).fit(X, LABELS)
    except TypeError:
        pytest.skip("this scikit-learn's early stopping needs labels that are numbers")


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("task", list(TASKS))
def test_the_twin_lacks_nothing_that_fitting_sets(task, early_stopping):
    """Held to what this release of scikit-learn sets, private attributes too."""
    Estimator, y = TASKS[task]
    if early_stopping and Estimator is MLPClassifierX:
        skip_where_scikit_learn_fails()
    model = layered(Estimator, early_stopping=early_stopping).fit(X, y)
    twin = model.to_sklearn()
    fitted = clone(twin).fit(X, dense(y))
    made_by_every_fit = {"_optimizer", "_random_state"}
    set_by_fitting = vars(fitted).keys() - made_by_every_fit
    assert vars(twin).keys() >= set_by_fitting
    for name in set_by_fitting:
        ours, theirs = getattr(twin, name), getattr(fitted, name)
        assert type(ours) is type(theirs) or np.isscalar(ours), name
    assert twin.out_activation_ == fitted.out_activation_
    assert twin.t_ == fitted.t_ == model.t_
    assert twin.n_iter_ == model.n_iter_ == len(twin.loss_curve_)
    if Estimator is MLPClassifierX:
        ours, theirs = twin._label_binarizer, fitted._label_binarizer
        assert ours.y_type_ == theirs.y_type_
        assert np.array_equal(ours.classes_, theirs.classes_)


@pytest.mark.parametrize("task", list(TASKS))
def test_the_losses_are_in_scikit_learns_unit(task):
    """The loss of the weights as they are, from one epoch that does not move them."""
    Estimator, y = TASKS[task]
    model = layered(Estimator, alpha=0, max_iter=4, batch_size=150).fit(X, y)
    twin = model.to_sklearn()
    at_rest = deepcopy(twin).set_params(learning_rate_init=1e-300)
    at_rest.partial_fit(X, dense(y))
    onward = deepcopy(model).set_params(learning_rate_init=1e-300).partial_fit(X, y)
    assert np.isclose(at_rest.loss_, onward.to_sklearn().loss_, rtol=1e-6)
    assert twin.best_loss_ == min(twin.loss_curve_)
    assert twin.loss_ == twin.loss_curve_[-1]
    fresh = clone(twin).fit(X, dense(y))
    assert np.isclose(twin.loss_curve_[0], fresh.loss_curve_[0], rtol=1e-6)
    if model.n_outputs_ == 1 or Estimator is MLPClassifierX:
        assert twin.loss_curve_ == model.loss_curve_


def test_early_stopping_is_carried_over():
    model = layered(MLPClassifierX, early_stopping=True, max_iter=9).fit(X, LABELS)
    twin = model.to_sklearn()
    assert twin.validation_scores_ == model.validation_scores_
    assert twin.best_validation_score_ == model.best_validation_score_
    assert twin.best_loss_ is None
    assert twin.loss_ == model.loss_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_neither_changes_the_other(Estimator):
    model = layered(Estimator, random_state=np.random.RandomState(3))
    model.fit(X, target(Estimator))
    before = joblib.hash(model)
    twin = model.to_sklearn()
    assert joblib.hash(model) == before
    weights = joblib.hash(twin)
    model.partial_fit(X, target(Estimator))
    model.coefs_ = [W * 0 for W in model.coefs_]
    assert joblib.hash(twin) == weights
    before = joblib.hash(model)
    for array in (*twin.coefs_, *twin.intercepts_, *twin._best_coefs):
        array[:] = 7
    if Estimator is MLPClassifierX:
        twin.classes_[0] = twin.classes_[1]
    twin.loss_curve_.append(7.0)
    twin.random_state.rand()
    assert joblib.hash(model) == before


# ------------------------------------------------------------------------ parameters


@pytest.mark.parametrize("solver", ["gd", "sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("task", ["multiclass", "several targets"])
def test_the_twin_trained_anew_goes_the_same_way(task, solver):
    """What the parameters mean is what scikit-learn does with them.

    Adam differs by where delta stands; without the penalty nothing else does.
    """
    Estimator, y = TASKS[task]
    model = Estimator(
        (8,),
        solver=solver,
        alpha=0,
        momentum=0.7,
        beta_1=0.8,
        beta_2=0.98,
        batch_size=40,
        max_iter=8,
        random_state=5,
    ).fit(X, y)
    twin = model.to_sklearn()
    again = clone(twin).fit(X, y)
    tolerance = 1e-4 if solver == "adam" else 1e-9
    assert np.allclose(again.loss_curve_, twin.loss_curve_, rtol=tolerance)
    assert twin.solver == ("adam" if solver == "adam" else "sgd")
    assert twin.learning_rate_init == model.learning_rate_
    assert twin.batch_size == (150 if solver == "gd" else 40)


@pytest.mark.parametrize(
    ("solver", "schedule"),
    [
        *((solver, "constant") for solver in OPTIMIZERS),
        *(("nesterov", schedule) for schedule in SCHEDULES if schedule != "constant"),
    ],
)
def test_every_solver_and_schedule_gives_a_usable_twin(solver, schedule):
    model = layered(MLPRegressorX, solver=solver, lr_schedule=schedule)
    model.set_params(learning_rate_init="auto").fit(X, NUMBERS)
    twin = model.to_sklearn()
    assert_predicts_equally(model, twin, X)
    default = MLPRegressor()
    if solver in ("adagrad", "rmsprop"):  # it has neither, so their rate says nothing
        assert twin.solver == default.solver
        assert twin.learning_rate_init == default.learning_rate_init
    assert clone(twin).fit(X, NUMBERS).n_iter_ == 3
    assert len(twin.partial_fit(X, NUMBERS).loss_curve_) == 4


class OwnSGD(SGD):
    """A derived class may do anything; this one makes steps of half the size."""

    def step(self, theta, g, state, rate, xp):
        super().step(theta, g, state, rate / 2, xp)


def test_solver_objects_carry_their_hyperparameters():
    model = layered(MLPRegressorX, momentum=0.1, beta_1=0.1)
    fitted = {}
    for solver in (
        Momentum(momentum=0.6),
        Nesterov(momentum=0.5),
        Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-6),
        OwnSGD(),
    ):
        model.set_params(solver=solver).fit(X, NUMBERS)
        fitted[type(solver)] = model.to_sklearn()
    assert fitted[Momentum].momentum == 0.6
    assert not fitted[Momentum].nesterovs_momentum
    assert fitted[Nesterov].momentum == 0.5
    assert fitted[Nesterov].nesterovs_momentum
    adam = fitted[Adam]
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.8, 0.95, 1e-6)
    assert fitted[OwnSGD].get_params().items() >= {"solver": "adam"}.items()
    assert fitted[OwnSGD].learning_rate_init == MLPRegressor().learning_rate_init


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameters_of_the_same_name_are_kept(Estimator):
    given = {
        "alpha": 0.3,
        "batch_size": 17,
        "power_t": 0.4,
        "max_iter": 11,
        "shuffle": False,
        "random_state": 4,
        "tol": 0.01,
        "verbose": False,
        "warm_start": True,
        "early_stopping": True,
        "validation_fraction": 0.3,
        "n_iter_no_change": 6,
    }
    model = layered(Estimator).set_params(**given).fit(X, target(Estimator))
    twin = model.to_sklearn()
    assert twin.get_params().items() >= given.items()
    assert twin.hidden_layer_sizes == (7, 4)


# ------------------------------------------------------------------- its further life


@pytest.mark.parametrize("task", list(TASKS))
def test_the_twin_lives_on(task):
    Estimator, y = TASKS[task]
    model = layered(Estimator, warm_start=True).fit(X, y)
    twin, y = model.to_sklearn(), dense(y)
    assert_predicts_equally(model, pickle.loads(pickle.dumps(twin)), X)
    with pytest.raises(NotFittedError):
        clone(twin).predict(X)
    begun = twin.loss_
    for _ in range(30):
        twin.partial_fit(X, y)
    assert twin.loss_ < begun
    assert len(twin.loss_curve_) == 33
    assert twin.t_ == 33 * 150
    best = twin.loss_
    assert twin.fit(X, y).loss_ < best  # a warm start
    assert twin.set_params(warm_start=False).fit(X, y).n_iter_ == 3


def test_an_early_stopped_twin_is_warm_started():
    skip_where_scikit_learn_fails()
    model = layered(MLPClassifierX, early_stopping=True, warm_start=True)
    twin = model.fit(X, LABELS).to_sklearn()
    with pytest.raises(ValueError, match="does not support early_stopping"):
        deepcopy(twin).partial_fit(X, LABELS)
    twin.fit(X, LABELS)
    assert len(twin.validation_scores_) == 6
    # Where no epoch is better than what was carried over, that is kept.
    twin = model.to_sklearn()
    twin.best_validation_score_ = 2.0
    twin.fit(X, LABELS)
    for ours, theirs in zip(
        model.coefs_ + model.intercepts_, twin.coefs_ + twin.intercepts_, strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_partial_fit_makes_the_update_that_the_estimator_would_have_made():
    """SGD has no memory: the fresh state that scikit-learn starts with is the same."""
    model = layered(MLPRegressorX, solver="sgd", shuffle=False, alpha=0, batch_size=40)
    model.fit(X, NUMBERS)
    twin = model.to_sklearn().partial_fit(X, NUMBERS)
    model.partial_fit(X, NUMBERS)
    for ours, theirs in zip(model.coefs_, twin.coefs_, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-15)


# ------------------------------------------------------- what scikit-learn cannot have


class Strange(ReLU):
    """A derived class may compute anything."""


class StrangeLoss(HalfSquaredError):
    """So may its link."""

    out_activation = "strange"


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_what_scikit_learn_lacks_is_told(Estimator):
    with pytest.raises(NotFittedError):
        small(Estimator).to_sklearn()
    model = layered(Estimator).fit(X, target(Estimator))
    for part, says in (
        (
            {"activations": (Strange(),) * 2},
            "no activation like Strange; it has identity",
        ),
        ({"loss": StrangeLoss()}, "no loss like StrangeLoss"),
    ):
        other = deepcopy(model)
        other._network = replace(model._network, **part)
        before = joblib.hash(other)
        with pytest.raises(ValueError, match=f"{says}.*Predict with the estimator"):
            other.to_sklearn()
        assert joblib.hash(other) == before


# Predictions exp(z) came with scikit-learn 1.7.
LOG_LINK = "loss" in MLPRegressor().get_params()
needs_log_link = pytest.mark.skipif(
    not LOG_LINK, reason="this scikit-learn has no loss='poisson'"
)


@pytest.mark.parametrize("loss", sorted(REGRESSION_LOSSES))
def test_a_loss_counts_in_training_only(loss):
    """A twin predicts equally where the link is scikit-learn's."""
    model = MLPRegressorX((7,), loss=loss, max_iter=3, random_state=0)
    model.fit(X, np.abs(X[:, 0]) + 0.1)
    log_link = loss in ("poisson", "gamma")
    if log_link and not LOG_LINK:
        with pytest.raises(ValueError, match=r"from version 1.7 on.*Predict with"):
            model.to_sklearn()
        return
    twin = model.to_sklearn()
    assert_predicts_equally(model, twin, X)
    if LOG_LINK:
        assert twin.loss == ("poisson" if log_link else "squared_error")


COUNTS = np.random.default_rng(0).poisson(np.exp(0.5 * X[:, :2]))


@needs_log_link
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("y", [COUNTS[:, 0], COUNTS], ids=["one", "two"])
def test_the_twin_of_counts(y, dtype):
    """It predicts equally, has the same loss in scikit-learn's unit, and goes on."""
    rows = X.astype(dtype)
    model = layered(MLPRegressorX, loss="poisson", solver="sgd", batch_size=40)
    model.set_params(normalize_y=False, alpha=0, shuffle=False, warm_start=True).fit(
        rows, y
    )
    twin = model.to_sklearn()
    assert_predicts_equally(model, twin, rows)
    assert (model.predict(rows) > 0).all()
    assert twin.out_activation_ == "exp"
    fresh = clone(twin).fit(rows, y)
    assert vars(twin).keys() >= vars(fresh).keys() - {"_optimizer", "_random_state"}
    assert np.allclose(twin.loss_curve_, fresh.loss_curve_, rtol=1e-5)
    onward, warm = deepcopy(model).partial_fit(rows, y), deepcopy(model).fit(rows, y)
    twins = deepcopy(twin).partial_fit(rows, y), deepcopy(twin).fit(rows, y)
    tolerance = {"rtol": 1e-12, "atol": 1e-14}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-6}
    for ours, theirs in zip((onward, warm), twins, strict=True):
        for W, V in zip(ours.coefs_, theirs.coefs_, strict=True):
            assert np.allclose(W, V, **tolerance)
    assert twins[1].loss_ < twin.loss_


def test_counts_need_a_later_scikit_learn(monkeypatch):
    """What a release without the loss is told, whichever is installed."""
    model = layered(MLPRegressorX, loss="poisson").fit(X, COUNTS)
    monkeypatch.setattr(
        to_sklearn, "signature", lambda Estimator: signature(MLPClassifier)
    )
    version = re.escape(sklearn.__version__)
    before = joblib.hash(model)
    with pytest.raises(ValueError, match=rf"from version 1\.7 on.* is {version}\."):
        model.to_sklearn()
    assert joblib.hash(model) == before
    layered(MLPRegressorX).fit(X, NUMBERS).to_sklearn()


def test_quantiles_that_do_not_cross_and_layers_that_differ_are_told():
    quantiles = MLPRegressorX((7,), loss="quantile", quantile=[0.1, 0.9], max_iter=2)
    with pytest.raises(ValueError, match="no loss like Pinball"):
        quantiles.fit(X, X[:, 0]).to_sklearn()
    mixed = layered(MLPClassifierX, activation=["tanh", "relu"]).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"one activation for all .* Tanh, ReLU"):
        mixed.to_sklearn()


def test_lbfgs_schedules_and_smoothing_are_expressed():
    lbfgs = small(MLPClassifierX, solver="lbfgs", max_fun=777, max_iter=999)
    lbfgs.fit(X, LABELS)
    twin = lbfgs.to_sklearn()
    assert (twin.solver, twin.max_fun) == ("lbfgs", 777)
    assert_predicts_equally(lbfgs, twin, X)
    for schedule, own in (("invscaling", {"power_t": 0.3}), ("adaptive", {})):
        model = small(MLPClassifierX, solver="sgd", lr_schedule=schedule, **own)
        twin = model.fit(X, LABELS).to_sklearn()
        assert twin.learning_rate == schedule
        assert twin.power_t == model.power_t
    smooth = small(MLPClassifierX, label_smoothing=0.1).fit(X, LABELS)
    assert_predicts_equally(smooth, smooth.to_sklearn(), X)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_an_activation_is_told_or_expressed(activation):
    """Whatever is in the registry: no twin is ever made that predicts otherwise."""
    model = layered(MLPClassifierX, activation=activation).fit(X, LABELS)
    known = MLPClassifier._parameter_constraints["activation"][0].options
    if activation in known:
        assert_predicts_equally(model, model.to_sklearn(), X)
    else:
        with pytest.raises(ValueError, match="no activation like"):
            model.to_sklearn()


# ----------------------------------------------------------------------- and to ONNX


def onnx_outputs(twin, rows):
    """Return what the ONNX runtime computes with a converted model, as arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs are not our business
        skl2onnx = pytest.importorskip("skl2onnx")
        onnxruntime = pytest.importorskip("onnxruntime")
        options = {id(twin): {"zipmap": False}} if is_classifier(twin) else None
        converted = skl2onnx.to_onnx(twin, rows[:1], options=options)
        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            converted.SerializeToString(), quiet, providers=["CPUExecutionProvider"]
        )
        found = session.run(None, {session.get_inputs()[0].name: rows})
    return list(map(np.asarray, found))


def assert_onnx_computes_equally(twin, model, rows):
    outputs, tolerance = onnx_outputs(twin, rows), 1e-5
    if rows.dtype == np.float64:
        assert outputs[-1].dtype == np.float64
        tolerance = 1e-12
    if not is_classifier(model):
        # skl2onnx 1.20 lays several targets into one column.
        predicted = outputs[0].reshape(len(rows), -1)
        expected = model.predict(rows).reshape(len(rows), -1)
        assert np.allclose(predicted, expected, rtol=tolerance, atol=tolerance)
        return
    labels, probabilities = outputs
    expected = model.predict_proba(rows)
    # skl2onnx 1.20 takes two labels for two classes, and puts two columns before them.
    probabilities = probabilities[:, -expected.shape[1] :]
    assert np.allclose(probabilities, expected, rtol=0, atol=tolerance)
    # To rounding, the label may be another one where two are as probable.
    clear = (abs(expected - 0.5) > 1e-4).all(axis=1)
    if expected.shape[1] > 2 and labels.ndim == 1:
        first, second = np.sort(expected, axis=1)[:, :-3:-1].T
        clear = first - second > 1e-4
    assert clear.sum() > 100
    assert np.array_equal(labels[clear], dense(model.predict(rows))[clear])


def as_rows_of(task, dtype):
    """Return rows for ONNX; the runtime knows its labels' threshold in float32 only."""
    labels = TASKS[task][0] is MLPClassifierX and np.ndim(dense(TASKS[task][1])) == 2
    return X.astype(np.float32 if labels else dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", list(TASKS))
def test_onnx_computes_equally(task, dtype):
    Estimator, y = TASKS[task]
    model = layered(Estimator).fit(X.astype(dtype), y)
    assert_onnx_computes_equally(model.to_sklearn(), model, as_rows_of(task, dtype))


@pytest.mark.parametrize("sizes", [(), (5, 4, 3)])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("task", ["multiclass", "one target"])
def test_onnx_knows_every_activation(task, activation, sizes):
    Estimator, y = TASKS[task]
    model = small(Estimator, activation=activation)
    model.set_params(hidden_layer_sizes=sizes).fit(X, y)
    assert_onnx_computes_equally(model.to_sklearn(), model, X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", list(TASKS))
def test_a_whole_pipeline_goes_to_onnx(task, dtype):
    """Its last step is replaced by the twin; what comes before is scikit-learn's."""
    Estimator, y = TASKS[task]
    pipeline = make_pipeline(StandardScaler(), PCA(3), layered(Estimator))
    pipeline.fit((3 * X + 7).astype(dtype), y)
    twin = make_pipeline(*pipeline[:-1], pipeline[-1].to_sklearn())
    rows = 3 * as_rows_of(task, dtype) + 7
    assert_onnx_computes_equally(twin, pipeline, rows)
