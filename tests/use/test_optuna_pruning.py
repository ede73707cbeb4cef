"""Pruning of Optuna's trials: reports, ends, refusals, and studies that resume."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from processes import environment
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.callbacks import Callback, Checkpoint, OptunaPruning

pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)")

X, y = load_iris(return_X_y=True)
X, X_val, y, y_val = train_test_split(scale(X), y, random_state=0)


@pytest.fixture(scope="module")
def optuna():
    """Yield Optuna, which prints no lines of trials."""
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    yield optuna
    optuna.logging.set_verbosity(before)


def model(**parameters):
    defaults = {"random_state": 0, "max_iter": 6, "n_iter_no_change": np.inf}
    return MLPClassifierX((5,), **defaults | parameters)


def study_with(optuna, prunes_at=None, **options):
    """Return a study that prunes at a step, or never."""

    class AtStep(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return trial.last_step == prunes_at

    return optuna.create_study(pruner=AtStep(), **options)


def run(study, objective, n_trials=1, **options):
    study.optimize(objective, n_trials=n_trials, **options)
    return study.trials[-1]


# -------------------------------------------------------------------- reports and ends


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("loss", "minimize"),
        ("train_loss", "minimize"),
        ("validation_loss", "minimize"),
        ("validation_score", "maximize"),
        ("validation_roc_auc_ovr", "maximize"),
        ("train_accuracy", "maximize"),
    ],
)
def test_each_epoch_is_reported_and_the_training_is_the_same(
    optuna, metric, direction, solver
):
    fitted = model(
        solver=solver, scoring=["roc_auc_ovr", "accuracy"], return_train_score=True
    )
    plain = clone(fitted).fit(X, y, X_val=X_val, y_val=y_val)

    def objective(trial):
        fitted.set_callbacks(OptunaPruning(trial, metric))
        fitted.fit(X, y, X_val=X_val, y_val=y_val)
        return fitted.history_[metric][-1]

    trial = run(study_with(optuna, direction=direction), objective)
    assert trial.state.name == "COMPLETE"
    assert trial.intermediate_values == dict(enumerate(plain.history_[metric]))
    assert fitted.stop_reason_ == plain.stop_reason_
    np.testing.assert_array_equal(fitted.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("last", [False, True])
def test_a_pruned_trial_ends_with_the_model_of_this_epoch(
    optuna, tmp_path, solver, last
):
    """Whatever the order of the callbacks, all know the epoch; also the last one."""
    n_epochs = 6 if last else 3
    before, after = tmp_path / "before", tmp_path / "after"
    fitted, callbacks = model(solver=solver), []

    def objective(trial):
        callbacks[:] = [
            Checkpoint(before, every=1),
            OptunaPruning(trial, "loss"),
            Checkpoint(after, every=1),
        ]
        fitted.set_callbacks(*callbacks).fit(X, y)
        pytest.fail("fit has not raised TrialPruned")

    trial = run(study_with(optuna, prunes_at=n_epochs - 1), objective)
    assert trial.state.name == "PRUNED"
    assert list(trial.intermediate_values) == list(range(n_epochs))
    assert fitted.stop_reason_ == "callback"
    expected = model(solver=solver, max_iter=n_epochs).fit(X, y)
    for kept in (fitted, Checkpoint.load(before), Checkpoint.load(after)):
        assert kept.loss_curve_ == expected.loss_curve_
        np.testing.assert_array_equal(kept.predict_proba(X), expected.predict_proba(X))
    assert not [name for name in vars(fitted) if "callback_" in name]
    assert not any(callback._memory for callback in callbacks)


def test_a_pruned_trial_keeps_the_best_epoch_under_early_stopping(optuna):
    options = {"early_stopping": True, "learning_rate_init": 0.3, "max_iter": 30}
    whole = model(**options).fit(X, y)
    worse = np.flatnonzero(np.diff(whole.history_["validation_loss"]) > 0)[0] + 1
    fitted = model(**options)

    def objective(trial):
        fitted.set_callbacks(OptunaPruning(trial)).fit(X, y)

    run(study_with(optuna, prunes_at=worse), objective)
    assert fitted.n_iter_ == worse + 1
    assert fitted.best_epoch_ <= worse
    ended = model(**options | {"max_iter": int(worse) + 1}).fit(X, y)
    np.testing.assert_array_equal(fitted.coefs_[0], ended.coefs_[0])


def test_a_study_is_that_of_a_loop_over_epochs_written_by_hand(optuna):
    """The loop that Optuna's manual shows, with one epoch per warm start."""

    def candidate(trial):
        rate = trial.suggest_float("rate", 1e-5, 1, log=True)
        return model(learning_rate_init=rate, max_iter=12)

    def by_callback(trial):
        fitted = candidate(trial).set_callbacks(OptunaPruning(trial))
        fitted.fit(X, y, X_val=X_val, y_val=y_val)
        return fitted.history_["validation_loss"][-1]

    def by_hand(trial):
        fitted = candidate(trial).set_params(max_iter=1, warm_start=True)
        for step in range(12):
            fitted.fit(X, y, X_val=X_val, y_val=y_val)
            loss = fitted.history_["validation_loss"][-1]
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2)
    found = []
    for objective in (by_callback, by_hand):
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=5)
        study = optuna.create_study(sampler=sampler, pruner=pruner)
        study.optimize(objective, n_trials=12)
        found.append(
            [(t.state, t.value, t.params, t.intermediate_values) for t in study.trials]
        )
    assert found[0] == found[1]
    assert {state.name for state, *_ in found[0]} == {"COMPLETE", "PRUNED"}


