"""k epochs, a round trip through a file, k epochs more: as 2k epochs, bit for bit."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from quick_schedules import quick
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

# With dropout, the loss of a single epoch may be far from that of the one before.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    pytest.mark.filterwarnings("ignore:Training ended at a loss"),
]

X, y = load_digits(return_X_y=True)
X, y = scale(X[:300]), y[:300]
K = 5
solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
# What a training may have besides, that has to go on, too.
SETTINGS = [{}, {"dropout": 0.3}, {"l1_ratio": 0.7, "alpha": 2.0}]
settings = pytest.mark.parametrize(
    "setting",
    SETTINGS,
    ids=lambda setting: next(iter(setting), "plain"),
)


def model(Estimator=MLPClassifierX, **parameters):
    settings = {"batch_size": 64, "random_state": 0, "tol": 0, "warm_start": True}
    # Halved within these epochs, and not on a whole number of them.
    settings |= {"decay_epochs": 3.5, "n_iter_no_change": np.inf}
    return Estimator((8,), **settings | parameters)


def assert_equal(resumed, whole):
    for ours, theirs in zip(resumed.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert resumed.loss_curve_ == whole.loss_curve_
    for name in ("epoch", "update", "learning_rate"):
        assert resumed.history_[name] == whole.history_[name]
    assert resumed.t_ == whole.t_


def assert_goes_on(**options):
    whole = model(**options, max_iter=2 * K).fit(X, y)
    half = model(**options, max_iter=K).fit(X, y)
    assert_equal(pickle.loads(pickle.dumps(half)).fit(X, y), whole)
    return whole


@solvers
@pytest.mark.parametrize("lr_schedule", ["constant", "exponential", "one_cycle"])
@pytest.mark.parametrize("shuffle", [False, True])
@settings
@pytest.mark.each_pair
def test_a_warm_start_goes_on_as_if_it_had_not_stopped(
    solver, lr_schedule, shuffle, setting
):
    options = {"solver": solver, "shuffle": shuffle, **setting}
    assert_goes_on(lr_schedule=quick(lr_schedule), **options)


@pytest.mark.parametrize("solver", ["gd", "adam"])
@pytest.mark.parametrize("lr_schedule", sorted(SCHEDULES))
@settings
@pytest.mark.each_value
def test_a_warm_start_goes_on_with_every_schedule(solver, lr_schedule, setting):
    """Those that follow a plan have been told its end, in epochs over all calls."""
    options = {"solver": solver, "lr_schedule": quick(lr_schedule)}
    whole = assert_goes_on(**options, **setting)
    moved = len(set(whole.history_["learning_rate"])) > 1
    # Patience is judged anew in every call, and nothing runs out of it here.
    assert moved == (lr_schedule not in ("constant", "adaptive"))


def test_a_plan_of_all_calls_is_kept_and_one_of_each_call_is_not():
    """Without a number of epochs, the first half is planned as if it were all."""
    options = {"lr_schedule": "cosine", "batch_size": 300}
    whole = model(**options, max_iter=2 * K).fit(X, y)
    half = model(**options, max_iter=K).fit(X, y)
    rate = half.learning_rate_
    share = np.arange(K) / K
    planned = rate * np.cos(np.pi / 2 * share) ** 2
    np.testing.assert_allclose(half.history_["learning_rate"], planned)
    half.fit(X, y)
    lengthened = rate * np.cos(np.pi / 4 * (1 + share)) ** 2
    np.testing.assert_allclose(half.history_["learning_rate"][K:], lengthened)
    np.testing.assert_allclose(whole.history_["learning_rate"][K:], lengthened)
    assert half.loss_curve_ != whole.loss_curve_


@solvers
@settings
@pytest.mark.each_value
def test_several_stops_and_float32(solver, setting):
    rows, targets = X.astype(np.float32), y.astype(float)
    options = {"solver": solver, "learning_rate_init": 1e-3, **setting}
    whole = model(MLPRegressorX, **options, max_iter=9).fit(rows, targets)
    parts = model(MLPRegressorX, **options)
    for epochs in (2, 1, 4, 2):
        parts.set_params(max_iter=epochs).fit(rows, targets)
        parts = pickle.loads(pickle.dumps(parts))
    assert_equal(parts, whole)


def test_in_another_process(tmp_path):
    halves = [model(max_iter=K, **setting).fit(X, y) for setting in SETTINGS]
    (tmp_path / "halves").write_bytes(pickle.dumps((halves, X, y)))
    code = """
