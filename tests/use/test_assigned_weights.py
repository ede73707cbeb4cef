"""Weights that a user assigns: they predict, are trained on, and are kept."""

import copy
import json
import pickle
import warnings

import joblib
import numpy as np
import pytest
from problems import has_callbacks
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet._sklearn import without_callbacks
from skoptnet.callbacks import Callback, Checkpoint
from skoptnet.optimizers import OPTIMIZERS, SGD, Adam

pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)"),
    pytest.mark.filterwarnings("ignore:Training ended at a loss"),
]

rng = np.random.RandomState(0)
X = rng.randn(40, 4)
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.randn(40)
SHAPES = [(4, 3), (3, 1)]


def drawn(seed):
    """Return W_l and b_l of other values."""
    rng = np.random.RandomState(seed)
    return [rng.randn(*shape) for shape in SHAPES], [rng.randn(k) for _, k in SHAPES]


def fitted(**parameters):
    options = {"random_state": 0, "max_iter": 3, "activation": "tanh", "alpha": 0.0}
    return MLPRegressorX((3,), **options | parameters).fit(X, y)


def by_hand(rows, coefs, intercepts):
    hidden = np.tanh(rows @ coefs[0] + intercepts[0])
    return (hidden @ coefs[1] + intercepts[1]).ravel()


def outputs_of(model):
    """Return raw outputs, in the unit that is trained on."""
    return model._raw_outputs(X).ravel()


def set_items(model, coefs, intercepts):
    for k in range(2):
        model.coefs_[k] = coefs[k]
        model.intercepts_[k] = intercepts[k]


def set_lists(model, coefs, intercepts):
    model.coefs_, model.intercepts_ = coefs, tuple(intercepts)


def set_slices(model, coefs, intercepts):
    model.coefs_[:] = coefs
    model.intercepts_[-2:1] = intercepts[:1]
    model.intercepts_[1::2] = [intercepts[1].tolist()]


def set_elements(model, coefs, intercepts):
    for mine, values in zip(
        model.coefs_ + model.intercepts_, coefs + intercepts, strict=True
    ):
        mine[...] = values


def set_in_held_lists(model, coefs, intercepts):
    held = model.coefs_, model.intercepts_
    for k in range(2):
        held[0][k] = coefs[k]
        held[1][k] = intercepts[k]


def multiply(model, coefs, intercepts):
    set_lists(model, [W / 4 for W in coefs], [b / 2 for b in intercepts])
    for k in range(2):
        model.coefs_[k] *= 4
        model.intercepts_[k] += model.intercepts_[k]


WAYS = [set_items, set_lists, set_slices, set_elements, set_in_held_lists, multiply]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kernels", ["0", "1"])
def test_a_model_predicts_with_assigned_weights(way, kernels, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    model, (coefs, intercepts) = fitted(), drawn(1)
    way(model, coefs, intercepts)
    expected = by_hand(X, coefs, intercepts)
    np.testing.assert_allclose(outputs_of(model), expected, rtol=1e-12)
    hidden = np.tanh(X @ coefs[0] + intercepts[0])
    np.testing.assert_allclose(model.hidden_activations(X), hidden, rtol=1e-12)
    for mine, values in zip(model.coefs_, coefs, strict=True):
        np.testing.assert_array_equal(mine, values)
        assert not np.shares_memory(mine, values)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("how", ["partial_fit", "warm fit"])
def test_the_next_epoch_begins_at_assigned_weights(way, how):
    """It makes the step of scikit-learn's MLP from the same weights."""
    n = len(y)
    theirs = MLPRegressor(
        hidden_layer_sizes=(3,), activation="tanh", solver="sgd", momentum=0.0,
        alpha=0.0, learning_rate_init=0.1, batch_size=n, shuffle=False,
    )  # fmt: skip
    theirs.partial_fit(X, y)
    theirs.coefs_, theirs.intercepts_ = drawn(1)
    theirs.partial_fit(X, y)
    model = fitted(
        solver="gd", learning_rate_init=0.1, max_iter=1, warm_start=True,
        normalize_y=False,
    )  # fmt: skip
    way(model, *drawn(1))
    model.partial_fit(X, y) if how == "partial_fit" else model.fit(X, y)
    for ours, their in zip(
        model.coefs_ + model.intercepts_, theirs.coefs_ + theirs.intercepts_,
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(ours, their, rtol=1e-9, atol=1e-12)
    assert model.loss_curve_[-1] == pytest.approx(theirs.loss_curve_[-1], rel=1e-9)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_copies_and_pickles_keep_assigned_weights(way, tmp_path):
    model = fitted()
    way(model, *drawn(1))
    joblib.dump(model, tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model),
        joblib.load(tmp_path / "model"),
    ]  # fmt: skip
    assert not hasattr(clone(model), "coefs_")
    for twin in copies:
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        twin.partial_fit(X, y)
    before = model.predict(X)
    model.partial_fit(X, y)
    assert not np.array_equal(model.predict(X), before)
    for twin in copies:
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict(X), model.predict(X), rtol=1e-9)


