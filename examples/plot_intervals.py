r"""
Prediction intervals and their coverage
=======================================

`TabularMLPRegressor.predict_interval` returns intervals that contain a given share of
the new targets, the coverage. They need no further training, as they come from the
errors on rows that the networks left out. This example counts how many test targets
they contain.
"""

# %%
# Intervals
# ---------
#
# The data are Friedman's first function, with normal noise of standard deviation 1.
# An interval is the prediction plus or minus a quantile of the absolute errors on
# held-out rows: split conformal prediction.

from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1

from skoptnet import TabularMLPRegressor

X, y = make_friedman1(2500, noise=1.0, random_state=0)
X, X_test, y, y_test = X[:500], X[500:], y[:500], y[500:]
model = TabularMLPRegressor(random_state=0).fit(X, y)

some = np.argsort(model.predict(X_test))[::50]
low, high = model.predict_interval(X_test[some], coverage=0.9).T
inside = (low <= y_test[some]) & (y_test[some] <= high)
blue, red = "#0072B2", "#D55E00"

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
place = np.arange(len(some))
ax.vlines(place, low, high, color=blue, alpha=0.4, label="90% interval")
ax.plot(place[inside], y_test[some][inside], "o", color=blue, ms=4, label="inside")
ax.plot(place[~inside], y_test[some][~inside], "s", color=red, ms=5, label="outside")
ax.set(xlabel="some test rows, by their prediction", ylabel="target")
ax.legend()
plt.show()

# %%
# Coverage
# --------
#
# For each level, the share of all 2000 test targets that lie inside. The spread of the
# four networks is tempting as an interval, too: the mean plus or minus a multiple of
# their standard deviation. But it only says how much they differ: it misses the noise,
# and the errors that they share.


def normal_spread(level):
    """Return intervals from the standard deviation of the networks."""
    Z = model.preprocessor_.transform(X_test)
    each = np.array([network.predict(Z) for network in model.estimators_])
    half = NormalDist().inv_cdf(0.5 + level / 2) * each.std(axis=0, ddof=1)
    return each.mean(axis=0) - half, each.mean(axis=0) + half


def measured(low, high):
    return np.mean((low <= y_test) & (y_test <= high))


levels = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98])
coverage = [measured(*model.predict_interval(X_test, level).T) for level in levels]
spread = [measured(*normal_spread(level)) for level in levels]
for level, found, other in zip(levels, coverage, spread, strict=True):
    print(f"nominal {level:.0%}: measured {found:.1%}, by the spread {other:.1%}")

figure, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
ax.plot([0, 1], [0, 1], ":", color="0.5", label="as requested")
ax.plot(levels, coverage, "-o", color=blue, label="predict_interval")
ax.plot(levels, spread, "--s", color=red, label="spread of the networks")
ax.set(xlabel="nominal coverage", ylabel="measured coverage")
ax.set_aspect("equal")
ax.legend()
plt.show()

# %%
# The measured coverage lies a little above the requested one, because the mean of the
# networks is better than each of them, and their errors set the width.
#
# All intervals have the same width. Where the noise depends on the row, use
# ``loss="quantile"`` of `MLPRegressorX`, as in the example "Quantile regression:
# prediction intervals".
