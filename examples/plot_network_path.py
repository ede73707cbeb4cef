r"""
Loss landscape: the training path of a network
==============================================

A network has many weights, a picture has two axes. This example projects the training
paths of three solvers onto the plane of their first two principal components, through
the final weights, and draws the training loss on this plane. It holds more than nine
tenths of the movement.
"""

# %%
# Three solvers from the same weights
# -----------------------------------
#
# ``random_state`` gives all three the same first weights and minibatches. The display
# trains clones and leaves the estimators unchanged.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.displays import OptimizerPathDisplay

X, y = make_moons(500, noise=0.2, random_state=0)


def network(solver, rate):
    """Return a network of 16 hidden units on standardised rows."""
    mlp = MLPClassifierX((16,), activation="tanh", batch_size=50, random_state=3)
    mlp.set_params(solver=solver, learning_rate_init=rate, max_iter=60, tol=0)
    return make_pipeline(StandardScaler(), mlp)


models = {
    "sgd": network("sgd", 0.5),
    "momentum": network("momentum", 0.1),
    "adam": network("adam", 0.02),
}
with warnings.catch_warnings():
    # All sixty epochs are wanted, converged or not.
    warnings.simplefilter("ignore", ConvergenceWarning)
    display = OptimizerPathDisplay.from_estimator(models, X, y)
display.plot()
plt.show()

# %%
# Each dot is an epoch. The contour lines are the training loss of weights in this
# plane. The axis labels give the share of the movement along each axis. The first few
# epochs go straight down. Then all three solvers cross a plateau, from which SGD and
# Adam go one way and momentum another: they will not end at the same weights.
#
# Training loss
# -------------
#
# These are the losses of the actual weights, which lie slightly off the plane. The
# plateau shows as ten epochs at 0.3. Momentum, which left it first, has the lowest loss
# after sixty epochs, on the other side of the valley.

display.plot_values()
for label, losses in display.values.items():
    print(f"{label:<9} {losses[0]:.4f} at the start, {losses[-1]:.4f} after 60 epochs")
plt.show()

# %%
# 3D view
# -------
#
# The same paths from the other side. The height is the cube root of the loss, which
# makes small losses distinguishable.

display.plot(kind="3d", view=(45, 60))
# sphinx_gallery_thumbnail_number = 3
plt.show()
