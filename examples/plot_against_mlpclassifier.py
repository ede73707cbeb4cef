"""
What changes when one import changes?
=====================================

The same code with `sklearn.neural_network.MLPClassifier` and with `MLPClassifierX`.
With parameters that mean the same, both take the same path: first weights, minibatches
and the loss of every epoch agree to rounding. What differs is the time, and what else
there is to choose from.
"""

# %%
# The same code
# -------------

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skoptnet import MLPClassifierX

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
for Classifier in (MLPClassifier, MLPClassifierX):
    model = Classifier((50,), alpha=1e-3, max_iter=1000, random_state=0)
    model.fit(X_train, y_train)
    print(
        f"{Classifier.__name__:>14}: {model.score(X_test, y_test):.1%} right after"
        f" {model.n_iter_} epochs; loss {model.loss_:.4f}"
    )

# %%
# They are about as good but not alike, since a default differs: Adam's rate is 0.01
# here, and 0.001 in scikit-learn, which takes more epochs.
#
# The same path
# -------------
#
# scikit-learn's ``"sgd"`` is three textbook solvers in one, which have names of their
# own here: with Nesterov's momentum (its default), with plain momentum, and with none.
# At the same rate and without a penalty (of which scikit-learn's strength depends on
# the minibatch) the loss curves lie on top of each other.

# Thirty epochs are all that is wanted.
warnings.filterwarnings("ignore", category=ConvergenceWarning)
same = {"alpha": 0, "batch_size": 50, "max_iter": 30, "random_state": 0}
same["learning_rate_init"] = 0.005
pairs = {
    "sgd": {"solver": "sgd", "momentum": 0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "adam": {"solver": "adam"},
}
colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
dashes = ["-", "--", (0, (1, 1)), "-."]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for k, (solver, theirs) in enumerate(pairs.items()):
    ours = MLPClassifierX((50,), solver=solver, **same).fit(X_train, y_train)
    peer = MLPClassifier((50,), **theirs, **same).fit(X_train, y_train)
    curve, other = np.array(ours.loss_curve_), np.array(peer.loss_curve_)
    epochs = np.arange(1, len(curve) + 1)
    difference = np.abs(curve - other) / other
    look = {"color": colors[k], "linestyle": dashes[k], "label": f'solver="{solver}"'}
    left.plot(epochs, curve, **look)
    left.plot(epochs, other, "x", color=colors[k], markersize=4)
    # No difference at all is drawn at 1e-17: logarithms know no 0.
    right.plot(epochs, np.maximum(difference, 1e-17), marker=".", **look)
    print(f"{solver:>8}: the loss curves differ by {difference.max():.0e} at most")
left.plot([], [], "x", color="0.5", label="MLPClassifier")
left.set(xlabel="epoch", ylabel="training loss (cross-entropy)", yscale="log")
left.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2])
left.yaxis.set_major_formatter("{x:g}")
left.yaxis.set_minor_formatter("")
right.axhline(np.finfo(float).eps, color="0.5", linestyle=":")
right.text(30, 3e-15, "dotted: machine epsilon", ha="right", color="0.5")
right.set(xlabel="epoch", ylabel="relative difference of the losses", yscale="log")
figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
plt.show()

# %%
# Adam alone takes another path, by the place of one constant: :math:`\delta` is added
# after the bias correction here, as in the paper, and before it in scikit-learn.
#
# And back
# --------
#
# `to_sklearn` returns scikit-learn's own class with these weights, for tools that know
# no other.

twin = ours.to_sklearn()
gap = np.abs(twin.predict_proba(X_test) - ours.predict_proba(X_test)).max()
print(f"{type(twin).__name__} predicts probabilities that differ by {gap:.0e} at most")

# %%
# The time
# --------
#
# Processor time of ten epochs of Adam by minibatches of several sizes, the least of
# three runs each. The less there is to do in an update, the more of scikit-learn's time
# goes into what is not arithmetic. The ratio depends on the machine, on the sizes of
# the network and the batch, and on whether the compiled kernels are there, which
# `skoptnet.show_versions` says.


def processor_time(model):
    began = time.process_time()
    model.fit(X_train, y_train)
    return time.process_time() - began


sizes = [10, 20, 50, 100, 200, 500]
same = {"max_iter": 10, "learning_rate_init": 0.001, "random_state": 0}
seconds = {
    Classifier.__name__: [
        min(processor_time(Classifier((50,), batch_size=m, **same)) for _ in range(3))
        for m in sizes
    ]
    for Classifier in (MLPClassifier, MLPClassifierX)
}
figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for (name, values), style, color in zip(
    seconds.items(), ["s--", "o-"], colors[1::-1], strict=True
):
    ax.plot(sizes, values, style, color=color, label=name)
for m, ours, theirs in zip(
    sizes, seconds["MLPClassifierX"], seconds["MLPClassifier"], strict=True
):
    ax.annotate(f"{theirs / ours:.1f}x", (m, (ours * theirs) ** 0.5), ha="center")
ax.set(xlabel="rows per minibatch", ylabel="processor time of a fit (s)")
ax.set(xscale="log", yscale="log")
ax.set_xticks(sizes, sizes)
ax.set_xticks([], minor=True)
ax.yaxis.set_major_formatter("{x:g}")
ax.legend()
plt.show()