def test_arrays_are_views_and_an_assignment_leaves_those_of_before():
    """Remembered weights keep their values; arrays of other layers are still views."""
    model, (coefs, _) = fitted(), drawn(1)
    W, V, b = *model.coefs_, model.intercepts_[0]
    remembered = W.copy()
    model.coefs_[0] = coefs[0]
    np.testing.assert_array_equal(W, remembered)
    V[...], b[...] = 0.0, 1.0
    assert (model.coefs_[1] == 0).all()
    np.testing.assert_array_equal(outputs_of(model), model.intercepts_[1][0])
    model.coefs_[0] = W  # and back
    np.testing.assert_array_equal(model.coefs_[0], remembered)
    kept = model.coefs_
    model.coefs_ = coefs
    assert model.coefs_ is not kept
    model.coefs_ = kept
    np.testing.assert_array_equal(model.coefs_[0], remembered)
    np.testing.assert_array_equal(model.hidden_activations(X), np.tanh(X @ W + 1))


def test_two_models_exchange_a_layer():
    one, other = fitted(), fitted(random_state=1)
    first, second = one.coefs_[0].copy(), other.coefs_[0].copy()
    one.coefs_[0], other.coefs_[0] = other.coefs_[0], one.coefs_[0]
    np.testing.assert_array_equal(one.coefs_[0], second)
    np.testing.assert_array_equal(other.coefs_[0], first)
    one.coefs_[0] *= 2
    np.testing.assert_array_equal(other.coefs_[0], first)
    square = MLPRegressorX((4, 4), random_state=0, max_iter=2).fit(X, y)
    first, second = (W.copy() for W in square.coefs_[:2])
    square.coefs_[:2] = square.coefs_[1::-1]
    np.testing.assert_array_equal(square.coefs_[0], second)
    np.testing.assert_array_equal(square.coefs_[1], first)


def test_a_list_from_before_a_training_says_so():
    model = fitted(warm_start=True)
    held = model.coefs_
    for train in (model.fit, model.partial_fit):
        train(X, y)
        with pytest.raises(ValueError, match="before the last fit or partial_fit"):
            held[0] = np.zeros((4, 3))
        held = model.coefs_
        held[0] = np.zeros((4, 3))
        assert not model.coefs_[0].any()
    before = [W.copy() for W in held]
    model.partial_fit(X, y)
    for W, same in zip(held, before, strict=True):
        np.testing.assert_array_equal(W, same)
    del model, train
    held[0] = np.ones((4, 3))  # nobody else's by now


def test_a_list_that_another_has_replaced_is_its_users_own():
    model = fitted()
    held = model.coefs_
    model.coefs_ = drawn(1)[0]
    model.partial_fit(X, y)
    held[0] = np.zeros((4, 3))
    assert not held[0].any()
    assert model.coefs_[0].any()


