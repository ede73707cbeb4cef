r"""
Solvers compared: SGD, momentum, AdaGrad, RMSProp, Adam
=======================================================

The textbook's seven solvers train the same network on handwritten digits for thirty
epochs, from the same first weights, each at its best learning rate. Batch gradient
descent, with one update per epoch, stays far behind. The final training losses of the
six others differ by a factor of twenty, yet their test accuracies are the same within
error bars.
"""

# %%
# The data are 1797 images of 8 by 8 pixels. A quarter is held out for testing.
# Division by 16 scales the grey values to [0, 1].

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
# The solvers need different learning rates :math:`\epsilon`, so no single rate would be
# a fair comparison. Each solver trains at seven rates, and we keep the model with the
# lowest final training loss.

SOLVERS = ["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]


def trained(solver, rate):
    model = MLPClassifierX(
        (50,), solver=solver, learning_rate_init=rate, max_iter=30, random_state=0
    )
    return model.fit(X_train, y_train)


# Each fit would warn that thirty epochs are not enough to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

best = {}
for solver in SOLVERS:
    models = [trained(solver, rate) for rate in RATES]
    model = min(models, key=lambda model: model.loss_)
    best[f"{solver}, {model.learning_rate_:g}"] = model

# %%
# Training loss
# -------------
#
# The legend gives the best rate of each solver. The axis is logarithmic: a straight
# line falls by the same factor in every epoch.
#
# ``gd`` uses the whole training set for one update, :math:`\theta \leftarrow \theta -
# \epsilon \hat{g}`. The others make seven updates from minibatches of 200 images with
# the same amount of computing. ``momentum``, ``nesterov`` and ``adam``, which average
# the gradients, reach the lowest losses.

LossCurveDisplay.from_estimators(best).plot()
plt.show()

# %%
# Test accuracy
# -------------
#
# The accuracy on the 450 test images has a standard error of :math:`\sqrt{p (1 - p) /
# 450}`. Except for ``gd``, the solvers agree within it. The lowest training loss does
# not give the best accuracy: beyond some point a lower loss is only overfitting.

accuracy = np.array([model.score(X_test, y_test) for model in best.values()])
error = np.sqrt(accuracy * (1 - accuracy) / len(y_test))
for (name, model), p, e in zip(best.items(), accuracy, error, strict=True):
    print(f"{name:>15}: loss {model.loss_:.4f}, test accuracy {p:.1%} ± {e:.1%}")

_, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.errorbar(accuracy, list(best), xerr=error, fmt="o", capsize=3)
ax.invert_yaxis()
ax.set(xlabel="test accuracy", ylabel="solver, learning rate")
ax.grid(alpha=0.3)
plt.show()
