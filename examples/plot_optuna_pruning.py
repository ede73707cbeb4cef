r"""
Optuna: prune trials, resume a study
====================================

Most learning rates look bad after a few epochs. Optuna watches the validation loss of
each epoch and ends such trials early. The study and the networks are in files, so an
interrupted search can go on, and the best network can be trained further: in each case
with the weights of a training without a break.
"""

# %%
# Objective
# ---------
# :class:`~skoptnet.callbacks.OptunaPruning` reports the validation loss of each epoch
# to the trial. If the trial is to be pruned, ``fit`` raises ``optuna.TrialPruned``.
# :class:`~skoptnet.callbacks.Checkpoint` saves the network after each epoch. A trial
# whose checkpoint exists continues from there, for the epochs that are left.

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skoptnet import MLPClassifierX
from skoptnet.callbacks import Callback, Checkpoint, OptunaPruning

optuna.logging.set_verbosity(optuna.logging.ERROR)
# The number of epochs is fixed, converged or not.
warnings.filterwarnings("ignore", "Maximum number of epochs", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X, X_val, y, y_val = train_test_split(X / 16, y, test_size=0.3, random_state=0)

folder = TemporaryDirectory(ignore_cleanup_errors=True)
n_epochs = 20


def first_of(trial):
    return trial.user_attrs.get("continues", trial.number)


def checkpoint_of(trial):
    return Path(folder.name) / f"trial-{first_of(trial)}.pickle"


def network(rate):
    return MLPClassifierX(
        (30,),
        learning_rate_init=rate,
        n_iter_no_change=np.inf,
        warm_start=True,
        random_state=0,
    )


def objective(trial, *callbacks):
    model = network(trial.suggest_float("rate", 1e-4, 1e-1, log=True))
    path = checkpoint_of(trial)
    if path.exists():
        model = Checkpoint.load(path)
    done = model.history_["epoch"][-1] if path.exists() else 0
    if done < n_epochs:
        model.set_params(max_iter=n_epochs - done)
        pruning = OptunaPruning(trial)
        model.set_callbacks(Checkpoint(path, every=1), pruning, *callbacks)
        model.fit(X, y, X_val=X_val, y_val=y_val)
    return model.history_["validation_loss"][-1]


# %%
# An interrupted study
# --------------------
# Optuna stores the trials in a journal file, which several processes may share. In
# epoch 9 of trial 3, a callback stands in for a user who presses Ctrl-C. The network is
# then that of epoch 8, and :class:`~skoptnet.callbacks.OptunaPruning` ends the study,
# too.


class CtrlC(Callback):
    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 8:
            raise KeyboardInterrupt


def open_study(seed):
    return optuna.create_study(
        study_name="digits",
        storage=JournalStorage(JournalFileBackend(f"{folder.name}/study.log")),
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3),
    )


STOP = 3


def with_ctrl_c(trial):
    return objective(trial, *([CtrlC()] if trial.number == STOP else []))


study = open_study(seed=0)
try:
    study.optimize(with_ctrl_c, n_trials=16)
except KeyboardInterrupt:
    print(f"interrupted in trial {study.trials[-1].number}")

# %%
# Resume the study
# ----------------
# A new process opens the same file. Trials that failed, and those that a killed process
# left in the state ``RUNNING``, are enqueued again, with the number of the trial whose
# checkpoint they continue. (Do not do so while other processes work on the study.) The
# sampler gets another seed, since with the old one it would draw the first rates again.

study = open_study(seed=1)
ended = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.WAITING]
known = {first_of(trial) for trial in study.get_trials(states=ended)}
for trial in study.get_trials(states=[TrialState.RUNNING, TrialState.FAIL]):
    if trial.state == TrialState.RUNNING:
        study.tell(trial.number, state=TrialState.FAIL)
    if first_of(trial) not in known:
        known.add(first_of(trial))
        continues = {"continues": first_of(trial)}
        study.enqueue_trial(trial.params, user_attrs=continues)
study.optimize(objective, n_trials=13)

for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
    numbers = [trial.number for trial in study.get_trials(states=[state])]
    print(f"{state.name.lower():9}", *numbers)
n_trained = sum(len(trial.intermediate_values) for trial in study.trials)
print(f"epochs: {n_trained} in place of {16 * n_epochs}")

# %%
# The trial after the interrupted one does its remaining epochs. Together they are one
# training:

first, rest = study.trials[STOP : STOP + 2]
whole = network(first.params["rate"]).set_params(max_iter=n_epochs)
whole.fit(X, y, X_val=X_val, y_val=y_val)
print("epochs", len(first.intermediate_values), "+", len(rest.intermediate_values))
losses = first.intermediate_values | rest.intermediate_values
print("equal losses:", list(losses.values()) == whole.history_["validation_loss"])

# %%
# Train the best network further
# ------------------------------
# Its checkpoint holds the solver's memory and the state of the random numbers, so 20
# epochs and 20 more are 40 epochs.

best = study.best_trial
model = Checkpoint.load(checkpoint_of(best)).set_params(max_iter=n_epochs)
model.fit(X, y, X_val=X_val, y_val=y_val)
losses = model.history_["validation_loss"]
print(f"trial {best.number}, rate {best.params['rate']:.4f}")
print(f"validation loss {losses[n_epochs - 1]:.3f}, then {losses[-1]:.3f}")

# %%
# Losses of all trials
# --------------------
# Pruned trials are grey. Of the lines with dots, the first is the interrupted trial,
# and the second the one that continues it.

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
styles = {
    TrialState.PRUNED: {"color": "0.7", "label": "pruned"},
    TrialState.COMPLETE: {"color": "#0072B2", "label": "complete"},
    TrialState.FAIL: {"color": "#D55E00", "label": "interrupted", "marker": "."},
}
for trial in study.trials:
    style = styles[trial.state]
    if trial.number == rest.number:
        style = styles[TrialState.FAIL] | {"color": "#009E73", "label": "continued"}
    epochs = np.array([*trial.intermediate_values]) + 1
    ax.plot(epochs, [*trial.intermediate_values.values()], linewidth=1.2, **style)
ax.plot(
    np.arange(n_epochs, 2 * n_epochs) + 1,
    losses[n_epochs:],
    "--",
    color="#0072B2",
    label="best, trained further",
)
ax.set(xlabel="epoch", ylabel="validation loss", yscale="log")
ax.minorticks_off()
ax.set_yticks([0.1, 0.3, 1, 3], [0.1, 0.3, 1, 3])
unique = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
ax.legend(unique.values(), unique)
plt.show()
folder.cleanup()
