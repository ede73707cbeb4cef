r"""
What does Adam's bias correction do?
====================================

Adam's averages of the gradient and of its square begin at zero, so at first they are
far too small, the second one more so than the first. The correction divides both by
what they lack. Without it Adam's first steps are three to six times as long as its
rate, and stay too long for hundreds of updates; with it the first step is as long as
the rate, whatever the gradient.
"""

# %%
# Adam without the correction
# ---------------------------
#
# Adam (Kingma and Ba, 2015) averages with :math:`\rho_1 = 0.9` and
# :math:`\rho_2 = 0.999`:
#
# .. math::
#     s \leftarrow \rho_1 s + (1 - \rho_1) g, \qquad
#     r \leftarrow \rho_2 r + (1 - \rho_2) g \odot g
#
# If all gradients are alike, :math:`s = (1 - \rho_1^t) g` after t updates: the
# correction is the division by :math:`1 - \rho_1^t`, and by :math:`1 - \rho_2^t` for
# :math:`r`. An optimizer of one's own is Adam without it:

import matplotlib.pyplot as plt
import numpy as np

from skoptnet import Adam
from skoptnet.displays import OptimizerPathDisplay
from skoptnet.surfaces import SURFACES, descend


class AdamUncorrected(Adam):
    """Adam that takes s and r as they are."""

    def step(self, theta, g, state, rate, xp):
        state.s[...] = self.beta_1 * state.s + (1 - self.beta_1) * g
        state.r[...] = self.beta_2 * state.r + (1 - self.beta_2) * g * g
        theta -= rate * state.s / (xp.sqrt(state.r) + self.epsilon)


# %%
# The first steps in numbers
# --------------------------
#
# On a slope of constant gradient (2, 0.001), at the rate 0.1. Without the correction
# the first step is
#
# .. math:: \epsilon \frac{1 - \rho_1}{\sqrt{1 - \rho_2}} = 0.1 \cdot 3.16


def slope(x, y):
    """A plane."""
    return 2 * x + 0.001 * y


solvers = {"with": Adam(), "without": AdamUncorrected()}
paths = {
    label: descend(slope, solver, learning_rate=0.1, n_updates=1000)
    for label, solver in solvers.items()
}
steps = {label: abs(np.diff(path.points[:, 0])) for label, path in paths.items()}
print("update   with correction   without")
for t in (1, 2, 3, 10, 30, 100, 1000):
    print(f"{t:6d}   {steps['with'][t - 1]:15.4f}   {steps['without'][t - 1]:7.4f}")

# %%
# The step is the same along y, though the slope there is 2000 times less.
# With the correction every step is 0.1. Without, they grow until :math:`s` has caught
# up, and then fall as :math:`r` does, which takes a hundred times as long:

ax = plt.figure(figsize=(7, 4), layout="constrained").subplots()
t = np.arange(1, 1001)
for label, color, dashes in (("with", "#0072B2", "-"), ("without", "#D55E00", "--")):
    ax.semilogx(t, steps[label], color=color, ls=dashes, label=f"{label} correction")
marked = np.unique(np.geomspace(1, 1000, 15).round().astype(int))
theory = 0.1 * (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
ax.semilogx(
    t[marked - 1], theory[marked - 1], "ko", markersize=4,
    label=r"$\epsilon\,(1 - \rho_1^t) / \sqrt{1 - \rho_2^t}$",
)  # fmt: skip
ax.set(xlabel="update t", ylabel="length of the step along x", ylim=(0, None))
ax.xaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.25)
ax.legend()
plt.show()

# %%
# Where steps that long do harm
# -----------------------------
#
# Himmelblau's function has four minima. Both start at the same point at the same rate:
# with the correction, Adam goes to the minimum in front of it. Without, the first steps
# carry it past, and it ends in another.

display = OptimizerPathDisplay.from_solvers(
    SURFACES["himmelblau"],
    {"with correction": Adam(), "without": AdamUncorrected()},
    learning_rates=0.3,
    n_updates=60,
    start=(1, -1),
)
display.plot()
plt.show()
