"""Bad input of the tabular estimators, divergence and Ctrl-C.

Whatever is refused, the estimator stays as it was, and so does the model it holds.
"""

import re
import signal
import threading

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from tables import (
    BOTH,
    LABELS,
    NUMBERS,
    X,
    equal_models,
    frame,
    frame_target,
    target,
    tiny,
)

from skoptnet import Adam, StepDecay, TabularMLPClassifier, TabularMLPRegressor
from skoptnet.tabular import members

each = pytest.mark.parametrize("Estimator", BOTH)
jobs = pytest.mark.parametrize("n_jobs", [1, 2])


def assert_refused(match, model, *passed, error=ValueError, **keywords):
    """Check that ``fit`` raises, for a new estimator and for one that has a model."""
    for fitted in (False, True):
        if fitted:
            good = target(type(model))
            parameters = model.get_params(deep=False)
            model = tiny(type(model)).fit(X, good)
            model.set_params(**parameters)
        before = dict(vars(model))
        with pytest.raises(error, match=match) as caught:
            model.fit(*passed, **keywords)
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is value for name, value in before.items())
    return str(caught.value)


# -------------------------------------------------------------------------- parameters


@each
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hidden_layer_sizes", [(0,), (2.5,), "100", None, -3]),
        ("activation", ["swish", 3, None]),
        ("categorical_features", ["auto", 3]),
        ("n_bins", [1, 2.5, "16"]),
        ("max_categories", [1, 2.5, "20"]),
        ("solver", ["nestrov", 3]),
        ("learning_rate_init", [0, -0.1, np.nan, np.inf, "0.1", None]),
        ("lr_schedule", ["cos", None]),
        ("alpha", [-1, np.nan, "0", None]),
        ("dropout", [1, -0.1, "0.1", None]),
        ("batch_size", [0, 2.5, "all", None]),
        ("max_iter", [0, 2.5, "128", None]),
        ("early_stopping", [3, "yes", None]),
        ("n_jobs", ["2", 1.5, 0]),
        ("random_state", [-1, "0", 1.5]),
        ("verbose", [-1, "2", 1.5, None]),
    ],
)
def test_values_of_parameters_that_are_none(Estimator, name, values):
    for value in values:
        says = re.escape(f"The {name!r} parameter of {Estimator.__name__} must be")
        message = assert_refused(
            says, tiny(Estimator, **{name: value}), X, target(Estimator)
        )
        assert repr(value) in message


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("class_weight", ["balanced_", 3]),
        ("label_smoothing", [1, -0.1, np.nan, "0.1", None]),
    ],
)
def test_values_of_parameters_of_the_classifier(name, values):
    for value in values:
        says = f"The {name!r} parameter of TabularMLPClassifier must be"
        model = tiny(TabularMLPClassifier, **{name: value})
        assert repr(value) in assert_refused(says, model, X, LABELS)


@each
def test_every_parameter_has_a_test(Estimator):
    """Those that are above, and ``cv``, which has a file of its own."""
    tested = {
        mark.args[1][i][0]
        for test in (
            test_values_of_parameters_that_are_none,
            test_values_of_parameters_of_the_classifier,
        )
        for mark in test.pytestmark
        if mark.args[0] == ("name", "values")
        for i in range(len(mark.args[1]))
    }
    assert set(Estimator().get_params()) <= tested | {"cv"}


@each
@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"solver": Adam(beta_2=2.0)}, "The 'beta_2' parameter of Adam must be"),
        ({"lr_schedule": StepDecay(decay_rate=-1)}, "The 'decay_rate' parameter of St"),
        ({"solver": "lbfgs", "dropout": 0.3}, "cannot train with dropout"),
    ],
)
def test_parameters_of_the_networks_are_checked_first(
    Estimator, parameters, says, monkeypatch
):
    """A large table takes a while to preprocess."""
    model = tiny(Estimator, **parameters)
    assert_refused(says, model, X, target(Estimator))
    monkeypatch.setattr(Estimator, "_preprocess", None)
    with pytest.raises(ValueError, match=says):
        model.fit(X, target(Estimator))


@each
def test_misspelt_names(Estimator):
    with pytest.raises(TypeError, match=r"batchsize.*Did you mean 'batch_size'"):
        Estimator(batchsize=3)
    with pytest.raises(ValueError, match="Did you mean 'max_iter'"):
        Estimator().set_params(max_iters=3)


