r"""
What does an optimizer of my own take?
======================================

A class with the formula in it: four lines for quasi-hyperbolic momentum, which this
package does not have. One call tells whether it keeps the contract, and then it trains,
is cloned and searched like the built-in ones. The search finds that it is better than
both its parents at a rate that is too high for them, and of no use at a good one.
"""

# %%
# The formula
# -----------
# Momentum follows an average of the gradients, SGD the last one. Quasi-hyperbolic
# momentum (Ma and Yarats, 2019, *Quasi-hyperbolic momentum and Adam for deep learning*)
# follows a mixture of the two:
#
# .. math:: s \leftarrow \beta s + (1 - \beta) g, \qquad
#           \theta \leftarrow \theta - \epsilon \left[(1 - \nu) g + \nu s\right].

from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import SGD, MLPClassifierX, Optimizer
from skoptnet.testing import check_optimizer


class QHM(Optimizer):
    """Quasi-hyperbolic momentum: a share nu of averaged gradient, the rest plain."""

    memory: ClassVar = ("s",)
    elementwise = True
    default_learning_rate = 0.1

    def __init__(self, nu=0.7, beta=0.9):
        self.nu = nu
        self.beta = beta

    def step(self, theta, g, state, rate, xp):
        s = state.s
        s *= self.beta
        s += (1 - self.beta) * g
        theta -= rate * ((1 - self.nu) * g + self.nu * s)


# %%
# Vectors are changed in place; ``memory`` names those that are kept from update to
# update. That is the whole contract, and the next call goes through it: does the
# optimizer keep the precision, can it be pickled in the middle, do two halves make a
# whole, does it get a quadratic down?

print(check_optimizer(QHM()))

# %%
# It keeps the contract, but is it the right formula? At :math:`\nu = 0` it has to be
# SGD, but for rounding.

X, y = load_digits(return_X_y=True)
models = [
    MLPClassifierX((30,), solver=solver, learning_rate_init=0.1, random_state=0)
    for solver in (QHM(nu=0), SGD())
]
for model in models:
    for _ in range(10):
        model.partial_fit(X / 16, y, classes=range(10))
print(np.allclose(*(model.loss_curve_ for model in models), rtol=1e-12))

# %%
# In a search
# -----------
# The hyperparameters are found under ``solver__``, and behind the name of a pipeline's
# step.

network = MLPClassifierX(
    (30,), solver=QHM(beta=0.99), batch_size=32, early_stopping=True, max_iter=1000,
    random_state=0,
)  # fmt: skip
grid = {
    "mlpclassifierx__solver__nu": [0, 0.5, 0.7, 0.9, 1],
    "mlpclassifierx__learning_rate_init": [0.03, 0.3, 1.5],
}
search = GridSearchCV(
    make_pipeline(StandardScaler(), network), grid, cv=3, scoring="neg_log_loss"
)
search.fit(X, y)
print(search.best_params_)

nu, rates = grid.values()
shape = len(rates), len(nu)
loss = -search.cv_results_["mean_test_score"].reshape(shape)
spread = search.cv_results_["std_test_score"].reshape(shape)
fig, ax = plt.subplots(layout="constrained")
for i, style in enumerate(("-o", "--s", ":^")):
    color = ("#0072B2", "#D55E00", "#009E73")[i]
    ax.errorbar(nu, loss[i], spread[i], fmt=style, color=color, label=f"{rates[i]:g}")
ax.set(xlabel=r"share of averaged gradient, $\nu$", xticks=nu)
ax.set(ylabel="log loss, mean and spread of 3 folds", yscale="log")
ax.yaxis.set_major_formatter("{x:g}")
ax.yaxis.set_minor_formatter("{x:g}")

ax.legend(title="learning rate", frameon=False)
plt.show()

# %%
# On the left is SGD, on the right the average by itself. At a rate of 1.5 both do
# badly; mixtures do better, the best with a third of the loss of SGD. At 0.3 the plain
# gradient is the best, and at 0.03 the share matters no more than the folds.
