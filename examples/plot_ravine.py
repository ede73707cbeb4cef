r"""
Momentum and Nesterov's momentum in a ravine
============================================

A ravine is steep across and flat along. The walls limit the rate of gradient descent,
which then crawls along the floor. Momentum accumulates steps of the same direction and
cancels steps of opposite directions. With curvatures :math:`m` and :math:`M` it needs
about :math:`\sqrt{M/m}` updates where gradient descent needs :math:`M/m`. This example
measures the convergence factors and compares them with their closed forms.
"""

# %%
# Best rates and momentum
# -----------------------
#
# On :math:`f(x, y) = \frac12 (m x^2 + M y^2)` every update multiplies the distances
# along x and y by numbers that depend only on the rate :math:`\epsilon` and the
# momentum :math:`\alpha`. The best choice minimises the larger of the two. With
# :math:`\kappa = M / m` it is
#
# - gradient descent: :math:`\epsilon = \frac{2}{M + m}`, and the distance shrinks by
#   :math:`\frac{\kappa - 1}{\kappa + 1}` per update;
# - momentum: :math:`\epsilon = \left(\frac{2}{\sqrt M + \sqrt m}\right)^2`,
#   :math:`\alpha = \left(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\right)^2`, and it
#   shrinks by :math:`\sqrt\alpha` (`Polyak, 1964
#   <https://doi.org/10.1016/0041-5553(64)90137-5>`__);
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
# Gradient descent bounces from wall to wall, since its rate is just below :math:`2 /
# M`, the limit of stability. Momentum swings wider at first, takes longer steps along
# the floor and reaches the minimum first. Nesterov's momentum takes the gradient at the
# point that the velocity leads to. At its best rate, :math:`1 / M`, its first step ends
# on the floor, and from there on it does not swing at all.
#
# Distance from the minimum
# -------------------------
#
# The lines are straight on a logarithmic axis: every update shrinks the distance by the
# same factor.

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
# Convergence factors
# -------------------
#
# The factor is measured between updates 40 and 100. With the best momentum two roots of
# the characteristic polynomial coincide, and the distance behaves like
# :math:`k \alpha^{k/2}` after k updates. So the measured factor is slightly above its
# limit.

print("                   measured   closed form   updates per digit")
for label, factor in measured.items():
    per_digit = np.log(0.1) / np.log(factor)
    print(
        f"{label:<18} {factor:8.4f}   {closed_forms[label]:11.4f}   {per_digit:17.1f}"
    )

# %%
# Condition number
# ----------------
#
# The number of updates per decimal digit grows as :math:`\kappa` without momentum and
# as :math:`\sqrt\kappa` with it.

kappas = np.geomspace(4, 4000, 50)
roots = np.sqrt(kappas)
ax = plt.figure(figsize=(7, 4), layout="constrained").subplots()
for label, factors in (
    ("gradient descent", (kappas - 1) / (kappas + 1)),
    ("momentum", (roots - 1) / (roots + 1)),
    ("Nesterov", 1 - 1 / roots),
):
    line = display.lines_[label]
    style = {"color": line.get_color(), "linestyle": line.get_linestyle()}
    ax.loglog(kappas, np.log(0.1) / np.log(factors), label=label, **style)
ax.set(xlabel=r"$\kappa = M / m$", ylabel="updates per digit")
ax.xaxis.set_major_formatter("{x:g}")
ax.yaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.25)
ax.legend()
plt.show()
