"""
Comparison with scikit-learn's MLPClassifier
============================================

This example runs the same code with `sklearn.neural_network.MLPClassifier` and with
`MLPClassifierX`. Under equivalent settings both train the same way: first weights,
minibatches and the loss of every epoch agree to rounding. The time differs.
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
# Changing the import and the class name is enough. The two models are similar but not
# equal: the strength of scikit-learn's penalty ``alpha`` depends on the batch size, and
# Adam differs in a detail (see below).
#
# Equal loss curves
# -----------------
#
# scikit-learn's ``"sgd"`` covers three textbook solvers, which have their own names
# here: Nesterov's momentum (its default), plain momentum, and no momentum. With the
# same learning rate and without a penalty, the loss curves coincide.

# Thirty epochs do not converge.
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
    # The logarithmic axis has no 0: draw equal losses at 1e-17.
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
# Only Adam differs, because of one constant: skoptnet adds :math:`\delta` after the
# bias correction, as in the paper, scikit-learn before it.
#
# Convert to scikit-learn
# -----------------------
#
# `to_sklearn` returns an `MLPClassifier` with the same weights, for tools that support
# scikit-learn's classes only.

twin = ours.to_sklearn()
gap = np.abs(twin.predict_proba(X_test) - ours.predict_proba(X_test)).max()
print(f"{type(twin).__name__} predicts probabilities that differ by {gap:.0e} at most")

# %%
# Training time
# -------------
#
# Processor time of ten epochs of Adam at several batch sizes, the shortest of three
# runs each. The smaller the batch, the more of scikit-learn's time is overhead. The
# ratio depends on the machine, the network, the batch size, and the compiled kernels;
# `skoptnet.show_versions` says whether they are installed.


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
