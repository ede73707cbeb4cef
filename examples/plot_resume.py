r"""
Resume training from a checkpoint
=================================

Half of the epochs, a checkpoint in a file and the other half give the same weights, bit
for bit, as all epochs without a pause. The checkpoint is a pickle of the model. It
holds more than the weights, and the last part of this example shows why: resumed from
the weights alone, training gets worse before it gets better.
"""

# %%
# Pickle and warm start
# ---------------------
# The state of a training is more than the weights :math:`\theta`. It includes Adam's
# moments :math:`s` and :math:`r` and its number :math:`t` of updates, the position in
# the schedule, the order of the rows, and the random number generator that shuffles
# them. A fitted model holds all of it, and ``warm_start=True`` continues from there.

import pickle
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skoptnet import Cosine, MLPClassifierX

# The number of epochs is fixed, converged or not.
warnings.filterwarnings("ignore", "Maximum number of epochs", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X = X / 16
settings = {
    "solver": "adam",
    "batch_size": 64,
    "lr_schedule": Cosine(epochs=20),
    "n_iter_no_change": np.inf,
    "random_state": 0,
}

whole = MLPClassifierX((30,), max_iter=20, **settings).fit(X, y)
half = MLPClassifierX((30,), max_iter=10, warm_start=True, **settings).fit(X, y)

checkpoint = pickle.dumps(half)  # or joblib.dump(half, "model.joblib") to a file
resumed = pickle.loads(checkpoint).fit(X, y)

# %%
# ``Cosine`` needs its end, ``epochs=20``. Without it, the schedule would cover each
# call of ``fit`` separately.


def largest_difference(one, other):
    pairs = zip(
        one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True
    )
    return max(np.abs(a - b).max() for a, b in pairs)


print(f"epochs: {whole.n_iter_} and {half.n_iter_} + {resumed.n_iter_}")
print(f"losses: {whole.loss_:.15f} and {resumed.loss_:.15f}")
print(f"largest difference of the weights: {largest_difference(whole, resumed)}")

# %%
# Incremental training
# --------------------
# ``partial_fit`` is one epoch over the rows that it gets, and can be resumed, too. (Its
# weights differ from those of ``fit``: each call may bring other rows, so it shuffles
# them from their given order.) Here we pickle the model after each of twenty calls.

steps = MLPClassifierX((30,), max_iter=20, **settings)
stopped = MLPClassifierX((30,), max_iter=20, **settings)
for _ in range(20):
    steps.partial_fit(X, y, classes=range(10))
    stopped.partial_fit(X, y, classes=range(10))
    stopped = pickle.loads(pickle.dumps(stopped))
print(f"losses: {steps.loss_:.15f} and {stopped.loss_:.15f}")
print(f"largest difference of the weights: {largest_difference(steps, stopped)}")

# %%
# Resuming from the weights alone
# -------------------------------
# Now we keep only the weights :math:`\theta`. A new model gets its layers in an epoch
# at a rate of 0, then the old weights. Its solver starts without memory. Each epoch has
# one update, so nothing else differs.

fig, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
rates = {"adam": 0.03, "momentum": 0.1}
for ax, (solver, rate) in zip(panels, rates.items(), strict=True):
    settings = {"batch_size": len(X), "learning_rate_init": rate, "random_state": 0}
    settings |= {"n_iter_no_change": np.inf, "max_iter": 20, "warm_start": True}
    model = MLPClassifierX((30,), solver=solver, **settings).fit(X, y)

    weights = MLPClassifierX((30,), solver="gd", **settings)
    weights.set_params(lr_schedule=lambda clock: 0.0)
    weights.partial_fit(X, y, classes=range(10))
    weights.coefs_, weights.intercepts_ = model.coefs_, model.intercepts_
    weights.set_params(solver=solver, lr_schedule="constant").fit(X, y)

    model.fit(X, y)
    epochs = np.arange(1, 41)
    ax.plot(epochs, model.loss_curve_, color="#0072B2", label="whole checkpoint")
    ax.plot(
        epochs[20:],
        weights.loss_curve_[1:],
        "--",
        color="#D55E00",
        label="weights alone",
    )
    ax.axvline(20.5, color="0.5", linewidth=0.8)
    ax.set(title=solver, xlabel="epochs", ylabel="training loss", yscale="log")
    ax.minorticks_off()
    ax.set_yticks([0.1, 0.3, 1, 3], [0.1, 0.3, 1, 3])
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %%
# Adam has lost its moments. Its first steps have the size of the learning rate in every
# coordinate, although its steps had become smaller, and the loss doubles. Momentum has
# lost its velocity and has to gather speed again.
