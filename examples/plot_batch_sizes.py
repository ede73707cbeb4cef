r"""
All rows, some rows or one row per update?
==========================================

It depends on what is counted. Over updates, all rows win: no step is aimed better. Over
epochs, a minibatch and single rows win, which make many steps of one pass over the
data. Over time the minibatch wins, because its rows are computed together. What only
all rows can do at a constant rate is to end at the minimum.
"""

# %%
# Three ways to one minimum
# -------------------------
# An update's gradient is the mean over :math:`m` of the :math:`n` training rows,
#
# .. math:: g = \frac{1}{m} \sum_{i \in \text{batch}} \nabla_\theta L(y_i, \hat y_i),
#           \qquad \theta \leftarrow \theta - \epsilon g.
#
# Batch gradient descent has :math:`m = n`, stochastic gradient descent in the strict
# sense :math:`m = 1`. So that there is one minimum, the network has no hidden
# layer. L-BFGS tells us how low it is; what the solvers leave above it is what we look
# at. A tenth of the labels is drawn at random, so that the rows disagree.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX

X, y = make_classification(
    4000, n_informative=10, n_redundant=5, n_classes=3, flip_y=0.1, random_state=0
)
X = scale(X)
model = MLPClassifierX((), alpha=0, random_state=0)
minimum = model.set_params(solver="lbfgs", tol=1e-9, max_iter=1000).fit(X, y).loss_

# %%
# All begin with the same weights. Rows in a batch, rate, epochs: the rate of the whole
# batch is the best of 0.001, 0.003, 0.01, ... 3; the two others have one that leaves
# little noise, with the same :math:`\epsilon / m`.

ways = {
    "all 4000 rows": ("gd", 4000, 1.0, 60),
    "32 rows": ("sgd", 32, 0.032, 30),
    "one row": ("sgd", 1, 0.001, 30),
}


def train(solver, batch_size, rate, epochs):
    model = MLPClassifierX((), solver=solver, alpha=0, random_state=0)
    model.set_params(batch_size=batch_size, learning_rate_init=rate)
    above, seconds = [], []
    for _ in range(epochs):
        begun = time.process_time()
        model.partial_fit(X, y, classes=range(3))
        seconds.append(time.process_time() - begun)
        above.append(log_loss(y, model.predict_proba(X)) - minimum)
    return {
        "above": np.array(above),
        "epochs": model.history_["epoch"],
        "updates": model.history_["update"],
        "milliseconds of CPU time": 1000 * np.cumsum(seconds),
    }


curves = {way: train(*setting) for way, setting in ways.items()}

# %%
# One loss over three clocks
# --------------------------

clocks = {
    "epochs": [1, 3, 10, 30],
    "updates": [1, 100, 10000],
    "milliseconds of CPU time": [3, 10, 30],
}
styles = ("-", "#0072B2"), ("--", "#D55E00"), (":", "#009E73")
fig, panels = plt.subplots(1, 3, figsize=(10, 4), sharey=True, layout="constrained")
for ax, (clock, ticks) in zip(panels, clocks.items(), strict=True):
    for curve, (dashes, color) in zip(curves.values(), styles, strict=True):
        ax.plot(curve[clock], curve["above"], dashes, color=color, linewidth=2)
    ax.set(xscale="log", yscale="log", xlabel=clock, ylim=(1e-5, 1))
    ax.minorticks_off()
    ax.set_xticks(ticks, ticks)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.grid(color="0.5", alpha=0.25)
panels[0].set_ylabel("loss of all rows above the minimum")
fig.legend(panels[0].lines, ways, loc="outside upper center", ncols=3, frameon=False)
plt.show()

# %%
# The price of a loss 0.001 above the minimum, and what is left at the end:

for way, curve in curves.items():
    at = int(np.argmax(curve["above"] <= 0.001))
    price = ", ".join(f"{curve[clock][at]:.0f} {clock}" for clock in clocks)
    print(f"{way}: {price}; left {np.median(curve['above'][-10:]):.1g}")

# %%
# Two curves coincide over the epochs. At the same :math:`\epsilon / m`, 32 single steps
# and one step with 32 rows move the weights by nearly as much, and leave as much noise:
# with k times the rows, take k times the rate, as long as that does not make training
# diverge. The minibatch does it in half the time.
#
# Neither gets closer than that at a constant rate: the rows disagree about the last
# steps. A schedule that lets the rate fall takes the noise out; a lower rate also does,
# and takes longer.