@each
def test_an_automatic_batch_size(Estimator):
    model = tiny(Estimator, batch_size="auto").fit(X, target(Estimator))
    assert np.isfinite(model.oof_score_)


# -------------------------------------------------------------------------------- data


@each
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.empty((0, 4)), "Found array with 0 sample"),
        (np.empty((150, 0)), r"0 feature\(s\)"),
        (X[:, 0], "Expected 2D array, got 1D array instead"),
        (X[:, :, None], "Found array with dim 3"),
        (X[:149], r"inconsistent numbers of samples: \[149, 150\]"),
        (np.ones((150, 3)), "No column of X has two different values"),
        (np.full((150, 2), np.nan), "No column of X has two different values"),
        (np.where(X > 6, np.inf, X), "infinit"),
        (pd.DataFrame(X, columns=list("aabc")), "different names. Got 'a' more"),
        (pd.DataFrame(X).assign(mixed=["a", 1] * 75).rename(columns=str), "'mixed'"),
        (pd.DataFrame({"a": pd.date_range("2020", periods=150)}), "'a'"),
        (pd.DataFrame({"a": X[:, 0] + 1j}), "'a'"),
    ],
    ids=[
        "no rows", "no columns", "1-D", "3-D", "short", "constant", "missing", "inf",
        "names", "mixed", "dates", "complex",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Columns without any value")
def test_tables_that_are_none(Estimator, rows, says):
    y = target(Estimator)[: len(rows)] if len(rows) == 0 else target(Estimator)
    assert_refused(says, tiny(Estimator), rows, y)


@each
def test_columns_without_values_are_left_out(Estimator):
    table, y = frame(), frame_target(Estimator)
    expected = tiny(Estimator).fit(table, y)
    wide = table.assign(empty=np.nan, same=3.0)
    says = r"Columns without any value .*\['empty'\]"
    with pytest.warns(UserWarning, match=says) as caught:
        model = tiny(Estimator).fit(wide, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert equal_models_on(model, wide, expected, table)
    assert model.n_features_in_ == 7


def equal_models_on(one, rows, other, others):
    return np.array_equal(one.predict(rows), other.predict(others))


@each
def test_no_targets(Estimator):
    says = f"{Estimator.__name__} requires y to be passed, but the target y is None"
    assert_refused(says, tiny(Estimator), X, None)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.where(X[:, 0] > 6, np.nan, 1.0), "Input y contains NaN"),
        (np.where(X[:, 0] > 6, np.inf, 1.0), "Input y contains infinity"),
        (LABELS, "could not convert string to float"),
        (X[:, :, None], "dim 3"),
        (X[:, :0], "0 feature"),
    ],
    ids=["nan", "inf", "strings", "3-D", "no outputs"],
)
def test_targets_that_are_no_numbers(y, says):
    assert_refused(says, tiny(TabularMLPRegressor), X, y)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.full(150, "only"), "at least 2 classes; y has 1 class: .*only"),
        (np.where(X[:, 0] > 6, np.nan, 1.0), "Input y contains NaN"),
        (np.where(X[:, 0] > 6, None, LABELS), "y"),
        (NUMBERS, "Unknown label type: continuous"),
        (np.round(X[:, :2]), "multiclass-multioutput"),
        (X[:, :2], "continuous-multioutput"),
    ],
    ids=["one class", "nan", "None", "numbers", "two columns", "two of numbers"],
)
def test_targets_that_are_no_classes(y, says):
    assert_refused(says, tiny(TabularMLPClassifier), X, y)


@each
def test_values_of_another_type_at_prediction(Estimator):
    table = frame()
    model = tiny(Estimator).fit(table, frame_target(Estimator))
    with pytest.raises(ValueError, match="Column 'city' of X must have values of"):
        model.predict(table.assign(city=3))
    with pytest.raises(ValueError, match="age"):
        model.predict(table.assign(age=np.inf))


# ------------------------------------------------------------------------- divergence


def diverging(monkeypatch, Estimator, numbers):
    """Let the networks of these numbers, from 0, have a rate that none survives."""
    network, made = Estimator._network, []

    def patched(self, n_rows, **parameters):
        if len(made) in numbers:
            parameters |= {"solver": "sgd", "learning_rate_init": 1e300}
        made.append(network(self, n_rows, **parameters))
        return made[-1]

    monkeypatch.setattr(Estimator, "_network", patched)
    return made


