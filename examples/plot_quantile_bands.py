r"""
Quantile regression: prediction intervals
=========================================

With ``loss="quantile"`` and several quantiles, a network predicts an interval instead
of a point: narrow where the data scatter little, wide where they scatter a lot. This
example counts the held-out rows in a 90% interval. With the many rows of the first data
set, the coverage is about 90%. With the few rows of the second, the intervals are too
narrow, less so with regularisation.
"""

# %%
# Noise that depends on x
# -----------------------
#
# For a quantile :math:`q` the loss is the pinball loss
# :math:`L(y, \hat y) = \max(q (y - \hat y),\, (q - 1)(y - \hat y))`. The network has
# five outputs. The first is the lowest quantile, the others are increments:
# :math:`\hat y_1 = z_1,\ \hat y_i = \hat y_{i-1} + \mathrm{softplus}(z_i)`. Increments
# are never negative, so quantiles cannot cross.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPRegressorX

quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
rng = np.random.RandomState(0)


def draw(n):
    x = rng.uniform(-3, 3, n)
    noise = 0.1 + 0.15 * (x + 3)
    return x.reshape(-1, 1), np.sin(2 * x) + noise * rng.standard_normal(n)


def coverage(bands, y):
    """Return the share of y between the first quantile and the last."""
    return np.mean((bands[:, 0] <= y) & (y <= bands[:, -1]))


X_train, y_train = draw(1000)
X_test, y_test = draw(5000)
model = MLPRegressorX(
    (50, 50),
    loss="quantile",
    quantile=quantiles,
    early_stopping=True,
    n_iter_no_change=20,
    random_state=0,
).fit(X_train, y_train)
bands = model.predict(X_test)

print("share of 5000 held-out rows at or below each quantile")
for q, below in zip(quantiles, np.mean(y_test[:, None] <= bands, axis=0), strict=True):
    print(f"{q:7.0%} {below:8.1%}")
print(f"in the 90% interval: {coverage(bands, y_test):.1%}")
print(f"crossing quantiles: {np.sum(np.diff(bands, axis=1) < 0)}")

# %%
# The dashed curves are the true quantiles of :math:`\sin 2x` with normal noise. The
# network's median and the width of its intervals follow them.

blue, red = "#0072B2", "#D55E00"
along = np.linspace(-3, 3, 200)
learnt = model.predict(along.reshape(-1, 1)).T
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(X_train, y_train, ".", color="0.5", markersize=3, label="training rows")
ax.fill_between(along, *learnt[[0, 4]], color=blue, alpha=0.25, label="90% interval")
ax.fill_between(along, *learnt[[1, 3]], color=blue, alpha=0.35, label="50% interval")
ax.plot(along, learnt[2], color=blue, label="median")
for deviations in (-1.645, 0, 1.645):
    true = np.sin(2 * along) + deviations * (0.1 + 0.15 * (along + 3))
    label = "true 5%, 50%, 95%" if deviations == 0 else None
    ax.plot(along, true, "--", color=red, linewidth=1.2, label=label)
ax.set(xlabel="x", ylabel="y")
ax.legend(loc="lower left", ncols=2)
plt.show()

# %%
# Few rows, many features
# -----------------------
#
# The data are ten measurements of 442 patients; the target is the progression of their
# diabetes after a year. With five folds, each interval is for a patient unknown to its
# network. One network trains until its loss levels off and overfits; the other has
# dropout and early stopping.

X, y = load_diabetes(return_X_y=True)
settings = {"loss": "quantile", "quantile": quantiles, "random_state": 0}
models = {
    "overfitted": MLPRegressorX((50,), max_iter=1000, **settings),
    "regularised": MLPRegressorX(
        (50,),
        dropout=0.3,
        batch_size=32,
        early_stopping=True,
        n_iter_no_change=20,
        **settings,
    ),
}
folds = KFold(5, shuffle=True, random_state=0)
predicted = {
    name: cross_val_predict(make_pipeline(StandardScaler(), model), X, y, cv=folds)
    for name, model in models.items()
}
for name, bands in predicted.items():
    print(f"{name}: {coverage(bands, y):.0%} of the patients are in the 90% interval")

# %%
# On the left, points on the dashed line are calibrated quantiles. The overfitted
# network is far too confident about held-out patients. On the right are the intervals
# of the regularised network, sorted by their median. All are wide, because ten
# measurements do not predict the progression better.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot([0, 1], [0, 1], "--", color="0.5")
for (name, bands), style in zip(predicted.items(), ["s-", "o-"], strict=True):
    below = np.mean(y[:, None] <= bands, axis=0)
    color = red if name == "overfitted" else blue
    left.plot(quantiles, below, style, color=color, label=name)
left.set(xlabel="predicted quantile", ylabel="share of patients at or below it")
left.legend()

bands = predicted["regularised"]
order = np.argsort(bands[:, 2])
bands, target = bands[order], y[order]
inside = (bands[:, 0] <= target) & (target <= bands[:, -1])
rank = np.arange(len(y))
intervals = bands[:, [0, 4]].T
right.fill_between(rank, *intervals, color=blue, alpha=0.25, label="90% interval")
right.plot(rank, bands[:, 2], color=blue, label="median")
right.plot(rank[inside], target[inside], ".", color="0.5", markersize=4, label="inside")
right.plot(
    rank[~inside], target[~inside], "x", color=red, markersize=5, label="outside"
)
right.set(xlabel="patients, by predicted median", ylabel="progression")
right.legend(loc="upper left", ncols=2)
plt.show()
