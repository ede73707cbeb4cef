r"""
How do the seven solvers differ?
================================

The textbook has seven ways to go downhill. Here all of them train the same network on
the same handwritten digits for thirty epochs, from the same first weights, each at the
learning rate that suits it best. Batch gradient descent, with one update per epoch,
stays far behind. The six that use minibatches reach losses that differ by a factor of
twenty, and yet read new digits equally well.
"""

# %%
# The data are 1797 images of 8 by 8 pixels, a quarter of which is kept for testing.
# Division by 16 brings the grey values into [0, 1].

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skoptnet import MLPClassifierX
from skoptnet.displays import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.25, stratify=y, random_state=0
)

# %%
# The solvers, in the order of the textbook: batch gradient descent (Algorithm 1),
# stochastic gradient descent (8.1), momentum (8.2), Nesterov momentum (8.3), AdaGrad
# (8.4), RMSProp (8.5) and Adam (8.7).
#
# A rate :math:`\epsilon` means something else to each of them, so no single rate would
# be fair. Each solver tries seven, and the one that ends with the lowest training loss
# stands for it.

SOLVERS = ["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]


def trained(solver, rate):
    model = MLPClassifierX(
        (50,), solver=solver, learning_rate_init=rate, max_iter=30, random_state=0
    )
    return model.fit(X_train, y_train)


# Thirty epochs are not enough to converge, of which each fit would warn. We know.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

best = {}
for solver in SOLVERS:
    models = [trained(solver, rate) for rate in RATES]
    model = min(models, key=lambda model: model.loss_)
    best[f"{solver}, {model.learning_rate_:g}"] = model

# %%
# The way down
# ------------
#
# Behind each name is the rate that suited it best. The axis is logarithmic: a straight
# line falls by the same factor in every epoch.
#
# ``gd`` takes the whole training set for one update,
# :math:`\theta \leftarrow \theta - \epsilon \hat{g}`, where the others make seven of
# them from minibatches of 200 images: the same work, a seventh of the steps.
# ``momentum``, ``nesterov`` and ``adam``, which remember the direction of earlier
# gradients, get lowest.

LossCurveDisplay.from_estimators(best).plot()
plt.show()

# %%
# What it is worth
# ----------------
#
# The accuracy on the 450 images kept for testing, with its standard error
# :math:`\sqrt{p (1 - p) / 450}`. But for ``gd``, the solvers are within errors of each
# other, and the lowest training loss does not make the best reader: beyond some point
# a lower loss is only overfitting.

accuracy = np.array([model.score(X_test, y_test) for model in best.values()])
error = np.sqrt(accuracy * (1 - accuracy) / len(y_test))

_, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.errorbar(accuracy, list(best), xerr=error, fmt="o", capsize=3)
ax.invert_yaxis()
ax.set(xlabel="accuracy on new digits", ylabel="solver, learning rate")
ax.grid(alpha=0.3)
plt.show()