def test_a_call_that_fails_loses_no_assignment():
    model = fitted()
    set_lists(model, *drawn(1))
    held, before = model.coefs_, model.predict(X)
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2], y)
    np.testing.assert_array_equal(model.predict(X), before)
    held[0] = np.zeros((4, 3))
    assert not model.coefs_[0].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.coefs_.append(1), "keep its length"),
        (lambda m: m.coefs_.extend([]), "keep its length"),
        (lambda m: m.coefs_.insert(0, 1), "keep its length"),
        (lambda m: m.coefs_.pop(), "keep its length"),
        (lambda m: m.coefs_.remove(1), "keep its length"),
        (lambda m: m.coefs_.clear(), "keep its length"),
        (lambda m: m.coefs_.reverse(), "keep its length"),
        (lambda m: m.coefs_.sort(), "keep its length"),
        (lambda m: m.coefs_.__delitem__(0), "keep its length"),
        (lambda m: m.coefs_.__iadd__([1]), "keep its length"),
        (lambda m: m.coefs_.__imul__(2), "keep its length"),
        (lambda m: m.coefs_.__setitem__(0, 0.0), r"shape \(4, 3\).*shape \(\)"),
        (lambda m: m.coefs_.__setitem__(0, np.ones((3, 4))), r"shape \(3, 4\)"),
        (lambda m: m.coefs_.__setitem__(0, np.ones((4, 3, 1))), "shape"),
        (lambda m: m.coefs_.__setitem__(2, np.ones((4, 3))), "out of range"),
        (lambda m: m.coefs_.__setitem__(slice(1), m.coefs_), "as many arrays"),
        (lambda m: m.coefs_.__setitem__(0, np.full((4, 3), np.nan)), "finite"),
        (lambda m: m.coefs_.__setitem__(0, np.full((4, 3), 1e300)), "float32"),
        (lambda m: m.coefs_.__setitem__(0, np.ones((4, 3), complex)), "complex128"),
        (lambda m: m.coefs_.__setitem__(0, np.full((4, 3), "1")), "real numbers"),
        (lambda m: m.intercepts_.__setitem__(0, np.ones((1, 3))), "intercepts_.0."),
        (lambda m: setattr(m, "coefs_", m.coefs_[:1]), "2 here. Got 1"),
        (lambda m: setattr(m, "coefs_", 3), "list of arrays. Got 3"),
        (lambda m: setattr(m, "coefs_", [m.coefs_[0], m.coefs_[0]]), "coefs_.1. must"),
        (lambda m: setattr(clone(m), "coefs_", m.coefs_), "before it is fitted"),
        (lambda m: delattr(m, "coefs_"), "coefs_"),
    ],
)  # fmt: skip
def test_what_is_no_weight_is_refused_and_changes_nothing(change, message):
    model = MLPRegressorX((3,), max_iter=2, random_state=0).fit(X.astype("f"), y)
    before = [array.copy() for array in model.coefs_ + model.intercepts_]
    with pytest.raises((ValueError, TypeError, IndexError, AttributeError)) as caught:
        change(model)
    caught.match(message)
    for array, same in zip(model.coefs_ + model.intercepts_, before, strict=True):
        np.testing.assert_array_equal(array, same)


def test_a_sparse_container_is_refused():
    with pytest.raises(TypeError, match="toarray"):
        fitted().coefs_[0] = sparse.csr_array(np.ones((4, 3)))


def test_values_are_converted_to_the_dtype_of_the_network():
    model = MLPRegressorX((3,), max_iter=2, random_state=0).fit(X.astype("f"), y)
    model.coefs_[0] = np.ones((4, 3), order="F")
    model.intercepts_[0] = [True, 2, 0.5]
    assert {W.dtype for W in model.coefs_ + model.intercepts_} == {np.dtype("f")}
    assert model.intercepts_[0].tolist() == [1, 2, 0.5]
    assert model.predict(X.astype("f")).dtype == np.float32


def test_coefs_are_a_list_like_scikit_learns():
    model = fitted()
    coefs = model.coefs_
    assert isinstance(coefs, list)
    assert coefs is model.coefs_ == coefs
    assert len(coefs) == 2
    assert repr(coefs) == repr(list(coefs))
    assert json.dumps([W.shape for W in coefs]) == "[[4, 3], [3, 1]]"
    assert type(coefs + model.intercepts_) is type(coefs[:1]) is list
    for twin in (copy.copy(coefs), copy.deepcopy(coefs), coefs.copy()):
        assert type(twin) is list
        twin.append(None)
    assert type(pickle.loads(pickle.dumps(coefs))) is list
    assert not np.shares_memory(copy.deepcopy(coefs)[0], coefs[0])
    assert np.shares_memory(coefs[0], model.coefs_[0].T)


# Solvers that report another theta than the one they move.
AVERAGING = {
    "schedule_free_adamw": "schedule_free_adamw",
    "average": SGD(average=0.9),
    "decay and average": Adam(weight_decay=0.1, average=0.99),
}
averaging = pytest.mark.parametrize("solver", AVERAGING.values(), ids=AVERAGING)


