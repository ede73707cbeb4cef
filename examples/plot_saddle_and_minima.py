r"""
Who gets away from a saddle point, and out of a local minimum?
==============================================================

Where the gradient vanishes, gradient descent stops, be it a minimum or not. At a saddle
point a solver that scales each coordinate by itself loses no time, momentum is away
sooner than gradient descent, and whoever starts exactly on the ridge needs noise to see
the way down. A shallow minimum holds gradient descent for good; momentum may be fast
enough to roll out of it.
"""

# %%
# Near a saddle point
# -------------------
#
# :math:`f(x, y) = \frac12 x^2 - \frac12 y^2 + \frac14 y^4` has a saddle point at (0, 0)
# between two minima. The start is 0.001 beside the ridge.

import matplotlib.pyplot as plt

from skoptnet.displays import OptimizerPathDisplay
from skoptnet.surfaces import SURFACES

rates = {"gd": 0.1, "momentum": 0.03, "rmsprop": 0.05, "adam": 0.1}
near = OptimizerPathDisplay.from_solvers(
    "saddle", list(rates), learning_rates=rates, n_updates=120, start=(-1.5, 0.001)
)
near.plot()
near.plot_values()
plt.show()

# %%
# RMSProp and Adam divide by the size of the gradient: along y, where it is a thousand
# times smaller, they take steps as long as along x, and never come near the saddle
# point. Gradient descent goes all the way there, and stays on a level for some forty
# updates, while y doubles every seven. Momentum swings across it, and is away sooner.
#
# On the ridge
# ------------
#
# With y = 0 at the start, the slope along y is exactly zero, and stays so. No solver
# sees a way down: all end at the saddle point. With a little noise in the gradients, as
# minibatches have it, all of them leave. To which side is chance; here the noise is the
# same for all.

figure, axes = plt.subplots(2, 1, figsize=(7.5, 7.5), layout="constrained")
for ax, noise in zip(axes, (0.0, 0.05), strict=True):
    display = OptimizerPathDisplay.from_solvers(
        SURFACES["saddle"].with_noise(noise), list(rates), learning_rates=rates,
        n_updates=120, start=(-1.5, 0.0), random_state=1,
    )  # fmt: skip
    display.plot(ax)
    ax.set_title(f"noise {noise:g}")
    heights = [f"{label} {values[-1]:.3f}" for label, values in display.values.items()]
    print(f"noise {noise:g}: f at the end: {', '.join(heights)}")
plt.show()

# %%
# Minima of different depth
# -------------------------
#
# The six-hump camel has minima of three depths. The nearest to the start is the
# shallowest.

rates = {"gd": 0.01, "adagrad": 0.1, "momentum": 0.01, "nesterov": 0.01}
camel = OptimizerPathDisplay.from_solvers(
    "local_minima", list(rates), learning_rates=rates, n_updates=80
)
camel.plot()
camel.plot(kind="3d", view=(45, -75))
# sphinx_gallery_thumbnail_number = 4
plt.show()

# %%
# Gradient descent and AdaGrad go down to the nearest minimum and stay. Momentum, with
# or without Nesterov's look ahead, arrives there with a velocity that carries it over
# the rim, and ends in one of the two lowest. That is partly luck: at a smaller rate it
# stays, too.

for rate in (0.01, 0.003, 0.001):
    again = OptimizerPathDisplay.from_solvers(
        "local_minima", "momentum", learning_rates=rate, n_updates=300
    )
    print(f"momentum at the rate {rate}: ends at {again.values['momentum'][-1]:.4f}")

# %%
# In motion
# ---------
#
# Each picture is two updates further. ``camel.animate("camel.gif")`` writes it to a
# file.

animation = camel.animate(frames=41, fps=8, dpi=80)
plt.show()
