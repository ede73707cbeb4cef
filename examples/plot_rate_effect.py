r"""
What does the learning rate do?
===============================

Batch gradient descent on the diabetes data, at rates a thousandfold apart. Too small a
rate is safe, but a hundred epochs are not enough for it. A suitable one gets most of
the way in ten. One that is too large overshoots the valley, farther with every update,
until the loss explodes; skoptnet then stops at once and says what to try.
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


def trained(rate, max_iter=100):
    """Train at a rate; return the model and the warnings that came."""
    model = MLPRegressorX(
        (20,), solver="gd", learning_rate_init=rate, max_iter=max_iter, random_state=0
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
# descent makes one per epoch. At :math:`\epsilon = 0.9` seven epochs are made, whose
# loss leaves the picture; that of the eighth would no longer be finite.

models, said = {}, {}
for name, setting in {
    "too small": (0.001, 100),
    "right": (0.3, 100),
    "too large": (0.9, 7),
}.items():
    models[f"{name}: {setting[0]}"], said[name] = trained(*setting)

display = LossCurveDisplay.from_estimators(models).plot()
display.ax_.set_ylim(0.15, 20)
display.ax_.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20])
plt.show()

# %%
# What skoptnet reports
# ---------------------
#
# The warnings of the three fits. The first two have merely used up their epochs; one of
# them because it is slow. The third has learnt nothing.

for name, messages in said.items():
    lines = textwrap.wrap(" ".join(messages), 78)
    print(f"{name}:", *lines, sep="\n  ")

# %%
# The losses on the way show how fast it went.

losses = [f"{loss:.1e}" for loss in models["too large: 0.9"].loss_curve_]
print("too large:", *losses)

# %%
# In the eighth epoch training diverges. Where an earlier epoch has a model that is
# better than the untrained network, it is kept, with a warning. Here there is none:
# ``fit`` raises an error, as scikit-learn's MLP does, which a grid search counts as a
# failed fit and goes on.

try:
    trained(0.9)
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
ax.set(xlabel="learning rate", ylabel="training loss at the end")
plt.show()
