r"""
Can I stop a training and go on later?
======================================

Yes, and nothing tells that it was stopped: half of the epochs, a trip through a file
and the other half give the same weights, bit for bit, as all epochs in one go. The
weights alone would not do: what a solver remembers beside them is shown at the end, by
throwing it away.
"""

# %%
# In one go, and in two halves
# ----------------------------
# The state of a training is more than :math:`\theta`. Adam has its moments :math:`s`
# and :math:`r` and the number :math:`t` of updates, by which it corrects them; the
# schedule knows where it stands; the rows are in some order, and the next shuffle comes
# from a source of random numbers. A fitted model holds all of it, and
# ``warm_start=True`` goes on from there.

import pickle
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skoptnet import Cosine, MLPClassifierX

# A training of a fixed length is cut off on purpose: it has not converged.
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

file = pickle.dumps(half)  # or joblib.dump(half, "model.joblib"), and another day
resumed = pickle.loads(file).fit(X, y)

# %%
# The schedule is told its end, ``epochs=20``: it would otherwise plan each call of
# ``fit`` by itself.


def equal(one, other):
    pairs = zip(
        one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True
    )
    return all(np.array_equal(a, b) for a, b in pairs)


print("a warm start, through a file:", equal(whole, resumed))
print("the same losses:", whole.loss_curve_ == resumed.loss_curve_)

# %%
# Call by call
# ------------
# ``partial_fit`` is one epoch over the rows that it gets, and may be interrupted by a
# file as well. (It is no exact twin of ``fit``: each call could bring other rows, so it
# shuffles them from the order in which they come.)

steps = MLPClassifierX((30,), max_iter=20, **settings)
stopped = MLPClassifierX((30,), max_iter=20, **settings)
for _ in range(20):
    steps.partial_fit(X, y, classes=range(10))
    stopped.partial_fit(X, y, classes=range(10))
    stopped = pickle.loads(pickle.dumps(stopped))
print("twenty calls, a file after each:", equal(steps, stopped))

# %%
# The weights alone
# -----------------
# Now carry over nothing but :math:`\theta`. A new model gets a shape in an epoch at a
# rate of 0, then the old weights; its solver begins without memory. One update per
# epoch here, so that nothing else differs.

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
    ax.plot(epochs, model.loss_curve_, color="#0072B2", label="all of it carried over")
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
# Adam without its moments takes its next gradient for all there ever was. Its first
# steps have the size of the rate in every coordinate, although the old ones had become
# smaller, and the loss jumps to twice what it was. Momentum without its velocity stands
# still, and has to gather speed again.