@each
@jobs
def test_one_network_diverges(Estimator, n_jobs, monkeypatch):
    y = target(Estimator)
    whole = tiny(Estimator).fit(X, y)
    diverging(monkeypatch, Estimator, {1})
    with pytest.warns(ConvergenceWarning) as caught:
        model = tiny(Estimator, n_jobs=n_jobs).fit(X, y)
    says = [str(w.message) for w in caught if "Training of network" in str(w.message)]
    assert len(says) == 1
    assert (
        "Training of network 2 of 4 diverged. The model is the mean of 3 of 4 networks."
    ) in says[0]
    assert "learning_rate_init" in says[0]
    assert len(model.estimators_) == len(model.best_epochs_) == 3
    left = [whole.estimators_[i] for i in (0, 2, 3)]
    for network, other in zip(model.estimators_, left, strict=True):
        assert_array_equal(network.coefs_[0], other.coefs_[0])
    never = np.isnan(model.oof_prediction_.reshape(150, -1)[:, 0])
    assert never.sum() in (37, 38)
    assert np.isfinite(model.oof_score_)
    if Estimator is TabularMLPRegressor:
        Z = model.preprocessor_.transform(X)
        mean = np.mean([network.predict(Z) for network in left], axis=0)
        expected = np.clip(mean, y.min(), y.max())
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


@each
@jobs
def test_all_networks_diverge(Estimator, n_jobs, monkeypatch):
    y = target(Estimator)
    model = tiny(Estimator, n_jobs=n_jobs).fit(X, y)
    before, predicted = dict(vars(model)), model.predict(X)
    diverging(monkeypatch, Estimator, range(100))
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(X, y)
    assert vars(model) == before
    assert_array_equal(model.predict(X), predicted)


# ----------------------------------------------------------------------------- Ctrl-C


def interrupted_at(monkeypatch, epoch, ask):
    """Let Ctrl-C come after an epoch of whichever network is first there."""
    after_epoch, lock = members._Member.after_epoch, threading.Lock()

    def patched(self, metrics):
        stops = after_epoch(self, metrics)
        if metrics["epoch"] == epoch and lock.acquire(blocking=False):
            ask(self)
        return stops or self.interrupted.is_set()

    monkeypatch.setattr(members._Member, "after_epoch", patched)


def raised(watcher):
    raise KeyboardInterrupt


ASKING = threading.Lock()


def to_main_thread(watcher):
    with ASKING:  # a second signal would come when fit is over
        if not watcher.interrupted.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            watcher.interrupted.wait(60)


def by_signal(watcher):
    signal.raise_signal(signal.SIGINT)


@each
@pytest.mark.parametrize(
    ("n_jobs", "ask"),
    [(1, raised), (1, by_signal), (2, raised), (2, to_main_thread)],
)
def test_ctrl_c_in_the_third_epoch(Estimator, n_jobs, ask, monkeypatch, ctrl_c):
    """The model is what there is: at least the network whose epoch it was."""
    y = target(Estimator)
    # So many that no other network ends while the main thread is woken up.
    model = tiny(Estimator, n_jobs=n_jobs, max_iter=5000)
    interrupted_at(monkeypatch, 3, ask)
    with pytest.warns(UserWarning, match="interrupted by user") as caught:
        model.fit(X, y)
    says = " ".join(str(w.message) for w in caught)
    n = len(model.estimators_)
    assert n == 1 if n_jobs == 1 else n in (1, 2)
    assert f"Training interrupted by user. The model is the mean of {n} of" in (says)
    assert all(network.n_iter_ < 5000 for network in model.estimators_)
    if n_jobs == 1:
        assert 2 <= model.n_iter_ <= 3
        assert model.best_epochs_[0] <= 3
    assert np.isfinite(
        model.predict_proba(X) if y is LABELS else model.predict(X)
    ).all()
    n_held_out = np.isfinite(model.oof_prediction_.reshape(150, -1)[:, 0]).sum()
    assert 36 * n <= n_held_out <= 38 * n


