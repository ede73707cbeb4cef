r"""
Learning-rate range test
========================

A learning-rate range test suggests an initial learning rate in a fraction of a second:
it raises the rate from update to update and records the loss. The rate at which most of
the loss has gone is a good one to start with. A tenth of it wastes epochs, ten times as
much does not train at all. The test cannot find the rate with the best predictions.
"""

# %%
# Run the test
# ------------
# Update :math:`t` of :math:`T` has the rate
#
# .. math:: \epsilon_t = \epsilon_{min}
#           \left(\frac{\epsilon_{max}}{\epsilon_{min}}\right)^{t / (T - 1)},
#
# and the test records the loss of its minibatch before the update. At low rates the
# loss hardly changes; then it falls; finally the steps are too long, and it rises or
# explodes. Each of the five runs has its own first weights and minibatches.

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
# At the suggested rate, three quarters of the fall of the smoothed loss are done. The
# loss falls further beyond, but from weights that lower rates have already trained. The
# band shows how well the five runs agree. A cross marks a run that diverged.
#
# Train at the suggested rate
# ---------------------------
# We train for ten epochs at a tenth of the suggested rate, at that rate, and at ten
# times that rate.

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
    label = f"{name}, {rate:.2g}: test accuracy {score:.0%}"
    ax.plot(np.arange(1, 11), network.loss_curve_, line, color=color, label=label)
ax.axhline(np.log(10), color="0.5", linewidth=0.8)
ax.text(10, np.log(10), "random guessing", ha="right", va="top", color="0.5")
ax.set(yscale="log", xlabel="epochs", ylabel="training loss")
ax.yaxis.set_major_formatter("{x:g}")
ax.legend(frameon=False, bbox_to_anchor=(0, 1), loc="lower left")
plt.show()

# %%
# At the suggested rate the loss falls fast and starts to become unsteady at the end. It
# is a rate to start with, and a schedule may lower it.
#
# Other solvers
# -------------
# Each solver has its own scale of rates, and the test finds it. The titles also give
# the default rate, ``learning_rate_init="auto"``.

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
# of held-out rows after up to 200 epochs, with and without early stopping, and must not
# diverge on features with extreme outliers. The test sees training rows only: on small
# and noisy data, the rate that lowers their loss fastest also overfits fastest. Combine
# it with ``early_stopping=True``.
