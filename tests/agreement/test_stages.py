"""A fit in stages, pickled in between, equals the uninterrupted fit, bit for bit."""

import pickle
import warnings

import numpy as np
import pytest
from problems import ESTIMATORS, KINDS, LABELS, NUMBERS, X, assert_same_state, target
from quick_schedules import QUICK, quick
from scipy.sparse import csr_array

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule
from skoptnet.estimators.stages import Stage, can_resume, fit_stage
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, Piecewise
from skoptnet.training import Watcher

pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)"),
    pytest.mark.filterwarnings("ignore:Training ended at a loss"),
]

#: Epochs of the whole fit, and at the ends of the stages.
EPOCHS = 12
ENDS = (1, 4, 9, EPOCHS)


def schedule(name):
    """Return a schedule; one that follows a plan follows that of the fit."""
    follows_plan = "epochs" in QUICK.get(name, {}) and name != "warmup"
    return name if follows_plan else quick(name)


def model(Estimator=MLPClassifierX, **parameters):
    settings = {"batch_size": 40, "max_iter": EPOCHS, "random_state": 0}
    settings |= {"n_iter_no_change": np.inf, "decay_epochs": 3.5, "tol": 0}
    return Estimator((6,), **settings | parameters)


def in_stages(net, rows, y, ends=ENDS, **arguments):
    """Fit in stages; return the estimator and the number of stages."""
    n_stages = 0
    for end in ends:
        fit_stage(net, rows, y, Stage(end), **arguments)
        assert can_resume(net) == (net.stop_reason_ == "paused")
        n_stages += 1
        if not can_resume(net):
            break
        assert len(net.loss_curve_) == net.n_iter_ == end
        net = pickle.loads(pickle.dumps(net))
    return net, n_stages


def results(net):
    """Return all that a training leaves behind, but for the seconds."""
    history = {name: net.history_[name] for name in net.history_ if name != "seconds"}
    run = net._run
    # Stages remember the same order in other ways.
    order = run.shuffles and run.shuffles.order(run.rng)
    return [
        *net.coefs_, *net.intercepts_, history, net.stop_reason_, net.n_iter_, net.t_,
        net.loss_, net.best_loss_, net.best_epoch_, net.best_validation_score_,
        net.learning_rate_, run.rng.get_state(), vars(run.stopping), order,
        run.dropout_seed, run.kept_epoch, run.paused, run.epoch, run.update,
        run.samples, vars(run.state), run.trained,
    ]  # fmt: skip


