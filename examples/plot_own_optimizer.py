r"""
Custom optimizer: quasi-hyperbolic momentum
===========================================

A custom optimizer is a class with the update formula. Quasi-hyperbolic momentum, which
this package does not have, takes four lines. One call checks its contract; then it
works in ``fit``, `clone` and searches like the built-in solvers. The search finds that
it beats SGD and momentum at a rate that is too high for them, but not at a good one.
"""

# %%
# Write the optimizer
# -------------------
# Momentum follows an average of the gradients, SGD the last one. Quasi-hyperbolic
# momentum (`Ma and Yarats, 2019 <https://arxiv.org/abs/1810.06801>`__,
# *Quasi-hyperbolic momentum and Adam for deep learning*) follows a mixture of the two:
#
# .. math:: s \leftarrow \beta s + (1 - \beta) g, \qquad
#           \theta \leftarrow \theta - \epsilon \left[(1 - \nu) g + \nu s\right].

from typing import ClassVar

import matplotlib.pyplot as plt
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
# ``step`` changes its vectors in place; ``memory`` names the vectors kept from update
# to update.
#
# Check the contract
# ------------------
# `check_optimizer` tests the contract: among others, whether the optimizer keeps the
# precision, continues after pickling, and lowers a quadratic.

print(check_optimizer(QHM()))

# %%
# It cannot test the formula itself. At :math:`\nu = 0` the optimizer must equal SGD, up
# to rounding. These are the losses of both after one, five and ten epochs:

X, y = load_digits(return_X_y=True)
models = [
    MLPClassifierX((30,), solver=solver, learning_rate_init=0.1, random_state=0)
    for solver in (QHM(nu=0), SGD())
]
for model in models:
    for _ in range(10):
        model.partial_fit(X / 16, y, classes=range(10))
for epoch in (1, 5, 10):
    print(f"epoch {epoch:2}:", *(f"{m.loss_curve_[epoch - 1]:.10f}" for m in models))

# %%
# Grid search
# -----------
# The hyperparameters have the prefix ``solver__``, after the name of the pipeline's
# step.

network = MLPClassifierX(
    (30,),
    solver=QHM(beta=0.99),
    batch_size=32,
    early_stopping=True,
    max_iter=1000,
    random_state=0,
)
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
ax.set(ylabel="log loss (mean and standard deviation, 3 folds)", yscale="log")
ax.yaxis.set_major_formatter("{x:g}")
ax.yaxis.set_minor_formatter("{x:g}")

ax.legend(title="learning rate", frameon=False)
plt.show()

# %%
# At :math:`\nu = 0` is SGD, at :math:`\nu = 1` the average alone. At a rate of 1.5 both
# do badly; mixtures do better, and the best has a third of the loss of SGD. At 0.3 SGD
# is best. At 0.03 the differences are within the standard deviation of the folds.
