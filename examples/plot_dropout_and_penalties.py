r"""
Overfitting: dropout, penalties, early stopping
===============================================

A network with more than 2600 weights overfits a hundred noisy rows: it fits the noise
and grows ever more confident. L2 and L1 penalties, weight decay, dropout and early
stopping each reduce overfitting. This example compares the five on ten training sets.
"""

# %%
# Five kinds of regularisation
# ----------------------------
#
# The rows are two half moons that overlap: the best possible accuracy is about 89%.
#
# - L2 and L1 penalties add
#   :math:`\frac{\alpha}{n} \sum_w \bigl(r |w| + (1 - r) w^2 / 2\bigr)` to the loss.
#   ``alpha`` is :math:`\alpha`, and ``l1_ratio`` is :math:`r`.
# - Weight decay multiplies the weights by :math:`1 - \epsilon_t \lambda` at each
#   update.
# - Dropout leaves out half of the hidden units, chosen at random for each row and
#   update.
# - Early stopping holds out 20 of the 100 rows and keeps the weights that were best for
#   these.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skoptnet import AdamW, MLPClassifierX


def draw(n, seed):
    return make_moons(n, noise=0.35, random_state=seed)


# All 300 epochs are wanted, converged or not.
warnings.filterwarnings("ignore", category=ConvergenceWarning)
settings = {
    "alpha": 0,
    "batch_size": 20,
    "learning_rate_init": 0.005,
    "max_iter": 300,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}
stopping = {"validation_fraction": 0.2, "n_iter_no_change": 20}
models = {
    "nothing": {},
    "L2: alpha=1": {"alpha": 1},
    "L1: alpha=0.1": {"alpha": 0.1, "l1_ratio": 1},
    "weight decay 1": {"solver": AdamW(weight_decay=1)},
    "dropout 0.5": {"dropout": 0.5},
    "early stopping": {"early_stopping": True, **stopping},
}
models = {
    name: MLPClassifierX((50, 50), **{**settings, **own})
    for name, own in models.items()
}

# %%
# Training loss and validation loss
# ---------------------------------
#
# A thousand held-out rows, passed as ``X_val`` without early stopping, are monitored:
# ``history_`` has their loss in every epoch, and training does not depend on them. The
# vertical line marks the epoch that early stopping with its own 20 rows chose.

colors = ["#0072B2", "#D55E00"]
X, y = draw(100, seed=0)
X_val, y_val = draw(1000, seed=100)
figure, axes = plt.subplots(
    2, 3, figsize=(9, 5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, model) in zip(axes.flat, models.items(), strict=True):
    whole = clone(model)
    if model.early_stopping:
        whole = MLPClassifierX((50, 50), **settings)
    history = whole.fit(X, y, X_val=X_val, y_val=y_val).history_
    ax.plot(history["epoch"], history["loss"], color=colors[0], label="training")
    ax.plot(
        history["epoch"],
        history["validation_loss"],
        "--",
        color=colors[1],
        label="held-out rows",
    )
    if model.early_stopping:
        ax.axvline(clone(model).fit(X, y).best_epoch_, color="0.5")
    ax.set(title=name, yscale="log")
    ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("")
axes[0, 0].legend()
figure.supxlabel("epoch")
figure.supylabel("loss (training: with penalty, under dropout)")
plt.show()

# %%
# Without regularisation the training loss keeps falling, while the loss of held-out
# rows rises after about thirty epochs: the network overfits. L2 and weight decay keep
# both losses steady, however long training continues. L1 and dropout slow the rise.
# Early stopping only ends the training, and 20 rows suffice to find the epoch.
#
# Decision boundaries
# -------------------
#
# Without regularisation the boundary winds around single rows, and the network is
# confident on either side of it. The other boundaries are simpler, with probabilities
# near 0.5 where the moons overlap.

grid = np.meshgrid(np.linspace(-2, 3, 120), np.linspace(-1.6, 2.1, 90))
moons = np.array(["#E69F00", "#CC79A7"])
points = np.column_stack([axis.ravel() for axis in grid])
figure, axes = plt.subplots(
    2, 3, figsize=(9, 5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, model) in zip(axes.flat, models.items(), strict=True):
    p = clone(model).fit(X, y).predict_proba(points)[:, 1].reshape(grid[0].shape)
    shades = ax.contourf(*grid, p, levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.6)
    ax.scatter(*X.T, c=moons[y], edgecolor="black", s=18, linewidth=0.7)
    ax.set_title(name)
figure.colorbar(shades, ax=axes, label="probability of the second moon")
figure.supxlabel("first feature")
figure.supylabel("second feature")
# sphinx_gallery_thumbnail_number = 2
plt.show()

# %%
# Ten training sets
# -----------------
#
# Each dot is a training set of 100 rows, each bar the mean of ten. All five methods
# help, and they improve the log loss more than the accuracy. L2 and weight decay do
# best here, at strengths chosen as the best of a few. Dropout suits larger networks,
# and often works better with a penalty than alone. Early stopping needs no tuning,
# but costs a fifth of the rows; ``refit_all=True`` would train on them, too.

X_test, y_test = draw(4000, seed=101)
losses, shares = np.empty((2, len(models), 10))
for i, (name, model) in enumerate(models.items()):
    for k in range(10):
        fitted = clone(model).fit(*draw(100, seed=k))
        losses[i, k] = log_loss(y_test, fitted.predict_proba(X_test))
        shares[i, k] = fitted.score(X_test, y_test)
    zeros = np.mean(np.concatenate([W.ravel() for W in fitted.coefs_]) == 0)
    print(
        f"{name:>14}: log loss {losses[i].mean():.2f}, accuracy {shares[i].mean():.1%},"
        f" {zeros:.0%} of the weights exactly 0"
    )

figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, values, label in zip(
    axes,
    [losses, shares],
    ["log loss on 4000 held-out rows", "accuracy on these rows"],
    strict=True,
):
    for i in range(len(models)):
        ax.plot(values[i], np.full(10, i), "o", color=colors[0], alpha=0.6)
        ax.plot(values[i].mean(), i, "|", color=colors[1], markersize=18, mew=3)
    ax.set_xlabel(label)
axes[0].set_yticks(range(len(models)), list(models))
axes[0].set_ylabel("regularisation")
axes[0].invert_yaxis()
plt.show()
