r"""
Adam: bias correction
=====================

Adam's moving averages of the gradient and of its square start at zero, so at first they
are too small, the second more so than the first. The bias correction divides both by
the missing factor. Without it Adam's first steps are three to six times as long as its
learning rate, and they stay too long for hundreds of updates. With it the first step
has the length of the learning rate, whatever the gradient.
"""

# %%
# Adam without the correction
# ---------------------------
#
# Adam (`Kingma and Ba, 2015 <https://arxiv.org/abs/1412.6980>`__) averages with
# :math:`\rho_1 = 0.9` and :math:`\rho_2 = 0.999`:
#
# .. math::
#     s \leftarrow \rho_1 s + (1 - \rho_1) g, \qquad
#     r \leftarrow \rho_2 r + (1 - \rho_2) g \odot g
#
# If all gradients are equal, :math:`s = (1 - \rho_1^t) g` after t updates. The
# correction divides :math:`s` by :math:`1 - \rho_1^t`, and :math:`r` by :math:`1 -
# \rho_2^t`. A custom optimizer leaves it out:

import matplotlib.pyplot as plt
import numpy as np

from skoptnet import Adam
from skoptnet.displays import OptimizerPathDisplay
from skoptnet.surfaces import SURFACES, descend


class AdamUncorrected(Adam):
    """Adam without bias correction."""

    def step(self, theta, g, state, rate, xp):
        state.s[...] = self.beta_1 * state.s + (1 - self.beta_1) * g
        state.r[...] = self.beta_2 * state.r + (1 - self.beta_2) * g * g
        theta -= rate * state.s / (xp.sqrt(state.r) + self.epsilon)


# %%
# Step lengths on a constant slope
# --------------------------------
#
# The gradient is (2, 0.001) everywhere and the learning rate is 0.1. Without the
# correction the length of the first step is
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
# The steps along y are the same, though the slope there is 2000 times smaller. With the
# correction every step is 0.1. Without it, the steps grow while :math:`s` warms up.
# Then they fall while :math:`r` warms up, which takes a hundred times as long:

ax = plt.figure(figsize=(7, 4), layout="constrained").subplots()
t = np.arange(1, 1001)
for label, color, dashes in (("with", "#0072B2", "-"), ("without", "#D55E00", "--")):
    ax.semilogx(t, steps[label], color=color, ls=dashes, label=f"{label} correction")
marked = np.unique(np.geomspace(1, 1000, 15).round().astype(int))
theory = 0.1 * (1 - 0.9**marked) / np.sqrt(1 - 0.999**marked)
formula = r"$\epsilon\,(1 - \rho_1^t) / \sqrt{1 - \rho_2^t}$"
ax.semilogx(marked, theory, "ko", markersize=4, label=formula)
ax.set(xlabel="update t", ylabel="length of the step along x", ylim=(0, None))
ax.xaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.25)
ax.legend()
plt.show()

# %%
# The harm of long first steps
# ----------------------------
#
# Himmelblau's function has four minima. Both solvers have the same start and the same
# rate. With the correction, Adam reaches the nearest minimum. Without it, the first
# steps overshoot that minimum, and Adam ends in another one.

display = OptimizerPathDisplay.from_solvers(
    SURFACES["himmelblau"],
    {"with correction": Adam(), "without": AdamUncorrected()},
    learning_rates=0.3,
    n_updates=60,
    start=(1, -1),
)
display.plot()
plt.show()