import pathlib, pickle, sys, warnings
warnings.simplefilter("ignore")
here = pathlib.Path(sys.argv[1])
models, X, y = pickle.loads((here / "halves").read_bytes())
(here / "wholes").write_bytes(pickle.dumps([model.fit(X, y) for model in models]))
"""
    # Elsewhere than in the repository, whose sources are without their kernels.
    call = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(call, check=True, cwd=tmp_path)
    resumed = pickle.loads((tmp_path / "wholes").read_bytes())
    for one, setting in zip(resumed, SETTINGS, strict=True):
        assert_equal(one, model(max_iter=2 * K, **setting).fit(X, y))


@solvers
@settings
@pytest.mark.each_value
def test_partial_fit_goes_on_from_a_file(solver, setting):
    whole = model(solver=solver, **setting)
    for _ in range(2 * K):
        whole.partial_fit(X, y, classes=range(10))
    parts = model(solver=solver, **setting)
    for k in range(2 * K):
        parts.partial_fit(X, y, classes=range(10))
        if k == K:
            parts = pickle.loads(pickle.dumps(parts))
    assert_equal(parts, whole)


@solvers
@pytest.mark.parametrize("early_stopping", [False, True])
@settings
@pytest.mark.each_value
def test_a_checkpoint_goes_on(solver, early_stopping, tmp_path, setting):
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    from skoptnet.callbacks import Checkpoint

    path = tmp_path / "model"
    options = {"solver": solver, "early_stopping": early_stopping, "max_iter": 2 * K}
    # What is left of max_iter ends where the plan of the whole does.
    options |= {"lr_schedule": "cosine", **setting}
    whole = model(**options).set_callbacks(Checkpoint(path, every=K + 1)).fit(X, y)
    resumed = Checkpoint.load(path)
    assert len(resumed.loss_curve_) == K + 1
    resumed.set_params(max_iter=K - 1).fit(X, y)
    assert resumed.loss_curve_ == whole.loss_curve_
    if early_stopping:
        assert resumed.validation_scores_ == whole.validation_scores_


@solvers
def test_a_rate_can_be_changed_between_partial_fits(solver):
    """The solver's memory stays: a vanishing rate changes that, and nothing else."""
    part = model(solver=solver)
    for _ in range(2):
        part.partial_fit(X, y, classes=range(10))
    weights, before = [W.copy() for W in part.coefs_], part._run.state.copy()
    memory = OPTIMIZERS[solver].memory
    moved = "v" in memory or OPTIMIZERS[solver].points  # they go on for a while
    part.set_params(learning_rate_init=1e-30).partial_fit(X, y)
    assert part.history_["learning_rate"][-1] == 1e-30
    assert part._run.state.t - before.t == part._run.update / 3
    for name in memory:
        assert getattr(before, name).any()
        assert getattr(part._run.state, name).any()
    if not moved:
        for W, same in zip(part.coefs_, weights, strict=True):
            np.testing.assert_array_equal(W, same)


def test_other_rows_begin_in_their_own_order():
    """A number of rows that was not shuffled before has no order to go on from."""
    first = model(max_iter=2).fit(X, y)
    again = clone(first).fit(X, y)
    first.fit(X[:200], y[:200])
    again.fit(X[:200], y[:200])
    assert first.loss_curve_ == again.loss_curve_
    assert first._run.shuffles.done == 2


def test_a_failed_warm_start_leaves_the_order_as_it_was():
    whole = model(max_iter=2 * K).fit(X, y)
    half = model(max_iter=K).fit(X, y)
    half.set_params(hidden_layer_sizes=(3,))
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        half.fit(X, y)
    assert_equal(half.set_params(hidden_layer_sizes=(8,)).fit(X, y), whole)


def test_a_model_does_not_grow_with_the_rows_it_was_trained_on():
    rows, targets = np.repeat(X, 40, axis=0), np.repeat(y, 40)
    small, large = (
        model(max_iter=1).fit(rows[:n], targets[:n]) for n in (300, len(rows))
    )
    assert len(pickle.dumps(large)) < len(pickle.dumps(small)) + 3000


CURVES = ("history_", "loss_curve_", "best_loss_", "validation_scores_")


def test_curves_that_a_user_sets_do_not_outlast_the_training():
    """Setting them is allowed, as in scikit-learn; the next training has its own."""
    model = MLPClassifierX((3,), random_state=0)
    model.partial_fit(X, y, classes=np.unique(y))
    first = {name: getattr(model, name) for name in CURVES}
    model.loss_curve_ = np.array(model.loss_curve_)
    model.partial_fit(X, y)
    assert len(first["loss_curve_"]) == len(first["history_"]["loss"]) == 1
    assert len(model.loss_curve_) == len(model.history_["epoch"]) == 2
    assert model.best_loss_ == min(model.loss_curve_)
    model.loss_curve_ = None
    del model.loss_curve_
    assert model.loss_curve_[0] == first["best_loss_"]
