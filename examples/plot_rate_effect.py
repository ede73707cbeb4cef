r"""
Learning rate: too small, right, too large
==========================================

Batch gradient descent on the diabetes data, at learning rates up to a thousandfold
apart. A rate that is too small is safe, but needs far more than a hundred epochs. A
suitable rate makes most of the progress in ten. A rate that is too large overshoots the
minimum, farther with every update, until training diverges. skoptnet then stops at once
and says what to try.
"""

# %%
# A network of 20 hidden units predicts the progression of the disease from ten
# measurements. Features and target are standardised: predicting the mean has a loss
# :math:`L = \frac{1}{2} (\hat y - y)^2` of 1/2.

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


def trained(rate, max_iter=100):
    """Train at a rate; return the model and the texts of its warnings."""
    model = MLPRegressorX(
        (20,), solver="gd", learning_rate_init=rate, max_iter=max_iter, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    return model, [str(warning.message) for warning in caught]


# %%
# Loss curves at three rates
# --------------------------
#
# Each update is :math:`\theta \leftarrow \theta - \epsilon \hat g`, and batch gradient
# descent makes one per epoch. At :math:`\epsilon = 0.9` we stop after seven epochs,
# with losses far above the picture: in the eighth the loss would no longer be finite.

models, warned = {}, {}
for name, setting in {
    "too small": (0.001, 100),
    "right": (0.3, 100),
    "too large": (0.9, 7),
}.items():
    models[f"{name}: {setting[0]}"], warned[name] = trained(*setting)

display = LossCurveDisplay.from_estimators(models).plot()
display.ax_.set_ylim(0.15, 20)
display.ax_.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20])
plt.show()

# %%
# Convergence warnings
# --------------------
#
# Each of the three fits warns. The first two have used up their epochs, the first
# because it is slow. The third has learnt nothing.

for name, messages in warned.items():
    lines = textwrap.wrap(" ".join(messages), 78)
    print(f"{name}:", *lines, sep="\n  ")

# %%
# The losses of the third fit show how fast it explodes:

losses = [f"{loss:.1e}" for loss in models["too large: 0.9"].loss_curve_]
print("too large:", *losses)

# %%
# In the eighth epoch training diverges. If an earlier epoch is better than the
# untrained network, ``fit`` warns and keeps the weights of that epoch. Here there is
# none, so ``fit`` raises an error, as scikit-learn's MLP does. A grid search counts it
# as a failed fit and continues.

try:
    trained(0.9)
except ValueError as error:
    print(textwrap.fill(str(error), 80))

# %%
# The largest stable rate
# -----------------------
#
# The final loss falls with the rate, almost up to the rates where training diverges:
# along a direction of curvature :math:`\lambda`, gradient descent moves away from the
# minimum if :math:`\epsilon > 2 / \lambda`. So the best rate is often just below the
# first one that fails.

rates, losses = np.geomspace(0.001, 2, 18), []
for rate in rates:
    try:
        losses.append(trained(rate)[0].loss_)
    except ValueError:
        losses.append(np.nan)
losses = np.array(losses)
failed = np.isnan(losses)

_, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(rates[~failed], losses[~failed], "o-")
ax.axvspan(rates[failed][0], rates[-1], color="0.5", alpha=0.3)
ax.text(
    np.sqrt(rates[failed][0] * rates[-1]), 0.33, "diverged", rotation=90, ha="center"
)
ax.set_xscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.set(xlabel="learning rate", ylabel="final training loss")
plt.show()
