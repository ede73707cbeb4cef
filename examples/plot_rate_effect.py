r"""
What does the learning rate do?
===============================

Batch gradient descent on the diabetes data, at rates a thousandfold apart. Too small a
rate is safe, but a hundred epochs are not enough for it. A suitable one gets most of
the way in ten. One that is too large overshoots the valley, farther with every update,
until the loss explodes; skoptnet then stops at once, keeps weights that can be used
and says what to try.
"""

# %%
# A network of 20 hidden units is to predict the progress of the disease from ten
# measurements. Features and target are standardised: the loss
# :math:`L = \frac{1}{2} (\hat y - y)^2` of predicting the mean is 1/2.

import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skoptnet import MLPRegressorX
from skoptnet.displays import LossCurveDisplay

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)


def trained(rate):
    """Train at a rate; return the model and the warnings that came."""
    model = MLPRegressorX(
        (20,), solver="gd", learning_rate_init=rate, max_iter=100, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    return model, [str(warning.message) for warning in caught]


# %%
# Too small, right, too large
# ---------------------------
#
# Each update is :math:`\theta \leftarrow \theta - \epsilon \hat g`, and batch gradient
# descent makes one per epoch. The loss at :math:`\epsilon = 0.9` leaves the picture:
# the cross is far above, at the last epoch whose loss was finite.

models, said = {}, {}
for name, rate in {"too small": 0.001, "right": 0.3, "too large": 0.9}.items():
    models[f"{name}: {rate}"], said[name] = trained(rate)

display = LossCurveDisplay.from_estimators(models).plot()
display.ax_.set_ylim(0.15, 20)
display.ax_.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20])
plt.show()

# %%
# What skoptnet reports
# ---------------------
#
# The warnings of the three fits. The first two have merely used up their epochs; one of
# them because it is slow.

for name, messages in said.items():
    lines = textwrap.wrap(" ".join(messages), 78)
    print(f"{name}:", *lines, sep="\n  ")

# %%
# ``stop_reason_`` tells the same to a program. The model of a diverged fit can be used:
# it has the best of the weights that epochs ended with, which is not to say that they
# are good. The losses on the way show how fast it went.

diverged = models["too large: 0.9"]
losses = [f"{loss:.1e}" for loss in diverged.loss_curve_]
print(diverged.stop_reason_, "after losses of", *losses)
print("all predictions are finite:", np.isfinite(diverged.predict(X)).all())

# %%
# Where the first epoch already ends in infinity there is nothing to keep. ``fit`` then
# raises an error, as scikit-learn's MLP does, which a grid search counts as a failed
# fit and goes on.

try:
    MLPRegressorX(
        (20,), solver="sgd", batch_size=50, learning_rate_init=1, random_state=0
    ).fit(X, y)
except ValueError as error:
    print(textwrap.fill(str(error), 80))

# %%
# How large is too large?
# -----------------------
#
# The loss at the end over the rate. It falls until close to the edge, beyond which
# nothing works at all: along a direction of curvature :math:`\lambda`, gradient descent
# ends farther off than it was before wherever :math:`\epsilon > 2 / \lambda`. So the
# best rate is often found not far below the first one that fails.

rates = np.geomspace(0.001, 2, 18)
fits = [trained(rate)[0] for rate in rates]
failed = np.array([model.stop_reason_ == "diverged" for model in fits])
losses = np.array([model.loss_curve_[-1] for model in fits])

_, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(rates[~failed], losses[~failed], "o-")
ax.axvspan(rates[failed][0], rates[-1], color="0.5", alpha=0.3)
ax.text(
    np.sqrt(rates[failed][0] * rates[-1]), 0.33, "diverged", rotation=90, ha="center"
)
ax.set_xscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.set(xlabel="learning rate", ylabel="training loss at the end")
plt.show()
