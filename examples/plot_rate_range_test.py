r"""
Which learning rate should I begin with?
========================================

A learning-rate range test answers in a fraction of a second: it lets the rate rise
from update to update, and looks at the loss. The rate where most of the fall is done
is a good one to begin with; a tenth of it wastes epochs, and ten times as much does not
train at all. What it cannot tell is which rate predicts best.
"""

# %%
# A run
# -----
# Update :math:`t` of :math:`T` is made at the rate
#
# .. math:: \epsilon_t = \epsilon_{min}
#           \left(\frac{\epsilon_{max}}{\epsilon_{min}}\right)^{t / (T - 1)},
#
# and its minibatch's loss, before the update, is noted down. At low rates nothing
# changes; then the loss falls; at last the steps are too long, and it rises or
# explodes. Each of five runs has other first weights and other minibatches.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skoptnet import (
    SGD,
    AdaGrad,
    Adam,
    MLPClassifierX,
    Momentum,
    learning_rate_range_test,
)
from skoptnet.displays import LearningRateRangeDisplay

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
model = MLPClassifierX((50,), solver="sgd", batch_size=32, random_state=0)
result = learning_rate_range_test(model, X, y, random_state=0)
print(result)

LearningRateRangeDisplay.from_result(result).plot()
plt.show()

# %%
# The smoothed loss has three quarters of its fall behind it at the suggested rate. It
# goes on falling beyond, but those rates were reached from weights that lower rates had
# trained. The five runs agree well; where they do not, the band is wide. A cross marks
# a run that diverged.
#
# Is it a good rate?
# ------------------
# Ten epochs at a tenth of it, at it, and at ten times as much.

suggested = result.suggested_rate
rates = {
    "a tenth of it": suggested / 10,
    "suggested": suggested,
    "ten times as much": suggested * 10,
}
styles = (("#0072B2", ":"), ("#D55E00", "-"), ("#009E73", "--"))
fig, ax = plt.subplots(layout="constrained")
for (name, rate), (color, line) in zip(rates.items(), styles, strict=True):
    network = clone(model).set_params(learning_rate_init=rate)
    for _ in range(10):
        network.partial_fit(X, y, classes=range(10))
    score = network.score(X_test, y_test)
    label = f"{name}, {rate:.2g}: {score:.0%} of test rows right"
    ax.plot(np.arange(1, 11), network.loss_curve_, line, color=color, label=label)
ax.axhline(np.log(10), color="0.5", linewidth=0.8)
ax.text(10, np.log(10), "knowing nothing", ha="right", va="top", color="0.5")
ax.set(yscale="log", xlabel="epochs", ylabel="training loss")
ax.yaxis.set_major_formatter("{x:g}")
ax.legend(frameon=False, bbox_to_anchor=(0, 1), loc="lower left")
plt.show()

# %%
# At the suggested rate the loss falls fast, and is about to become unsteady at the end:
# it is a rate to begin with, and a schedule may lower it.
#
# Other solvers
# -------------
# Each has a scale of its own, and the test finds it. Beside the suggestion is the rate
# that ``learning_rate_init="auto"`` stands for.

fig, panels = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
for ax, solver in zip(panels.flat, (SGD(), Momentum(), AdaGrad(), Adam()), strict=True):
    model.set_params(solver=solver)
    display = LearningRateRangeDisplay.from_estimator(model, X, y, random_state=0)
    display.plot(ax)
    default = solver.auto_rate()
    ax.set_title(f"{solver}: {display.suggested_rate:.2g}, default {default:g}")
plt.show()

# %%
# The defaults are a third to a twelfth of the suggestions. They were chosen by the loss
# of held-out rows after up to 200 epochs, without early stopping, too, and must not
# diverge on features with far outliers. The test looks at training rows only: on small
# and noisy data, the rate that lowers their loss fastest also learns the noise fastest.
# Take ``early_stopping=True`` with it.
