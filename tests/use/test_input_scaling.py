"""`input_scaling` and `parametrization` of the estimators, and `input_scale_`."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
from problems import (
    ESTIMATORS,
    KINDS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_refused,
    assert_same_state,
    batched,
    has_callbacks,
    layered,
    small,
    some_solvers,
    target,
)
from quick_schedules import quick
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import Adam, MLPClassifierX, MLPRegressorX
from skoptnet.parametrizations import PARAMETRIZATIONS

pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)"),
    pytest.mark.filterwarnings("ignore:Training ended at a loss"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
]
estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
SETTINGS = {
    "scaling": {"input_scaling": True},
    "ntk": {"parametrization": "ntk"},
    "both": {"input_scaling": True, "parametrization": "ntk"},
}
settings = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
S = np.array([0.5, -2.0, 0.0, 1.5])


def scaled(Estimator, **parameters):
    return layered(Estimator, input_scaling=True, **parameters)


def fitted(Estimator, **parameters):
    return scaled(Estimator, **parameters).fit(X, target(Estimator))


def output_of(model, rows=X):
    return model._raw_outputs(rows)


def by_hand(model, rows=X, s=None):
    """Return the raw outputs of a network of ReLUs."""
    a = rows * (model.input_scale_ if s is None else s)
    last = len(model.coefs_) - 1
    for level, (W, b) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        a = a @ W + b
        a = a if level == last else np.maximum(a, 0)
    return a


# -------------------------------------------------------------------------- parameters


@estimators
def test_both_are_off_by_default(Estimator):
    """And then nothing is as it would be otherwise: results are the same bits."""
    assert Estimator().input_scaling is False
    assert Estimator().parametrization == "standard"
    y = target(Estimator)
    plain = batched(Estimator).fit(X, y)
    same = batched(Estimator, input_scaling=False, parametrization="standard")
    assert_same_state(same.fit(X, y), plain)
    assert not hasattr(plain, "input_scale_")
    for setting in SETTINGS.values():
        other = batched(Estimator, **setting).fit(X, y)
        assert other.loss_curve_ != plain.loss_curve_


@estimators
@pytest.mark.parametrize("value", ["yes", 2, None, 0.0, [True], "False"], ids=repr)
def test_a_scaling_that_is_no_bool_is_refused(value, Estimator):
    message = f"The 'input_scaling' parameter of {Estimator.__name__} must be"
    model = small(Estimator, input_scaling=value)
    assert_fit_refused(message, model, X, target(Estimator))


@estimators
@pytest.mark.parametrize("value", ["NTK", "mup", None, True, ["ntk"]], ids=repr)
def test_a_parametrization_without_that_name_is_refused(value, Estimator):
    model = small(Estimator, parametrization=value)
    message = assert_fit_refused(
        f"The 'parametrization' parameter of {Estimator.__name__} must be", model,
        X, target(Estimator),
    )  # fmt: skip
    for name in PARAMETRIZATIONS:
        assert repr(name) in message


@estimators
def test_numpys_bools_are_bools(Estimator):
    y = target(Estimator)
    model = small(Estimator, input_scaling=np.bool_(True)).fit(X, y)
    assert_same_state(model, small(Estimator, input_scaling=True).fit(X, y))
    model.set_params(warm_start=True, input_scaling=True).fit(X, y)


@estimators
def test_a_search_over_both(Estimator):
    grid = {"input_scaling": [False, True], "parametrization": sorted(PARAMETRIZATIONS)}
    pipeline = make_pipeline(StandardScaler(), batched(Estimator, max_iter=20))
    step = Estimator.__name__.lower()
    search = GridSearchCV(
        pipeline, {f"{step}__{name}": values for name, values in grid.items()}, cv=3
    ).fit(X, target(Estimator))
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1
    best = search.best_estimator_[-1]
    assert hasattr(best, "input_scale_") == best.input_scaling


# ------------------------------------------------------------------------ input_scale_


@estimators
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_input_scale_is_learnt(Estimator, dtype):
    rows, y = X.astype(dtype), target(Estimator)
    first = scaled(Estimator, learning_rate_init=1e-300, max_iter=1).fit(rows, y)
    np.testing.assert_array_equal(first.input_scale_, np.ones(4, dtype))
    model = scaled(Estimator).fit(rows, y)
    assert model.input_scale_.shape == (4,)
    assert model.input_scale_.dtype == dtype
    assert (model.input_scale_ != 1).all()
    room = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(output_of(model, rows), by_hand(model, rows), rtol=room,
                               atol=room)  # fmt: skip


@estimators
def test_without_scaling_there_is_no_such_attribute(Estimator):
    model = small(Estimator).fit(X, target(Estimator))
    assert not hasattr(model, "input_scale_")
    with pytest.raises(AttributeError, match="fitted with input_scaling=False"):
        model.input_scale_  # noqa: B018
    with pytest.raises(AttributeError, match="fitted with input_scaling=False"):
        model.input_scale_ = np.ones(4)
    model.set_params(input_scaling=True)  # it is still that of the fit
    assert not hasattr(model, "input_scale_")
    assert "input_scale_" not in vars(model)


@estimators
def test_before_a_fit_there_is_no_such_attribute(Estimator):
    model = scaled(Estimator)
    assert not hasattr(model, "input_scale_")
    with pytest.raises((AttributeError, NotFittedError)):
        model.input_scale_  # noqa: B018
    with pytest.raises((AttributeError, ValueError), match="fitted"):
        model.input_scale_ = np.ones(4)


def assign(model, s):
    model.input_scale_ = s


def assign_list(model, s):
    model.input_scale_ = list(s)


def fill(model, s):
    model.input_scale_[...] = s


def multiply(model, s):
    model.input_scale_ = s / 4
    model.input_scale_ *= 4


WAYS = [assign, assign_list, fill, multiply]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@estimators
@ways
@pytest.mark.parametrize("kernels", ["0", "1"])
def test_a_model_predicts_with_assigned_scales(kernels, way, Estimator, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    model, room = fitted(Estimator), {"rtol": 1e-11, "atol": 1e-12}
    before = output_of(model)
    way(model, S)
    np.testing.assert_array_equal(model.input_scale_, S)
    assert not np.shares_memory(model.input_scale_, S)
    assert not np.allclose(output_of(model), before)
    for rows in (X, csr_array(X)):
        np.testing.assert_allclose(output_of(model, rows), by_hand(model, s=S), **room)
    hidden = np.maximum(X * S @ model.coefs_[0] + model.intercepts_[0], 0)
    np.testing.assert_allclose(model.hidden_activations(X, layer=0), hidden, **room)


@estimators
@ways
def test_copies_and_files_keep_assigned_scales(way, Estimator, tmp_path):
    model, y = fitted(Estimator), target(Estimator)
    way(model, S)
    joblib.dump(model, tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model),
        joblib.load(tmp_path / "model"),
    ]  # fmt: skip
    assert not hasattr(clone(model), "input_scale_")
    assert clone(model).input_scaling
    for twin in copies:
        np.testing.assert_array_equal(twin.input_scale_, S)
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    model.partial_fit(X, y)
    for twin in copies:
        twin.partial_fit(X, y)
        assert_same_state(twin, model)


@estimators
@ways
def test_the_next_epoch_begins_at_assigned_scales(way, Estimator):
    model, y = fitted(Estimator, learning_rate_init=1e-12), target(Estimator)
    way(model, S)
    model.partial_fit(X, y)
    np.testing.assert_allclose(model.input_scale_, S, atol=1e-9)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(3), r"input_scale_ must .*shape \(4,\).*shape \(3,\)"),
        (np.ones((4, 1)), r"input_scale_ must .*shape \(4, 1\)"),
        (1.0, r"input_scale_ must .*shape \(\)"),
        (np.array([1, np.nan, 1, 1]), "input_scale_ must be finite"),
        (np.array([1, 1, np.inf, 1]), "input_scale_ must be finite"),
        (np.full(4, 1e300), "input_scale_ .*float32"),
        (np.ones(4, complex), "input_scale_ .*complex128"),
        (np.full(4, "1"), "input_scale_ .*real numbers"),
    ],
    ids=str,
)
def test_what_is_no_scale_is_refused_and_changes_nothing(value, message):
    model = scaled(MLPRegressorX).fit(X.astype("f"), NUMBERS)
    before = model.input_scale_.copy()
    with pytest.raises((ValueError, TypeError), match=message):
        model.input_scale_ = value
    np.testing.assert_array_equal(model.input_scale_, before)


def test_a_sparse_scale_is_refused():
    with pytest.raises(TypeError, match=r"input_scale_.*toarray"):
        fitted(MLPRegressorX).input_scale_ = csr_array(np.ones((1, 4)))


@estimators
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_scale_that_was_set_to_nan_is_not_trained_on(call, value, Estimator):
    model = fitted(Estimator, warm_start=True)
    model.input_scale_[2] = value
    message = assert_refused(
        "Got NaN or infinity in input_scale_", call, X, target(Estimator), model=model
    )
    assert "coefs_" not in message.split("Got NaN")[1].split(".")[0]
    model.coefs_[1][0, 0] = np.nan
    assert_refused(
        "NaN or infinity in coefs_[1] and input_scale_", call, X, target(Estimator),
        model=model,
    )  # fmt: skip
    model.input_scale_, model.coefs_[1][0, 0] = np.ones(4), 0.0
    getattr(model, call)(X, target(Estimator))


@estimators
def test_an_array_from_before_a_training_keeps_its_values(Estimator):
    model = fitted(Estimator, warm_start=True)
    held = model.input_scale_
    before = held.copy()
    model.fit(X, target(Estimator))
    np.testing.assert_array_equal(held, before)
    assert (model.input_scale_ != before).any()


# --------------------------------------------------------------------------- callbacks


@has_callbacks
@estimators
@pytest.mark.parametrize("solver", ["adam", "sgd", "schedule_free_adamw", "muon"])
def test_scales_set_in_a_callback_are_trained_on(solver, Estimator):
    """As if every epoch were a warm fit, with the scales set in between."""
    from skoptnet.callbacks import Callback

    seen = []

    class Setting(Callback):
        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                seen.append(estimator.input_scale_.copy())
                estimator.input_scale_ = estimator.input_scale_ / 2
                estimator.input_scale_[0] = 0.25

    options = {"solver": solver, "batch_size": 40, "n_iter_no_change": np.inf}
    options |= {"parametrization": "ntk"}
    y = target(Estimator)
    model = scaled(Estimator, max_iter=4, **options)
    model.set_callbacks(Setting()).fit(X, y)
    parts = scaled(Estimator, max_iter=1, warm_start=True, **options)
    for k in range(4):
        parts.fit(X, y)
        np.testing.assert_array_equal(seen[k], parts.input_scale_)
        parts.input_scale_ = parts.input_scale_ / 2
        parts.input_scale_[0] = 0.25
    assert model.loss_curve_ == parts.loss_curve_
    np.testing.assert_array_equal(model.input_scale_, parts.input_scale_)
    assert model.input_scale_[0] == 0.25


@has_callbacks
@estimators
def test_a_callback_that_sets_nan_is_told_so(Estimator):
    from skoptnet.callbacks import Callback

    class Spoiling(Callback):
        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                estimator.input_scale_[1] = np.nan

    model = scaled(Estimator).set_callbacks(Spoiling())
    with pytest.raises(ValueError, match=r"input_scale_ must be finite\. A callback"):
        model.fit(X, target(Estimator))


@has_callbacks
@estimators
def test_a_checkpoint_goes_on(Estimator, tmp_path):
    from skoptnet.callbacks import Checkpoint

    path, y = tmp_path / "model", target(Estimator)
    options = {"parametrization": "ntk", "tol": 0, "n_iter_no_change": np.inf}
    whole = scaled(Estimator, max_iter=6, warm_start=True, **options)
    whole.set_callbacks(Checkpoint(path, every=4)).fit(X, y)
    resumed = Checkpoint.load(path)
    assert len(resumed.loss_curve_) == 4
    assert (resumed.input_scale_ != whole.input_scale_).all()
    resumed.set_params(max_iter=2).fit(X, y)
    np.testing.assert_array_equal(resumed.input_scale_, whole.input_scale_)
    assert resumed.loss_curve_ == whole.loss_curve_


# ---------------------------------------------------------------------------- going on


@estimators
@some_solvers
@settings
@pytest.mark.parametrize("lr_schedule", ["constant", "one_cycle"])
@pytest.mark.each_pair
def test_k_epochs_and_k_more_are_2k(lr_schedule, setting, solver, Estimator):
    options = {"solver": solver, "tol": 0, "warm_start": True, **setting}
    options |= {"lr_schedule": quick(lr_schedule), "n_iter_no_change": np.inf}
    y = target(Estimator)
    whole = batched(Estimator, **options).set_params(max_iter=6).fit(X, y)
    half = batched(Estimator, **options).set_params(max_iter=3).fit(X, y)
    assert_same_state(pickle.loads(pickle.dumps(half)).fit(X, y), whole)
    calls = [batched(Estimator, **options) for _ in range(2)]
    classes = {"classes": np.unique(y)} if Estimator is MLPClassifierX else {}
    for k in range(6):
        for i in (0, 1):
            calls[i].partial_fit(X, y, **classes)
        if k == 2:
            calls[0] = pickle.loads(pickle.dumps(calls[0]))
    assert_same_state(*calls)


@estimators
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_warm_start_with_another_input_scaling_is_refused(call, begun, Estimator):
    y = target(Estimator)
    model = small(Estimator, input_scaling=begun, warm_start=True).fit(X, y)
    model.set_params(input_scaling=not begun)
    message = assert_refused(f"Got input_scaling={not begun}", call, X, y, model=model)
    assert f"which {'has a' if begun else 'has no'} scaling layer" in message
    assert hasattr(model, "input_scale_") == begun
    model.set_params(input_scaling=begun)
    getattr(model, call)(X, y)
    model.set_params(input_scaling=not begun, warm_start=False).fit(X, y)
    assert hasattr(model, "input_scale_") != begun


@estimators
def test_a_warm_start_may_have_another_parametrization(Estimator):
    """The weights stay; only rates change."""
    y = target(Estimator)
    model = small(Estimator, warm_start=True, learning_rate_init=1e-12).fit(X, y)
    before = [W.copy() for W in model.coefs_]
    model.set_params(parametrization="ntk").fit(X, y)
    for W, same in zip(model.coefs_, before, strict=True):
        np.testing.assert_allclose(W, same, atol=1e-9)


@estimators
@settings
def test_early_stopping_and_refit_all(setting, Estimator):
    y = target(Estimator)
    options = {"early_stopping": True, "n_iter_no_change": 5, "max_iter": 60}
    options |= {"learning_rate_init": 0.1, "validation_fraction": 0.3, **setting}
    model = batched(Estimator, **options).fit(X, y)
    assert model.best_epoch_ <= len(model.loss_curve_) < 60
    again = clone(model).fit(X, y)
    assert_same_state(model, again)
    refitted = clone(model).set_params(refit_all=True).fit(X, y)
    assert np.isfinite(refitted.predict_proba(X) if hasattr(refitted, "classes_")
                       else refitted.predict(X)).all()  # fmt: skip
    # On all rows, from the same first weights, for as many epochs.
    assert refitted.best_epoch_ == model.best_epoch_
    if "input_scaling" in setting:
        assert refitted.input_scale_.shape == (4,)
        assert (refitted.input_scale_ != model.input_scale_).any()
        assert (refitted.input_scale_ != 1).all()


# --------------------------------------------------------------------- what it predicts


@estimators
@pytest.mark.parametrize("assigned", [False, True])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_input_gradients_are_derivatives(container, assigned, Estimator):
    y = KINDS if Estimator is MLPClassifierX else np.column_stack([NUMBERS, X[:, 0]])
    model = scaled(Estimator, activation="gelu", parametrization="ntk").fit(X, y)
    if assigned:
        model.input_scale_ = S
    rows, h = X[::15], 1e-6
    found = model.input_gradients(container(rows))

    def unit(z):
        return z if Estimator is MLPClassifierX else z * model.y_scale_

    for j, e in enumerate(h * np.eye(4)):
        ends = [unit(output_of(model, rows + step)) for step in (e, -e)]
        slopes = (ends[0] - ends[1]) / (2 * h)
        np.testing.assert_allclose(found[..., j], slopes, rtol=1e-6, atol=1e-8)
    if assigned:
        assert not found[..., 2].any()  # a factor of 0


TWINS = {MLPClassifierX: MLPClassifier, MLPRegressorX: MLPRegressor}


@estimators
@pytest.mark.parametrize("assigned", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(), (6, 3)])
def test_scikit_learns_twin_predicts_equally(hidden, dtype, assigned, Estimator):
    rows, y = X.astype(dtype), target(Estimator)
    model = scaled(Estimator, parametrization="ntk", max_iter=20)
    model.set_params(hidden_layer_sizes=hidden).fit(rows, y)
    if assigned:
        model.input_scale_ = S
    before = [W.copy() for W in model.coefs_], model.input_scale_.copy()
    twin = model.to_sklearn()
    assert type(twin) is TWINS[Estimator]
    assert not hasattr(twin, "input_scale_")
    room = 1e-5 if dtype == np.float32 else 1e-11
    for container in (np.asarray, csr_array):
        held = container(rows)
        if Estimator is MLPClassifierX:
            ours, theirs = model.predict_proba(held), twin.predict_proba(held)
        else:
            ours, theirs = model.predict(held), twin.predict(held)
        np.testing.assert_allclose(theirs, ours, rtol=room, atol=room)
    assert all(W.dtype == dtype for W in twin.coefs_)
    twin.coefs_[0][...] = 0
    for W, same in zip(model.coefs_, before[0], strict=True):
        np.testing.assert_array_equal(W, same)
    np.testing.assert_array_equal(model.input_scale_, before[1])


def test_the_twin_can_be_trained_on():
    model = fitted(MLPRegressorX)
    twin = model.to_sklearn().set_params(warm_start=True, learning_rate_init=1e-300)
    before = twin.predict(X)
    twin.set_params(max_iter=1).fit(X, NUMBERS)
    np.testing.assert_allclose(twin.predict(X), before, rtol=1e-12, atol=1e-14)


# ----------------------------------------------------------------------------- summary


@estimators
@settings
def test_the_summary_tells_of_both(setting, Estimator):
    model = layered(Estimator, **setting, dropout=0.5).fit(X, target(Estimator))
    summary = model.summary()
    names, inputs = summary.layers["layer"], summary.layers["inputs"]
    has_scaling = "input_scaling" in setting
    assert (names[0] == "input scaling") == has_scaling
    assert names[-3:] == ["hidden 1", "hidden 2", "output"]
    assert len({len(column) for column in summary.layers.values()}) == 1
    sizes = [W.size + b.size for W, b in zip(model.coefs_, model.intercepts_,
                                             strict=True)]  # fmt: skip
    if has_scaling:
        sizes = [4, *sizes]
        assert inputs[:2] == [4, 4]
        assert summary.layers["outputs"][0] == 4
        assert summary.layers["dropout"][:2] == [0, 0.5]
    assert summary.layers["parameters"] == sizes
    assert summary.n_parameters == sum(sizes) == len(model._run.theta)
    assert ("ntk" in summary.training["network"]) == ("parametrization" in setting)
    for text in (repr(summary), summary._repr_html_()):
        assert ("input scaling" in text) == has_scaling


# ----------------------------------------------------------------------- what it is for


def test_features_that_do_not_matter_get_smaller_factors():
    rows, y = make_regression(
        300, 10, n_informative=3, noise=1.0, shuffle=False, random_state=0
    )
    model = MLPRegressorX(
        (20,), input_scaling=True, parametrization="ntk", learning_rate_init=0.03,
        max_iter=100, random_state=0, n_iter_no_change=np.inf,
    ).fit(rows, y)  # fmt: skip
    s = abs(model.input_scale_)
    assert s[:3].min() > 1.5 * s[3:].max()


@estimators
def test_averages_and_decay(Estimator):
    solver = Adam(weight_decay=0.1, average=0.9)
    model = fitted(Estimator, solver=solver, max_iter=30, parametrization="ntk")
    iterate = model._run.state.iterate
    assert iterate.shape == model._run.theta.shape
    assert (model._network.scales(iterate) != model.input_scale_).any()


@estimators
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_both_with_everything_on(container, Estimator):
    w = np.random.RandomState(0).uniform(0, 2, len(X))
    model = batched(
        Estimator, input_scaling=True, parametrization="ntk", solver="nesterov",
        dropout=0.2, alpha=1.0, l1_ratio=0.5, max_grad_norm=1.0, early_stopping=True,
        lr_schedule="one_cycle", max_iter=30, validation_fraction=0.3,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(container(X), target(Estimator), w)
    assert np.isfinite(model.input_scale_).all()
    assert model.score(X, target(Estimator)) > 0.5


def test_labels_are_those_of_the_largest_output():
    model = fitted(MLPClassifierX, max_iter=50)
    assert (model.predict(X) == LABELS).mean() > 0.8
    found = model.classes_[by_hand(model).argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(X), found)


@estimators
def test_a_network_pickled_before_there_was_either_still_predicts(Estimator):
    model = small(Estimator).fit(X, target(Estimator))
    before = model.predict(X)
    for name in ("input_scaling", "parametrization"):
        del vars(model._network)[name], vars(model)[name]
    old = pickle.loads(pickle.dumps(model))
    assert "parametrization" not in vars(old._network)
    np.testing.assert_array_equal(old.predict(X), before)
    assert old.summary().n_parameters == model._run.theta.size
    assert old.coefs_[0].shape == (4, 5)
    assert not hasattr(old, "input_scale_")
    assert clone(old).get_params() == clone(small(Estimator)).get_params()
    old.partial_fit(X, target(Estimator))
