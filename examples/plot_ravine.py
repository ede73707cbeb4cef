r"""
How much does momentum help in a ravine?
========================================

A ravine is steep across and flat along. Gradient descent has to take a rate that suits
the walls, and then crawls along the floor; momentum adds up the small steps that agree
and cancels those that do not. With curvatures :math:`m` and :math:`M` it needs about
:math:`\sqrt{M/m}` updates where gradient descent needs :math:`M/m`. The factor by which
each comes closer per update is measured here and put beside its closed form.
"""

# %%
# The ravine and the best rates
# -----------------------------
#
# On :math:`f(x, y) = \frac12 (m x^2 + M y^2)` every update multiplies the way that is
# left along x and along y by numbers that depend on the rate :math:`\epsilon` and the
# momentum :math:`\alpha` only. The best choice makes the larger of both as small as
# possible. With :math:`\kappa = M / m` it is
#
# - gradient descent: :math:`\epsilon = \frac{2}{M + m}`, and the way left shrinks by
#   :math:`\frac{\kappa - 1}{\kappa + 1}` per update;
# - momentum: :math:`\epsilon = \left(\frac{2}{\sqrt M + \sqrt m}\right)^2`,
#   :math:`\alpha = \left(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\right)^2`, and it
#   shrinks by :math:`\sqrt\alpha` (Polyak, 1964);
# - Nesterov's momentum: :math:`\epsilon = \frac1M`,
#   :math:`\alpha = \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}`, and it shrinks by
#   :math:`1 - \frac{1}{\sqrt\kappa}`.

import matplotlib.pyplot as plt
import numpy as np

from skoptnet import GradientDescent, Momentum, Nesterov
from skoptnet.displays import OptimizerPathDisplay
from skoptnet.surfaces import descend, quadratic

m, M = 1.0, 25.0
root = np.sqrt(M / m)
ratio = (root - 1) / (root + 1)
solvers = {
    "gradient descent": GradientDescent(),
    "momentum": Momentum(momentum=ratio**2),
    "Nesterov": Nesterov(momentum=ratio),
}
rates = {
    "gradient descent": 2 / (M + m),
    "momentum": (2 / (np.sqrt(M) + np.sqrt(m))) ** 2,
    "Nesterov": 1 / M,
}
display = OptimizerPathDisplay.from_solvers(
    quadratic(m, M),
    solvers,
    learning_rates=rates,
    n_updates=40,
    limits=((-10, 2), (-6, 6)),
)
display.plot()
plt.show()

# %%
# Gradient descent is thrown from wall to wall, since its rate is just below :math:`2 /
# M`, at which it would never come to rest. Momentum swings wider at first, takes longer
# strides along the floor, and is at the minimum soonest. Nesterov's momentum looks
# where the velocity leads before it takes the gradient. At its best rate, :math:`1 /
# M`, the first step ends on the floor, and from there on it does not swing at all.
#
# Over the updates
# ----------------
#
# Straight lines on a logarithmic axis: every update takes the same share of the way.

ax = plt.figure(figsize=(7, 4), layout="constrained").subplots()
closed_forms = {
    "gradient descent": (M / m - 1) / (M / m + 1),
    "momentum": ratio,
    "Nesterov": 1 - 1 / root,
}
measured = {}
for label, line in display.lines_.items():
    path = descend(
        quadratic(m, M), solvers[label], learning_rate=rates[label], n_updates=120
    )
    distances = np.linalg.norm(path.points, axis=1)
    measured[label] = (distances[100] / distances[40]) ** (1 / 60)
    ax.semilogy(distances, color=line.get_color(), ls=line.get_linestyle(), label=label)
ax.set(xlabel="updates", ylabel="distance from the minimum")
ax.grid(alpha=0.25)
ax.legend()
plt.show()

# %%
# Measured and computed
# ---------------------
#
# The factor between updates 40 and 100. With the best momentum two roots of the
# characteristic polynomial fall together, and the distance goes like
# :math:`k \alpha^{k/2}`: the factor measured is a little above that for
# :math:`k \to \infty`.

print("                   measured   closed form   updates per digit")
for label, factor in measured.items():
    per_digit = np.log(0.1) / np.log(factor)
    print(
        f"{label:<18} {factor:8.4f}   {closed_forms[label]:11.4f}   {per_digit:17.1f}"
    )

# %%
# Where the ravine is narrower
# ----------------------------
#
# The number of updates for one digit more, over :math:`\kappa`: it grows as
# :math:`\kappa` without momentum and as :math:`\sqrt\kappa` with it.

kappas = np.geomspace(4, 4000, 50)
roots = np.sqrt(kappas)
ax = plt.figure(figsize=(7, 4), layout="constrained").subplots()
for label, factors in (
    ("gradient descent", (kappas - 1) / (kappas + 1)),
    ("momentum", (roots - 1) / (roots + 1)),
    ("Nesterov", 1 - 1 / roots),
):
    line = display.lines_[label]
    ax.loglog(
        kappas, np.log(0.1) / np.log(factors),
        color=line.get_color(), ls=line.get_linestyle(), label=label,
    )  # fmt: skip
ax.set(xlabel=r"$\kappa = M / m$", ylabel="updates per digit")
ax.xaxis.set_major_formatter("{x:g}")
ax.yaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.25)
ax.legend()
plt.show()
