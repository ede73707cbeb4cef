r"""
Gabor model: starting points and local minima
=============================================

The Gabor model of Prince, *Understanding Deep Learning* (2023, chapter 6), has two
parameters and a loss with many local minima. This example trains it with five solvers
from many starting points. The start decides which valley a solver ends in. The solver
decides how fast it gets there, and the outcome for starts near a watershed.
"""

# %%
# The data are thirty noisy points of the model itself:
#
# .. math::
#     f(x, \phi) = \sin(u)\, e^{-u^2 / 32}, \qquad u = \phi_0 + 0.06\, \phi_1 x,
#     \qquad C(\phi) = \frac{1}{m} \sum_i \frac12 \bigl(f(x_i, \phi) - y_i\bigr)^2
#
# The points come from :math:`\phi = (0, 16.6)`.

import matplotlib.pyplot as plt
import numpy as np

from skoptnet import SGD, Adam, GradientDescent, Momentum, Nesterov

m = 30
rng = np.random.RandomState(0)
x = rng.uniform(-15, 15, m)


def gabor(x, phi_0, phi_1):
    u = phi_0 + 0.06 * phi_1 * x
    return np.sin(u) * np.exp(-(u**2) / 32)


y = gabor(x, 0, 16.6) + 0.1 * rng.standard_normal(m)


def cost(phi_0, phi_1):
    errors = gabor(x, phi_0[..., None], phi_1[..., None]) - y
    return np.mean(errors**2, axis=-1) / 2


def gradient(theta, rows):
    """By the chain rule; theta holds the phi_0 of all starts, then their phi_1."""
    phi_0, phi_1 = theta.reshape(2, -1, 1)
    u = phi_0 + 0.06 * phi_1 * x[rows]
    bell = np.exp(-(u**2) / 32)
    delta = (np.sin(u) * bell - y[rows]) * (np.cos(u) - u / 16 * np.sin(u)) * bell
    return np.concatenate([delta.mean(axis=1), (0.06 * x[rows] * delta).mean(axis=1)])


# %%
# A training loop without an estimator takes a few lines: a solver is the rule for one
# update, and its memory is a separate object. These five solvers treat each coordinate
# separately, so a single vector can hold all starts. Gradient descent uses all 30
# points for every update, the others use minibatches of 5.


