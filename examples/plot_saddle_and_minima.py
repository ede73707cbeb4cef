r"""
Saddle points and local minima
==============================

Gradient descent stops where the gradient vanishes, at a minimum or not. Solvers that
scale each coordinate, such as Adam, pass a saddle point without delay. Momentum leaves
it sooner than gradient descent. A start exactly on the ridge needs noise. A shallow
minimum holds gradient descent for good; momentum may be fast enough to roll out of it.
"""

# %%
# Escape from a saddle point
# --------------------------
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
# times smaller, their steps are as long as along x, and they never come near the saddle
# point. Gradient descent comes close and hardly moves for about forty updates, while y
# doubles every seven. Momentum swings across the saddle point and leaves it sooner.
#
# Gradient noise
# --------------
#
# If y = 0 at the start, the slope along y is exactly zero and stays zero. All solvers
# end at the saddle point. With a little noise in the gradients, as in minibatches, all
# of them leave, on a random side. Here the noise is the same for all.

figure, axes = plt.subplots(2, 1, figsize=(7.5, 7.5), layout="constrained")
for ax, noise in zip(axes, (0.0, 0.05), strict=True):
    display = OptimizerPathDisplay.from_solvers(
        SURFACES["saddle"].with_noise(noise),
        list(rates),
        learning_rates=rates,
        n_updates=120,
        start=(-1.5, 0.0),
        random_state=1,
    )
    display.plot(ax)
    ax.set_title(f"noise {noise:g}")
    heights = [f"{label} {values[-1]:.3f}" for label, values in display.values.items()]
    print(f"noise {noise:g}: final f: {', '.join(heights)}")
plt.show()

# %%
# Shallow and deep minima
# -----------------------
#
# The six-hump camel function has minima of three depths. The shallowest is nearest to
# the start.

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
# or without Nesterov's look-ahead, reaches it with a velocity that carries it over the
# rim, and ends in one of the two lowest minima. That is partly luck: at a lower rate it
# stays.

for rate in (0.01, 0.003, 0.001):
    again = OptimizerPathDisplay.from_solvers(
        "local_minima", "momentum", learning_rates=rate, n_updates=300
    )
    print(f"momentum at rate {rate}: final f {again.values['momentum'][-1]:.4f}")

# %%
# Animation
# ---------
#
# Each frame is two updates. ``camel.animate("camel.gif")`` writes the animation to a
# file.

animation = camel.animate(frames=41, fps=8, dpi=80)
plt.show()
