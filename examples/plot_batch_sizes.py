r"""
Batch size: full batch, minibatches, single rows
================================================

Per update, the full batch makes the most progress, because its gradient is exact. Per
epoch, minibatches and single rows win, because one pass over the data is many updates.
In computing time the minibatches win, because their rows are computed together. At a
constant learning rate, only the full batch converges to the minimum.
"""

# %%
# Training data and batch sizes
# -----------------------------
# The gradient of an update is the mean over :math:`m` of the :math:`n` training rows,
#
# .. math:: g = \frac{1}{m} \sum_{i \in \text{batch}} \nabla_\theta L(y_i, \hat y_i),
#           \qquad \theta \leftarrow \theta - \epsilon g.
#
# Batch gradient descent has :math:`m = n`, stochastic gradient descent in the strict
# sense :math:`m = 1`. The network has no hidden layer, so its loss has a single
# minimum. L-BFGS finds the loss there, and we compare how far above it the solvers are.
# A tenth of the labels is random, so the gradients of the rows disagree even at the
# minimum.

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
# All start from the same weights. The table lists the solver, the batch size, the rate
# and the epochs. The rate of the full batch is the best of 0.001, 0.003, 0.01, ... 3.
# The other two have low rates, which leave little noise, and the same :math:`\epsilon /
# m`.

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
# Loss by epochs, updates and computing time
# ------------------------------------------

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
panels[0].set_ylabel("training loss minus its minimum")
fig.legend(panels[0].lines, ways, loc="outside upper center", ncols=3, frameon=False)
plt.show()

# %%
# The cost of coming within 0.001 of the minimum, and the median distance over the last
# ten epochs:

for way, curve in curves.items():
    at = int(np.argmax(curve["above"] <= 0.001))
    price = ", ".join(f"{curve[clock][at]:.0f} {clock}" for clock in clocks)
    print(f"{way}: {price}; at the end {np.median(curve['above'][-10:]):.1g}")

# %%
# Two curves coincide over the epochs. At the same :math:`\epsilon / m`, 32 single steps
# and one step with 32 rows move the weights by nearly the same amount, and leave the
# same noise. With a batch k times as large, take a rate k times as high, as long as
# training does not diverge. The minibatches need about half the time of single rows.
#
# Neither comes closer at a constant rate, because the gradients of the rows disagree. A
# schedule with a falling rate removes this noise. So does a lower constant rate, which
# takes longer.