def test_nan_is_reported_and_pruned(optuna):
    def nowhere(model, X, y):
        return math.nan

    fitted = model(scoring={"nowhere": nowhere})

    def objective(trial):
        fitted.set_callbacks(OptunaPruning(trial, "validation_nowhere"))
        fitted.fit(X, y, X_val=X_val, y_val=y_val)

    pruner = optuna.pruners.ThresholdPruner(lower=0)
    trial = run(optuna.create_study(direction="maximize", pruner=pruner), objective)
    assert trial.state.name == "PRUNED"
    assert [*trial.intermediate_values] == [0]
    assert math.isnan(trial.intermediate_values[0])


class CtrlC(Callback):
    """Interrupts training as an epoch begins, as Ctrl-C does."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            raise KeyboardInterrupt


def test_ctrl_c_ends_the_study_and_keeps_the_model(optuna):
    fitted = model()

    def objective(trial):
        fitted.set_callbacks(OptunaPruning(trial, "loss"), CtrlC(2)).fit(X, y)

    study = study_with(optuna)
    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=5)
    assert [trial.state.name for trial in study.trials] == ["FAIL"]
    assert (fitted.stop_reason_, fitted.n_iter_) == ("interrupted", 2)
    expected = model(max_iter=2).fit(X, y)
    np.testing.assert_array_equal(fitted.coefs_[0], expected.coefs_[0])


def test_a_pipeline_passes_the_end_on(optuna):
    pipeline = make_pipeline(StandardScaler(), model())

    def objective(trial):
        pipeline[-1].set_callbacks(OptunaPruning(trial, "loss"))
        pipeline.fit(X, y)

    trial = run(study_with(optuna, prunes_at=1), objective)
    assert trial.state.name == "PRUNED"
    assert pipeline[-1].n_iter_ == 2
    assert pipeline.predict(X).shape == y.shape


def test_a_cross_validation_that_raises_errors_passes_the_end_on(optuna):
    def objective(trial):
        folds = model().set_callbacks(OptunaPruning(trial, "loss"))
        return cross_val_score(folds, X, y, cv=2, error_score="raise").mean()

    trial = run(study_with(optuna, prunes_at=1), objective)
    assert trial.state.name == "PRUNED"


def test_trials_in_threads_have_their_own_values(optuna):
    def objective(trial):
        fitted = model(random_state=trial.number)
        fitted.set_callbacks(OptunaPruning(trial, "loss")).fit(X, y)
        return fitted.loss_

    study = study_with(optuna)
    study.optimize(objective, n_trials=4, n_jobs=2)
    for trial in study.trials:
        expected = model(random_state=trial.number).fit(X, y)
        assert [*trial.intermediate_values.values()] == expected.loss_curve_


def test_a_study_goes_on_after_divergence(optuna):
    def objective(trial):
        rate = trial.suggest_categorical("rate", [0.01, 1e6])
        network = MLPRegressorX((5,), solver="sgd", learning_rate_init=rate, max_iter=8)
        network.set_callbacks(OptunaPruning(trial, "loss"))
        return network.fit(X, X[:, 0]).loss_

    study = study_with(optuna)
    for rate in (1e6, 0.01):
        study.enqueue_trial({"rate": rate})
    study.optimize(objective, n_trials=2, catch=ValueError)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]


@pytest.mark.parametrize("kind", ["fixed", "best"])
def test_trials_without_a_study_train_to_the_end(optuna, kind):
    """With the same objective, Optuna's users repeat the best trial."""

    def objective(trial):
        rate = trial.suggest_float("rate", 0.01, 0.02)
        fitted = model(learning_rate_init=rate)
        fitted.set_callbacks(OptunaPruning(trial, "loss")).fit(X, y)
        return fitted.loss_

    study = study_with(optuna)
    study.optimize(objective, n_trials=1)
    best = study.best_trial
    again = optuna.trial.FixedTrial(best.params) if kind == "fixed" else best
    assert objective(again) == best.value


