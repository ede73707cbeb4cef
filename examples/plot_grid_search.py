r"""
Which solver, rate and batch size go together?
==============================================

A grid search over all three, in a pipeline, shows that they cannot be chosen one by
one: the right rate depends on the solver and on the size of the minibatches. Plain
stochastic gradient descent needs rates some thirty times those of Adam. With a rate of
its own, each of the four solvers gets as far as the others; they differ in how much of
the grid is good.
"""

# %%
# The data: 569 tumours, 30 features of very different scale. So a scaler belongs to the
# model, and into the pipeline, where each fold is scaled by its own training rows.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.displays import LossCurveDisplay, SolverGridDisplay

X, y = load_breast_cancer(return_X_y=True)
model = Pipeline(
    [
        ("scale", StandardScaler()),
        ("mlp", MLPClassifierX((20,), max_iter=20, random_state=0)),
    ]
)

# %%
# Four solvers, six rates :math:`\epsilon` and three batch sizes :math:`m`, each in five
# folds: 360 fits. The splits are shuffled with a seed, so that they can be made again
# below. Twenty epochs are a budget that all candidates share; that it is used up is no
# news, and the warnings of it are left out.

warnings.filterwarnings("ignore", category=ConvergenceWarning)
search = GridSearchCV(
    model,
    {
        "mlp__solver": ["sgd", "momentum", "rmsprop", "adam"],
        "mlp__learning_rate_init": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
        "mlp__batch_size": [16, 64, 256],
    },
    scoring="neg_log_loss",
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
)
search.fit(X, y)
print(search.best_params_)

# %%
# The whole grid
# --------------
#
# The mean score of each candidate and its standard deviation over the folds, the best
# one framed. The score is the negative cross-entropy of the test rows. All below -0.3
# has one colour, so that the good cells can be told apart.
#
# In the panel of ``sgd`` equal scores lie on diagonals: four times the batch size needs
# about three to four times the rate, for there are a quarter as many updates. And the
# panel of ``momentum`` is that of ``sgd`` moved by a factor of ten in the rate: with
# :math:`v \leftarrow \alpha v - \epsilon g`, steps along a lasting gradient add up to
# :math:`\epsilon / (1 - \alpha)`, and :math:`\alpha = 0.9`.

SolverGridDisplay.from_cv_results(search).plot(vmin=-0.3)
plt.show()

# %%
# How much of the grid is good?
# -----------------------------
#
# The same scores, candidate after candidate: the 18 of each solver, the best one first,
# with median and quartiles over the folds. All solvers begin at the same height. What
# tells them apart is how long they stay there. ``sgd`` falls first: of the rates in the
# grid, most are too small for it.

LossCurveDisplay.from_cv_results(search).plot()
plt.show()

# %%
# How do the best ones train?
# ---------------------------
#
# A search keeps no loss curves. Given the data, the display fits the best candidate of
# each solver once more on the same splits, and shows the median and the quartiles of
# the curves; in brackets is how the five fits ended. ``momentum`` ends with half the
# training loss of ``sgd``, and the grid says that the test scores are the same: there
# is no more to be had from these data.

display = LossCurveDisplay.from_cv_results(search, X, y, group_by="solver").plot()
plt.show()

for solver, params in zip(display.stops["name"], display.stops["params"], strict=True):
    rate, size = params["mlp__learning_rate_init"], params["mlp__batch_size"]
    print(f"{solver:>8}: rate {rate:g}, batch size {size}")
