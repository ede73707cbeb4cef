r"""
What does the path of a network's training look like?
=====================================================

A network has many weights, a picture has two axes. Of all planes through the
last weights, the one of the first two principal directions of the path comes closest to
it. Three solvers that set out from the same weights are shown on one such plane, above
the training loss on it; most of what they do is in the picture.
"""

# %%
# Three trainings
# ---------------
#
# The same network, the same first weights, the same minibatches: those come from
# ``random_state``. Each estimator is cloned and trained; it stays as it was.

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
    """A network of 16 hidden units, on standardised rows."""
    return make_pipeline(
        StandardScaler(),
        MLPClassifierX(
            (16,), activation="tanh", solver=solver, learning_rate_init=rate,
            batch_size=50, max_iter=60, tol=0, random_state=3,
        ),
    )  # fmt: skip


models = {
    "sgd": network("sgd", 0.5),
    "momentum": network("momentum", 0.1),
    "adam": network("adam", 0.02),
}
with warnings.catch_warnings():
    # Sixty epochs are what is to be seen, converged or not.
    warnings.simplefilter("ignore", ConvergenceWarning)
    display = OptimizerPathDisplay.from_estimator(models, X, y)
display.plot()
plt.show()

# %%
# Each dot is an epoch. The contour lines are the training loss of networks with weights
# in this plane, and the axes say how much of the way lies along them: together more
# than nine tenths. The first few epochs go straight down. Then all three are on a flat
# part, from which SGD and Adam go one way and momentum another: they will not end at
# the same weights.
#
# The loss over the epochs
# ------------------------
#
# These are the losses of the weights themselves, which lie a little beside the plane.
# The flat part shows here as ten epochs at 0.3. Momentum, which left it first, is
# lowest after sixty epochs, on the other side of the valley.

display.plot_values()
for label, losses in display.values.items():
    print(f"{label:<9} {losses[0]:.4f} at the start, {losses[-1]:.4f} after 60 epochs")
plt.show()

# %%
# In space
# --------
#
# The same seen from the other side, with heights drawn as their cube roots, so that
# what is low can be told apart.

display.plot(kind="3d", view=(45, 60))
# sphinx_gallery_thumbnail_number = 3
plt.show()