# --------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("validation_loss", "maximize"), ("loss", "maximize"), ("train_r2", "minimize")],
)
def test_the_wrong_direction_is_refused_before_training(optuna, metric, direction):
    trial = optuna.create_study(direction=direction).ask()
    needed = "minimize" if direction == "maximize" else "maximize"
    with pytest.raises(ValueError, match=f"{metric}.*needs .*{needed}.*{direction}"):
        OptunaPruning(trial, metric)


def test_several_objectives_are_refused(optuna):
    trial = optuna.create_study(directions=["minimize", "maximize"]).ask()
    with pytest.raises(ValueError, match=r"one objective.*\['minimize', 'maximize'\]"):
        OptunaPruning(trial)


@pytest.mark.parametrize("metric", ["seconds", "learning_rate", "accuracy", 3, None])
def test_a_metric_that_is_no_loss_or_score_is_refused(optuna, metric):
    trial = optuna.create_study().ask()
    with pytest.raises(ValueError, match="'metric' parameter of OptunaPruning must be"):
        OptunaPruning(trial, metric)


def test_a_metric_that_the_training_lacks_is_named(optuna):
    fitted = model().set_callbacks(OptunaPruning(optuna.create_study().ask()))
    with pytest.raises(ValueError, match=r"Got 'validation_loss'.*early_stopping=True"):
        fitted.fit(X, y)


def test_what_is_no_trial_is_refused(optuna):
    with pytest.raises(TypeError, match="'trial' parameter of OptunaPruning must be"):
        OptunaPruning(optuna.create_study())


def test_a_pruned_trial_never_trains_on_all_rows(optuna):
    fitted = model(early_stopping=True, refit_all=True)
    fitted.set_callbacks(OptunaPruning(optuna.create_study().ask()))
    with pytest.raises(ValueError, match="needs refit_all=False"):
        fitted.fit(X, y)
    assert not hasattr(fitted, "coefs_")


def test_a_callback_that_would_see_no_epoch_is_refused(optuna):
    pipeline = make_pipeline(StandardScaler(), model())
    pipeline.set_callbacks(OptunaPruning(optuna.create_study().ask()))
    with pytest.raises(TypeError, match=r"OptunaPruning must be set on .*pipeline"):
        pipeline.fit(X, y)


def test_a_second_fold_is_refused(optuna):
    trial = optuna.create_study(direction="minimize").ask()
    folds = model().set_callbacks(OptunaPruning(trial, "loss"))
    with pytest.raises(ValueError, match=r"a trial of its own for each fit.* epoch 1"):
        cross_val_score(folds, X, y, cv=2, error_score="raise")


def test_a_fit_with_the_values_of_before_is_no_other_training(optuna):
    study = study_with(optuna)
    trial = study.ask()
    for n_epochs in (3, 5):
        again = model(max_iter=n_epochs).set_callbacks(OptunaPruning(trial, "loss"))
        again.fit(X, y)
    reported = study.trials[0].intermediate_values
    assert list(reported.values()) == again.loss_curve_