def descend(solver, rate, starts, updates=600):
    """Return the points after each update, of shape (updates + 1, 2, starts)."""
    rng = np.random.RandomState(0)
    theta = np.ravel(starts).astype(float)
    state = solver.start(theta, np)
    points = [theta.copy()]
    while state.t < updates:
        order = rng.permutation(m)
        for rows in [order] if solver.full_batch else np.split(order, m // 5):
            state.t += 1
            g = gradient(solver.gradient_point(theta, state, np), rows)
            solver.step(theta, g, state, rate, np)
            points.append(theta.copy())
    return np.reshape(points, (-1, *np.shape(starts)))


solvers = {
    "gd": (GradientDescent(), 1),
    "sgd": (SGD(), 1),
    "momentum": (Momentum(), 0.3),
    "nesterov": (Nesterov(), 0.3),
    "adam": (Adam(), 0.1),
}
colors = ["#E69F00", "#D55E00", "#0072B2", "#CC79A7", "#009E73"]
dashes = ["-", (0, (1, 1)), "--", "-.", (0, (5, 1))]

# %%
# Paths from three starts
# -----------------------
#
# From each start all five solvers end in the same valley; only the middle start leads
# to the lowest point. Momentum overshoots the bottom of a valley and swings back.
# Nesterov's momentum looks ahead and overshoots less. Adam's steps are equally long
# along both coordinates, so it sets out in another direction.

grid = np.meshgrid(np.linspace(-10, 10, 61), np.linspace(2.5, 22.5, 61))
losses = cost(*grid)
lowest = np.unravel_index(losses.argmin(), losses.shape)
starts = np.array([[-3.0, 2.0, 7.0], [9.0, 6.0, 7.0]])
paths = {name: descend(*given, starts) for name, given in solvers.items()}

figure, ax = plt.subplots(figsize=(7.5, 6), layout="constrained")
filled = ax.contourf(*grid, losses, levels=20, cmap="Greys_r", alpha=0.6)
figure.colorbar(filled, label="loss C", format="%.2f")
for (name, path), color, dash in zip(paths.items(), colors, dashes, strict=True):
    for k in range(starts.shape[1]):
        label = name if k == 0 else None
        ax.plot(*path[:, :, k].T, color=color, linestyle=dash, label=label, lw=1.3)
        ax.plot(*path[-1, :, k], "o", color=color, markersize=4)
ax.plot(*starts, "s", color="white", markeredgecolor="black", label="start")
ax.plot(grid[0][lowest], grid[1][lowest], "*y", markersize=15, label="lowest point")
ax.set(xlabel=r"$\phi_0$", ylabel=r"$\phi_1$", title="600 updates from three starts")
figure.legend(loc="outside lower center", ncols=4)
plt.show()

# %%
# Speed of convergence
# --------------------
#
# On the left is the loss from the middle start. The floor of the valley is nearly flat,
# and gradient descent and SGD creep along it. Momentum accumulates gradients of the
# same direction, and Adam divides them by their size; both arrive in half the updates,
# while the first two are still on their way. On the right is Adam's fit from each
# start. In the two wrong valleys the wave fits some of the points, and every small
# change makes the fit worse.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for (name, path), color, dash in zip(paths.items(), colors, dashes, strict=True):
    curve = cost(*path[:, :, 1].T)
    left.plot(curve, color=color, linestyle=dash, label=name)
left.set(xlabel="updates", ylabel="loss C on all 30 points", yscale="log")
left.set_yticks([0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
left.yaxis.set_major_formatter("{x:g}")
left.yaxis.set_minor_formatter("")
left.legend()

right.plot(x, y, "o", color="0.5", label="data")
along = np.linspace(-15, 15, 200)
for k, where in enumerate(["left", "middle", "right"]):
    style = {"color": colors[k + 1], "linestyle": dashes[k]}
    right.plot(along, gabor(along, *paths["adam"][-1, :, k]), **style, label=where)
right.set(xlabel="x", ylabel="y and f(x)", ylim=(-1.3, 2.2))
right.legend(ncols=2, loc="upper center")
plt.show()

# %%
# Basins of attraction
# --------------------
#
# Each solver starts from each point of a 41 by 41 grid. Starts are blue if the loss
# after 600 updates is within 0.01 of the lowest. Neither noise nor momentum nor Adam
# leaves a wrong valley: with all five solvers, about a quarter of the starts are good.
# The solvers differ along the border of the basin, and at the lower end of the valley,
# where slow solvers have not arrived yet.

grid = np.meshgrid(np.linspace(-10, 10, 41), np.linspace(2.5, 22.5, 41))
starts = np.stack([grid[0].ravel(), grid[1].ravel()])
figure, axes = plt.subplots(1, 5, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, (name, given) in zip(axes, solvers.items(), strict=True):
    found = cost(*descend(*given, starts)[-1]) < losses.min() + 0.01
    ax.contourf(
        *grid,
        found.reshape(grid[0].shape),
        levels=[-0.5, 0.5, 1.5],
        colors=["#E69F00", "#56B4E9"],
    )
    ax.contour(*grid, cost(*grid), levels=8, colors="black", linewidths=0.4)
    ax.set(title=f"{name}: {found.mean():.0%}", xlabel=r"$\phi_0$")
axes[0].set_ylabel(r"$\phi_1$ of the start")
plt.show()

# %%
# With two parameters: start many times and keep the best. Networks with thousands of
# parameters have many more directions out of a valley, so bad local minima of this kind
# are rarer. Their starting point is `random_state`, and varying it is worth a try.
