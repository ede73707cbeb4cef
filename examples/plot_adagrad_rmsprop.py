r"""
AdaGrad and RMSProp: effective learning rates
=============================================

AdaGrad divides each gradient by the root of the sum of all its squares so far. Every
parameter gets its own rate, and a ravine looks like a bowl. But the sum only grows, so
the rates only fall. RMSProp replaces the sum by a moving average. This example runs
both and measures the effective rate of each parameter at every update.
"""

# %%
# Two paths across a ravine
# -------------------------
#
# With :math:`g` the gradient, and all operations element by element,
#
# - AdaGrad: :math:`r \leftarrow r + g \odot g`, and
#   :math:`\theta \leftarrow \theta - \frac{\epsilon}{\delta + \sqrt r} \odot g`;
# - RMSProp: :math:`r \leftarrow \rho r + (1 - \rho) g \odot g`, and
#   :math:`\theta \leftarrow \theta - \frac{\epsilon}{\sqrt{\delta + r}} \odot g`.
#
# The curvature along y, across the ravine, is 25 times that along x. The learning rates
# give both solvers a first step of the same length: AdaGrad's is :math:`\epsilon` along
# each axis, RMSProp's is :math:`\epsilon / \sqrt{1 - \rho}`, with :math:`\rho = 0.9`.

import matplotlib.pyplot as plt
import numpy as np

from skoptnet.displays import OptimizerPathDisplay
from skoptnet.surfaces import descend, quadratic

rates = {"adagrad": 0.8, "rmsprop": 0.8 * np.sqrt(0.1)}
figure, axes = plt.subplots(2, 1, figsize=(7.5, 7), layout="constrained")
for ax, (solver, rate) in zip(axes, rates.items(), strict=True):
    display = OptimizerPathDisplay.from_solvers(
        quadratic(), solver, learning_rates=rate, n_updates=50
    )
    display.plot(ax)
    ax.set_title(f"{solver}, 50 updates")
plt.show()

# %%
# The slopes along x and y differ greatly, yet the first steps of both solvers are
# equally long along both axes: they move diagonally, where gradient descent would run
# down the wall. Each dot is an update. On the floor of the ravine AdaGrad's dots get
# closer and closer, and it does not reach the minimum. RMSProp keeps its step length
# for longer and does.
#
# Effective learning rate per parameter
# -------------------------------------
#
# The effective rate of a parameter is its step divided by its gradient,
# :math:`-\Delta\theta / g`. The dotted lines mark 2 divided by the curvature: above
# this rate gradient descent diverges.

colors = {"adagrad": ("#0072B2", "-"), "rmsprop": ("#D55E00", "--")}
figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
for solver, (color, dashes) in colors.items():
    path = descend(quadratic(), solver, learning_rate=rates[solver], n_updates=60)
    effective = -np.diff(path.points, axis=0) / path.gradients
    for ax, along, values in zip(axes, "xy", effective.T, strict=True):
        ax.semilogy(np.arange(1, 61), values, color=color, ls=dashes, label=solver)
        print(
            f"{solver:<8} along {along}: {values[0]:.4f} at update 1,"
            f" {values[9]:.4f} at update 10, {values[39]:.4f} at update 40"
        )
for ax, along, curvature in zip(axes, "xy", (1, 25), strict=True):
    ax.axhline(2 / curvature, color="0.5", ls=":")
    ax.text(2, 2.2 / curvature, f"2 / {curvature}", color="0.4")
    ax.set(title=f"along {along}", xlabel="updates", ylim=(0.008, 5))
    ax.grid(alpha=0.25)
axes[0].set_ylabel(r"effective rate $-\Delta\theta / g$")
axes[0].yaxis.set_major_formatter("{x:g}")
axes[1].legend()
plt.show()

# %%
# AdaGrad's rates only fall, most of all in the first ten updates, when the gradients
# are large. RMSProp's rates fall while its average warms up, then rise again as the
# gradients get smaller. Near the minimum they exceed the limit set by the curvature,
# along y after about 35 updates. From then on the distance along y grows.
#
# RMSProp with a cosine schedule
# ------------------------------
#
# At a constant rate RMSProp comes close, is thrown out and comes close again. With a
# cosine schedule, which lowers the rate to zero, it converges.

scheduled = OptimizerPathDisplay.from_solvers(
    quadratic(),
    {"adagrad": "adagrad", "rmsprop": "rmsprop", "rmsprop, cosine": "rmsprop"},
    learning_rates={**rates, "rmsprop, cosine": rates["rmsprop"]},
    lr_schedule={"rmsprop, cosine": "cosine"},
    n_updates=100,
)
scheduled.plot_values()
scheduled.ax_.set_yscale("log")
scheduled.ax_.set_ylim(bottom=1e-7)
scheduled.ax_.yaxis.set_major_formatter("{x:g}")
plt.show()