def test_a_worker_process_cannot_reach_the_trial(optuna):
    fitted = model().set_callbacks(OptunaPruning(optuna.create_study().ask(), "loss"))
    fitted.fit(X, y)
    sent = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(sent.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(ValueError, match=r"has lost its trial.*n_jobs in study"):
        sent.fit(X, y)


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "skoptnet\[optuna\]"'):
        OptunaPruning(None)


# --------------------------------------------------------------- studies that resume

#: Runs a study in a file, each trial with a checkpoint; `die_at` kills the process
#: in that epoch of trial 2. Prints nothing.
_STUDY = """
import os, sys
import numpy as np, optuna
from pathlib import Path
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from skoptnet import MLPClassifierX
from skoptnet.callbacks import Callback, Checkpoint, OptunaPruning

folder, n_trials, die_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
X, y = load_iris(return_X_y=True)
X = scale(X)
FAIL, RUNNING = optuna.trial.TrialState.FAIL, optuna.trial.TrialState.RUNNING

class Dies(Callback):
    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == die_at:
            os._exit(9)

def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    started = trial.user_attrs.get("started", trial.number)
    path = folder / f"trial-{started}.pickle"
    if path.exists():
        model = Checkpoint.load(path)
        left = 10 - model.history_["epoch"][-1]
    else:
        model, left = MLPClassifierX((5,), learning_rate_init=rate, random_state=0), 10
    model.set_params(warm_start=True, max_iter=left, n_iter_no_change=np.inf)
    model.set_params(lr_schedule="cosine", solver="adam", batch_size=32)
    dies = [Dies()] if trial.number == 2 and die_at else []
    model.set_callbacks(Checkpoint(path, every=3), OptunaPruning(trial, "loss"), *dies)
    return model.fit(X, y).loss_

name = str(folder / "study.log")
storage = JournalStorage(JournalFileBackend(name, lock_obj=JournalFileOpenLock(name)))
sampler = optuna.samplers.RandomSampler(seed=0)
study = optuna.create_study(
    storage=storage, study_name="s", load_if_exists=True, sampler=sampler,
    pruner=optuna.pruners.NopPruner(),
)
for trial in study.get_trials(states=[RUNNING]):
    study.tell(trial.number, state=FAIL)
    started = trial.user_attrs.get("started", trial.number)
    study.enqueue_trial(trial.params, user_attrs={"started": started})
study.optimize(objective, n_trials=n_trials)
"""


def test_a_study_whose_process_was_killed_goes_on_with_the_same_weights(
    optuna, tmp_path
):
    """Trial 2 dies in epoch 8, after the checkpoint of epoch 6; trial 3 is its rest."""

    def call(n_trials, die_at):
        return subprocess.run(
            [sys.executable, "-c", _STUDY, str(tmp_path), str(n_trials), str(die_at)],
            env=environment(), capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip

    assert call(4, die_at=7).returncode == 9
    resumed = call(1, die_at=0)
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    name = str(tmp_path / "study.log")
    journal = optuna.storages.journal
    lock = journal.JournalFileOpenLock(name)
    storage = optuna.storages.JournalStorage(journal.JournalFileBackend(name, lock))
    study = optuna.load_study(storage=storage, study_name="s")
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE"]
    killed, rest = study.trials[2:]
    assert killed.params == rest.params
    whole = MLPClassifierX(
        (5,), max_iter=10, n_iter_no_change=np.inf, batch_size=32, random_state=0,
        lr_schedule="cosine", learning_rate_init=rest.params["rate"],
    ).fit(scale(load_iris().data), load_iris().target)  # fmt: skip
    assert [*killed.intermediate_values] == [*range(7)]
    assert [*rest.intermediate_values] == [*range(6, 10)]
    reported = killed.intermediate_values | rest.intermediate_values
    assert list(reported.values()) == whole.loss_curve_
    assert rest.value == whole.loss_


def test_the_best_pruned_trial_is_trained_to_the_end(optuna, tmp_path):
    """From its checkpoint, with the weights that it would have without pruning."""
    target = np.sin(X[:, 0])
    options = {"max_iter": 8, "n_iter_no_change": np.inf, "random_state": 0}

    def network(rate):
        return MLPRegressorX((5,), learning_rate_init=rate, **options)

    def objective(trial):
        rate = trial.suggest_float("rate", 1e-3, 1e-1, log=True)
        path = tmp_path / f"{trial.number}"
        fitted = network(rate)
        fitted.set_callbacks(OptunaPruning(trial, "loss"), Checkpoint(path, every=1))
        return fitted.fit(X, target).loss_

    study = study_with(optuna, prunes_at=2)
    study.optimize(objective, n_trials=3)
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    best = min(pruned, key=lambda trial: trial.value)
    longer = Checkpoint.load(tmp_path / f"{best.number}")
    assert longer.n_iter_ == 3
    longer.set_params(warm_start=True, max_iter=5).fit(X, target)
    whole = network(best.params["rate"]).fit(X, target)
    assert longer.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(longer.coefs_[0], whole.coefs_[0])