@averaging
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_average_does_not_pull_assigned_weights_back(solver, way):
    """What the solver moves begins at the assigned weights, too."""
    model = fitted(solver=solver, learning_rate_init=0.1, max_iter=50)
    coefs, intercepts = drawn(1)
    way(model, coefs, intercepts)
    twin = pickle.loads(pickle.dumps(model))
    for going_on in (model, twin):
        going_on.set_params(learning_rate_init=1e-12).partial_fit(X, y)
        for W, values in zip(
            going_on.coefs_ + going_on.intercepts_, coefs + intercepts, strict=True
        ):
            np.testing.assert_allclose(W, values, rtol=1e-9, atol=1e-9)


@averaging
def test_an_average_goes_on_where_nothing_was_assigned(solver):
    model = fitted(solver=solver, learning_rate_init=0.1, warm_start=True)
    state = model._run.state
    name = "z" if hasattr(state, "z") else "iterate"
    before = getattr(state, name).copy()
    model.intercepts_[1] += 1.0
    model.set_params(learning_rate_init=1e-12, max_iter=1).fit(X, y)
    after = getattr(model._run.state, name)
    np.testing.assert_allclose(after[:-1], before[:-1], rtol=1e-8)
    assert after[-1] == pytest.approx(model.intercepts_[1][0], rel=1e-8)


class Setting(Callback):
    """Calls a function with the estimator at the end of each epoch, or at a start."""

    def __init__(self, change, when="end"):
        self.change, self.when = change, when

    def on_fit_task_begin(self, estimator, context):
        if self.when == context.task_name:
            self.change(estimator)

    def on_fit_task_end(self, estimator, context):
        if self.when == "end" and context.task_name == "epoch":
            self.change(estimator)


def halve(estimator):
    estimator.coefs_[0] = estimator.coefs_[0] / 2
    estimator.coefs_[1] *= 0.5
    estimator.intercepts_[0][...] = 0.0


def halve_all(estimator):
    estimator.coefs_ = [W / 2 for W in estimator.coefs_]
    estimator.intercepts_[0] = np.zeros(3)


@has_callbacks
@pytest.mark.parametrize("solver", [*sorted(OPTIMIZERS), *list(AVERAGING.values())[1:]])
@pytest.mark.parametrize("change", [halve, halve_all], ids=lambda f: f.__name__)
@pytest.mark.each_value
def test_weights_set_in_a_callback_are_trained_on(solver, change):
    """As if every epoch were a warm fit, with the weights set in between."""
    options = {"solver": solver, "batch_size": 16, "n_iter_no_change": np.inf}
    model = MLPRegressorX((3,), random_state=0, max_iter=4, **options)
    model.set_callbacks(Setting(change)).fit(X, y)
    parts = MLPRegressorX((3,), random_state=0, max_iter=1, warm_start=True, **options)
    for _ in range(4):
        change(parts.fit(X, y))
    assert model.loss_curve_ == parts.loss_curve_
    np.testing.assert_array_equal(model._run.theta, parts._run.theta)
    assert not model.intercepts_[0].any()
    parts.partial_fit(X, y)
    np.testing.assert_array_equal(model.partial_fit(X, y)._run.theta, parts._run.theta)


@has_callbacks
@pytest.mark.parametrize("when", ["fit", "epoch"])
@averaging
def test_a_fit_can_begin_at_given_weights(when, solver):
    coefs, intercepts = drawn(1)
    model = MLPRegressorX(
        (3,), solver=solver, max_iter=1, learning_rate_init=1e-12, random_state=0
    )
    model.set_callbacks(Setting(lambda e: set_lists(e, coefs, intercepts), when))
    model.fit(X, y)
    for W, values in zip(
        model.coefs_ + model.intercepts_, coefs + intercepts, strict=True
    ):
        np.testing.assert_allclose(W, values, rtol=1e-9, atol=1e-9)


@has_callbacks
def test_with_early_stopping_the_scored_weights_are_kept():
    def forget(estimator):
        for W in estimator.coefs_:
            W[...] = 0.0

    model = MLPRegressorX(
        (3,), early_stopping=True, max_iter=5, random_state=0, scoring="loss"
    )
    model.set_callbacks(Setting(forget)).fit(X, y, X_val=X, y_val=y)
    assert model.coefs_[0].any()
    error = outputs_of(model) - (y - model.y_mean_) / model.y_scale_
    assert np.mean(error**2) / 2 == pytest.approx(-model.best_validation_score_)