def assert_stages_make_no_difference(net, rows, y, ends=ENDS, **arguments):
    whole = pickle.loads(pickle.dumps(net)).fit(rows, y, **arguments)
    staged, n_stages = in_stages(net, rows, y, ends, **arguments)
    np.testing.assert_equal(results(staged), results(whole))
    assert np.array_equal(staged.predict(rows), whole.predict(rows))
    return staged, n_stages


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("lr_schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_with_every_solver_and_schedule(Estimator, solver, lr_schedule, early_stopping):
    net = model(
        Estimator, solver=solver, lr_schedule=schedule(lr_schedule),
        early_stopping=early_stopping, validation_fraction=0.3,
    )  # fmt: skip
    staged, n_stages = assert_stages_make_no_difference(net, X, target(Estimator))
    if staged.stop_reason_ == "max_iter":
        assert n_stages == len(ENDS)


SETTINGS = {
    "dropout": {"dropout": 0.3},
    "clipping": {"max_grad_norm": 0.1},
    "l1": {"l1_ratio": 0.7, "alpha": 2.0},
    "not shuffled": {"shuffle": False},
    "averaged": {"solver": OPTIMIZERS["adam"](average=0.8)},
    "decayed": {"solver": OPTIMIZERS["adam"](weight_decay=0.1)},
    "averaged inside": {"solver": "schedule_free_adamw"},
    "input_scaling": {"input_scaling": True},
    "training scores": {"return_train_score": True},
    "a RandomState": {"random_state": np.random.RandomState(3)},
    "whole batches": {"solver": "gd"},
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_pair
def test_with_settings(
    Estimator, setting, early_stopping, dtype, is_sparse, is_weighted
):
    rows = X.astype(dtype)
    arguments = {}
    if is_weighted:
        arguments["sample_weight"] = np.linspace(0, 2, len(X))
    net = model(Estimator, early_stopping=early_stopping, **SETTINGS[setting])
    if is_weighted and Estimator is MLPClassifierX:
        net.set_params(class_weight="balanced")
    rows = csr_array(rows) if is_sparse else rows
    y = target(Estimator)
    staged, _ = assert_stages_make_no_difference(net, rows, y, **arguments)
    assert staged.coefs_[0].dtype == dtype


@pytest.mark.parametrize(
    ("Estimator", "y"),
    [(MLPClassifierX, KINDS), (MLPRegressorX, np.column_stack([NUMBERS, X[:, 1]]))],
)
def test_with_several_outputs_and_rows_for_validation(Estimator, y):
    net = model(Estimator, early_stopping=True)
    arguments = {"X_val": X[::3], "y_val": y[::3]}
    assert_stages_make_no_difference(net, X[1::3], y[1::3], **arguments)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("lr_schedule", ["constant", "adaptive", "plateau"])
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_is_that_of_the_whole_fit(early_stopping, lr_schedule, patience):
    """It runs out within a stage and across the end of one."""
    settings = {"tol": 0.05, "n_iter_no_change": patience, "learning_rate_init": 0.02}
    net = model(
        early_stopping=early_stopping, lr_schedule=lr_schedule, max_iter=30, **settings
    )
    ends = (1, 4, 5, 6, 9, 15, 16, 30)
    staged, n_stages = assert_stages_make_no_difference(net, X, LABELS, ends)
    if lr_schedule == "constant":
        assert (
            staged.stop_reason_ == "early_stopping" if early_stopping else "converged"
        )
        assert 1 < n_stages < len(ends)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("at", range(8))
@pytest.mark.parametrize("solver", ["sgd", "nadam", "schedule_free_adamw"])
@pytest.mark.each_pair
def test_divergence_keeps_the_best_weights_of_all_stages(solver, at, early_stopping):
    """It comes in a first epoch of a stage (0, 1, 4), in a last (3), or in between."""
    explodes = Piecewise(milestones=[at], factor=1e200) if at else "constant"
    rate = 0.01 if at else 1e200
    net = model(
        solver=solver, lr_schedule=explodes, learning_rate_init=rate,
        early_stopping=early_stopping,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training diverged")
        if at:
            staged, _ = assert_stages_make_no_difference(net, X, LABELS)
            assert staged.stop_reason_ == "diverged"
            return
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            in_stages(net, X, LABELS)
        assert not can_resume(net)


class Raising(Schedule):
    """Raises an error when it is asked for the rate of an epoch."""

    reads_losses = False

    def __init__(self, error=RuntimeError, epoch=6):
        self.error, self.epoch = error, epoch

    def __call__(self, clock):
        if clock.epoch == self.epoch:
            raise self.error("no rate")
        return 1.0


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("epoch", [4, 5, 8])
def test_an_error_in_a_later_stage_keeps_its_last_epoch(epoch, early_stopping):
    whole, staged = (
        model(lr_schedule=Raising(epoch=epoch), early_stopping=early_stopping)
        for _ in range(2)
    )
    with pytest.raises(RuntimeError, match="no rate"):
        whole.fit(X, LABELS)
    for end in (1, 4):
        fit_stage(staged, X, LABELS, Stage(end))
    with pytest.raises(RuntimeError, match="no rate"):
        fit_stage(staged, X, LABELS, Stage(9))
    assert staged.stop_reason_ == "failed"
    assert not can_resume(staged)
    np.testing.assert_equal(results(staged), results(whole))


class Interrupting(Watcher):
    """Raises KeyboardInterrupt after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def after_epoch(self, metrics):
        if metrics["epoch"] == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_in_the_first_epoch_of_a_later_stage_leaves_the_pause(early_stopping):
    """The stage can be run again: the random numbers are those of the pause."""
    settings = {"early_stopping": early_stopping, "dropout": 0.2}
    whole, staged = model(**settings).fit(X, LABELS), model(**settings)
    fit_stage(staged, X, LABELS, Stage(4))
    before = results(staged)
    staged.set_params(lr_schedule=Raising(KeyboardInterrupt, epoch=4))
    with pytest.raises(KeyboardInterrupt):
        fit_stage(staged, X, LABELS, Stage(9))
    staged.set_params(lr_schedule="constant")
    np.testing.assert_equal(results(staged), before)
    assert can_resume(staged)
    staged, _ = in_stages(staged, X, LABELS, ends=(9, EPOCHS))
    np.testing.assert_equal(results(staged), results(whole))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_in_a_later_stage_keeps_the_last_finished_epoch(early_stopping):
    whole, staged = (model(early_stopping=early_stopping) for _ in range(2))

    def watch(fit):
        return Interrupting(6)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_stage(whole, X, LABELS, Stage(EPOCHS), watch=watch)
        fit_stage(staged, X, LABELS, Stage(4))
        fit_stage(staged, X, LABELS, Stage(9), watch=watch)
    # The search that runs the stages warns of its own end.
    assert not any("interrupted" in str(warning.message) for warning in caught)
    assert staged.stop_reason_ == "interrupted"
    assert not can_resume(staged)
    np.testing.assert_equal(results(staged), results(whole))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_pause_is_a_model_of_the_epochs_so_far(early_stopping):
    """It equals a training whose planned schedule is told how long the whole is."""
    net = model(lr_schedule="cosine", early_stopping=early_stopping)
    for end in (2, 7):
        fit_stage(net, X, LABELS, Stage(end))
        cosine = SCHEDULES["cosine"](epochs=EPOCHS)
        shorter = model(
            lr_schedule=cosine, max_iter=end, early_stopping=early_stopping
        ).fit(X, LABELS)
        for ours, theirs in zip(net.coefs_, shorter.coefs_, strict=True):
            assert np.array_equal(ours, theirs)
        assert net.loss_curve_ == shorter.loss_curve_
        assert (net.loss_, net.best_epoch_) == (shorter.loss_, shorter.best_epoch_)
        assert net.n_iter_ == end


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_after_a_pause_is_a_new_call(early_stopping):
    settings = {"early_stopping": early_stopping, "warm_start": True}
    settings |= {"n_iter_no_change": 4, "tol": 1e-3}
    paused, ended = (model(**settings) for _ in range(2))
    fit_stage(paused, X, LABELS, Stage(4))
    ended.set_params(max_iter=4).fit(X, LABELS)
    for net in (paused, ended):
        net.set_params(max_iter=5).fit(X, LABELS)
    assert_same_state(paused, ended)
    np.testing.assert_equal(results(paused), results(ended))
    assert not can_resume(paused)


def test_stages_after_a_warm_start_count_from_its_begin():
    one, other = (model(warm_start=True, lr_schedule="linear") for _ in range(2))
    for net in (one, other):
        net.set_params(max_iter=3).fit(X, LABELS).set_params(max_iter=EPOCHS)
    one.fit(X, LABELS)
    for end in ENDS:
        fit_stage(other, X, LABELS, Stage(end))
        assert other.n_iter_ == end
    np.testing.assert_equal(results(other), results(one))


def test_a_fit_without_warm_start_after_a_pause_starts_again():
    net, new = model(), model().fit(X, LABELS)
    fit_stage(net, X, LABELS, Stage(4))
    np.testing.assert_equal(results(net.fit(X, LABELS)), results(new))


def test_a_stage_that_ends_at_the_best_epoch_cannot_be_resumed():
    net = fit_stage(model(), X, LABELS, Stage(4, "best_epoch"))
    assert (net.stop_reason_, net.n_iter_) == ("best_epoch", 4)
    assert not can_resume(net)


def test_stages_of_lbfgs_repeat_its_iterations():
    whole = model(solver="lbfgs").fit(X, LABELS)
    for end in ENDS:
        net = fit_stage(model(solver="lbfgs"), X, LABELS, Stage(end))
        assert net.loss_curve_ == whole.loss_curve_[:end]
        assert net.stop_reason_ == ("paused" if end < EPOCHS else "max_iter")
        assert not can_resume(net)
    np.testing.assert_equal(results(net), results(whole))


def test_a_stage_refuses_other_rows_and_leaves_the_pause():
    net = fit_stage(model(), X, LABELS, Stage(4))
    with pytest.raises(ValueError, match="features"):
        fit_stage(net, X[:, :3], LABELS, Stage(9))
    net, _ = in_stages(net, X, LABELS, ends=(9, EPOCHS))
    np.testing.assert_equal(results(net), results(model().fit(X, LABELS)))