@each
def test_ctrl_c_while_the_last_networks_train(Estimator, monkeypatch, ctrl_c):
    """None is lost, but all have fewer epochs: not in silence."""
    model = tiny(Estimator, cv=2, n_jobs=2, max_iter=5000)
    interrupted_at(monkeypatch, 3, to_main_thread)
    with pytest.warns(ConvergenceWarning, match="interrupted by user") as caught:
        model.fit(X, target(Estimator))
    n = len(model.estimators_)
    assert f"The model is the mean of {n} of 2 networks" in str(caught[-1].message)
    assert all(network.n_iter_ < 5000 for network in model.estimators_)


@each
@jobs
def test_ctrl_c_before_the_first_epoch(Estimator, n_jobs, monkeypatch):
    y = target(Estimator)

    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(members, "_fit", fails)
    model = tiny(Estimator, n_jobs=n_jobs)
    before = dict(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == before
    monkeypatch.undo()
    model.fit(X, y)
    before, predicted = dict(vars(model)), model.predict(X)
    monkeypatch.setattr(members, "_fit", fails)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == before
    assert_array_equal(model.predict(X), predicted)


@each
def test_ctrl_c_while_threads_are_started(Estimator, monkeypatch, ctrl_c):
    """No lock stays held, no network trains on, and Ctrl-C works as before."""

    class Interrupted(members.ThreadPoolExecutor):
        def submit(self, *args):
            future = super().submit(*args)
            signal.raise_signal(signal.SIGINT)
            return future

    begun = []
    monkeypatch.setattr(members, "ThreadPoolExecutor", Interrupted)
    monkeypatch.setattr(members, "_fit", lambda *args: begun.append(args))
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        tiny(Estimator, n_jobs=2).fit(X, target(Estimator))
    assert len(begun) <= 1
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@each
def test_another_handler_of_ctrl_c_stays(Estimator, ctrl_c):
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        model = tiny(Estimator, n_jobs=2).fit(X, target(Estimator))
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1]
    assert len(model.estimators_) == 4


@each
@jobs
def test_warnings_of_the_networks_point_at_the_call(Estimator, n_jobs):
    model = tiny(Estimator, n_jobs=n_jobs, max_iter=1, learning_rate_init=1e-9)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, target(Estimator))
    assert len(caught) == 4
    assert {warning.filename for warning in caught} == {__file__}
    assert len({warning.lineno for warning in caught}) == 1


@jobs
def test_ctrl_c_in_a_later_network(n_jobs, monkeypatch):
    """The networks before are whole."""
    whole = tiny(TabularMLPRegressor).fit(X, NUMBERS)
    fit, n = members._fit, []

    def third_fails(*args):
        n.append(args)
        if len(n) == 3:
            raise KeyboardInterrupt
        fit(*args)

    monkeypatch.setattr(members, "_fit", third_fails)
    model = tiny(TabularMLPRegressor, n_jobs=n_jobs)
    with pytest.warns(ConvergenceWarning, match="interrupted by user"):
        model.fit(X, NUMBERS)
    first, other = model.estimators_[0], whole.estimators_[0]
    assert 1 <= len(model.estimators_) <= n_jobs + 1
    if n_jobs == 1:
        assert len(model.estimators_) == 2
        assert_array_equal(first.coefs_[0], other.coefs_[0])


@each
@jobs
def test_a_failed_fit_keeps_the_model(Estimator, n_jobs, monkeypatch):
    y = target(Estimator)
    model = tiny(Estimator, n_jobs=n_jobs).fit(X, y)
    twin = tiny(Estimator).fit(X, y)

    def fails(*_):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(members, "_fit", fails)
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X[:, :2], y)
    assert equal_models(model, twin, X)
    assert model.n_features_in_ == 4


@jobs
def test_an_error_ends_the_other_networks(n_jobs, monkeypatch):
    """They would train on for long, for nothing."""
    fit, begun = members._fit, []

    def first_fails(*args):
        begun.append(args)
        if len(begun) == 1:
            raise RuntimeError("on purpose")
        fit(*args)

    monkeypatch.setattr(members, "_fit", first_fails)
    with pytest.raises(RuntimeError, match="on purpose"):
        tiny(TabularMLPRegressor, n_jobs=n_jobs, max_iter=3000).fit(X, NUMBERS)
    assert len(begun) <= n_jobs