@has_callbacks
def test_an_interrupted_fit_keeps_what_a_callback_has_set():
    def halve_twice(estimator):
        halve(estimator)
        seen.append([W.copy() for W in estimator.coefs_])
        if len(seen) == 3:
            raise KeyboardInterrupt

    seen = []
    model = MLPRegressorX((3,), max_iter=5, random_state=0)
    with pytest.warns(UserWarning, match="interrupted"):
        model.set_callbacks(Setting(halve_twice)).fit(X, y)
    whole = MLPRegressorX((3,), max_iter=3, random_state=0)
    whole.set_callbacks(Setting(halve)).fit(X, y)
    # What the interrupted call of the callback did is undone; the calls before are not.
    np.testing.assert_array_equal(whole.coefs_[0] * 2, model.coefs_[0])


@has_callbacks
def test_after_a_divergence_weights_that_a_callback_has_set_are_kept():
    good, seen = fitted(solver="lbfgs", max_iter=200), []

    def improve(estimator):
        seen.append(estimator)
        if len(seen) == 2:
            set_lists(estimator, good.coefs_, good.intercepts_)

    model = fitted(max_iter=1).set_params(
        solver="sgd", batch_size=20, max_iter=5, learning_rate_init=0.01,
        lr_schedule=lambda clock: 1e300 if clock.epoch == 2 else 1.0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 3"):
        model.set_callbacks(Setting(improve)).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], good.coefs_[0])


@has_callbacks
def test_lbfgs_refuses_weights_during_training():
    for change, says in (
        (halve, "cannot be set while solver='lbfgs' trains"),
        (halve_all, "cannot be set while solver='lbfgs' trains"),
        (lambda e: e.coefs_[0].fill(0), "read-only"),
    ):
        model = MLPRegressorX((3,), solver="lbfgs", random_state=0, max_iter=3)
        with pytest.raises(ValueError, match=says):
            model.set_callbacks(Setting(change)).fit(X, y)


@has_callbacks
def test_weights_that_are_not_finite_are_refused_in_a_callback():
    def break_it(estimator):
        estimator.coefs_[0][0, 0] = np.inf

    model = MLPRegressorX((3,), random_state=0, max_iter=3)
    with pytest.raises(ValueError, match="input_scale_ must be finite"):
        model.set_callbacks(Setting(break_it)).fit(X, y)
    assert np.isfinite(model._run.theta).all()


@has_callbacks
def test_copies_made_in_a_callback_do_not_change_with_the_training(tmp_path):
    copies, paths = [], tmp_path / "model.pickle"

    class Copying(Callback):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                fitted_estimator.coefs_[0] = np.zeros((4, 3))  # nobody's but its own
                copies.append(without_callbacks(copy.copy(estimator)))

    plain = MLPRegressorX((3,), random_state=0, max_iter=3).fit(X, y)
    model = clone(plain).set_callbacks(Copying(), Checkpoint(paths, every=1)).fit(X, y)
    np.testing.assert_array_equal(model._run.theta, plain._run.theta)
    assert not any(hasattr(twin, "coefs_") for twin in copies)
    assert not hasattr(pickle.loads(pickle.dumps(copies[0])), "coefs_")


def damage(model):
    """Do to all lists of a fitted model whatever a list can suffer."""
    lists = [*model.history_.values(), model.loss_curve_]
    if model.validation_scores_ is not None:
        lists.append(model.validation_scores_)
    model.history_.clear()
    for values in lists:
        values[0] = np.nan
        values.append("x")
        values.reverse()
        del values[1:]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_lists_of_curves_are_their_users_own(early_stopping):
    labels = (y > 0).astype(int)
    models = [
        MLPClassifierX(
            (3,), random_state=0, max_iter=3, warm_start=True,
            early_stopping=early_stopping, n_iter_no_change=np.inf,
            lr_schedule="plateau",
        )
        for _ in range(2)
    ]  # fmt: skip
    for _ in range(3):
        for model in models:
            model.fit(X, labels)
        damage(models[0])
    curves = [{**m.history_, "seconds": 0} for m in models]
    assert curves[0] == curves[1]
    assert models[0].loss_curve_ == models[1].loss_curve_ == curves[0]["loss"]
    assert models[0].validation_scores_ == models[1].validation_scores_
    assert models[0].best_loss_ == models[1].best_loss_
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.dumps(models[0])
