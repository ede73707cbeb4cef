r"""
Grid search: solver, learning rate and batch size
=================================================

A grid search over all three, in a pipeline, shows that they cannot be chosen
separately: the right learning rate depends on the solver and on the batch size. Plain
stochastic gradient descent needs rates about thirty times those of Adam. At its best
rate, each of the four solvers is as good as the others. They differ in the share of the
grid that works well.
"""

# %%
# The data are 569 tumours with 30 features of very different scales. So the model needs
# a scaler, inside the pipeline, where each fold is scaled by its own training rows.

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
# folds, are 360 fits. The splits are shuffled with a seed, so that they can be repeated
# below. All candidates have the same budget of twenty epochs, and we ignore the
# warnings that it was used up.

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
print(f"log loss {-search.best_score_:.3f} with {search.best_params_}")

# %%
# Scores of the whole grid
# ------------------------
#
# Each cell has the mean score of a candidate and its standard deviation over the folds;
# the best one is framed. The score is the negative cross-entropy of the test rows. All
# scores below -0.3 have one colour, which leaves more colours for the good cells.
#
# In the ``sgd`` panel equal scores lie on diagonals: four times the batch size needs
# three to four times the rate, because there are a quarter as many updates. The
# ``momentum`` panel is the ``sgd`` panel shifted by a factor of ten in the rate: with
# :math:`v \leftarrow \alpha v - \epsilon g`, steps along a constant gradient grow to
# :math:`\epsilon / (1 - \alpha)` times it, and :math:`\alpha = 0.9`.

SolverGridDisplay.from_cv_results(search).plot(vmin=-0.3)
plt.show()

# %%
# Candidates in order of their score
# ----------------------------------
#
# The same scores, sorted: the 18 candidates of each solver, the best first, with the
# median and quartiles over the folds. The best candidates of all solvers are equally
# good. The solvers differ in the number of good candidates. ``sgd`` has the fewest:
# most rates of the grid are too small for it.

LossCurveDisplay.from_cv_results(search).plot()
plt.show()

# %%
# Loss curves of the best candidates
# ----------------------------------
#
# A search keeps no loss curves. Given the data, the display fits the best candidate of
# each solver again on the same splits, and draws the median and the quartiles of the
# curves. The brackets say how the five fits ended. ``momentum`` ends with half the
# training loss of ``sgd``, yet their test scores in the grid are the same.

display = LossCurveDisplay.from_cv_results(search, X, y, group_by="solver").plot()
plt.show()

for solver, params in zip(display.stops["name"], display.stops["params"], strict=True):
    rate, size = params["mlp__learning_rate_init"], params["mlp__batch_size"]
    print(f"{solver:>8}: rate {rate:g}, batch size {size}")
