"""L1 penalty: subgradient and orthant rule, which make weights exactly 0."""

from __future__ import annotations

from collections.abc import Sequence

from .._types import Array
from ..network import Network


class L1:
    """The penalty lambda_1 sum_l |W_l|, on weights that a solver updates.

    With g the gradient of all other terms, the solver gets the subgradient of least
    norm,

    .. math::
        g + \\lambda_1 \\, \\mathrm{sign}(w) \\text{ where } w \\ne 0, \\qquad
        \\mathrm{sign}(g) \\max(\\lvert g \\rvert - \\lambda_1, 0) \\text{ where } w = 0

    and its update must not take a weight out of its orthant: the sign of w or, where
    w = 0, the sign opposite to this subgradient (none if that is 0). A weight that ends
    outside is set to 0. It thus becomes exactly 0, and stays there while the absolute
    value of g is at most lambda_1, whatever velocity or moments the solver has. This is
    the rule of `Andrew and Gao (2007) <https://doi.org/10.1145/1273496.1273501>`__,
    OWL-QN, applied to the updates of any solver.

    If a solver takes g at another point than theta (Nesterov momentum), signs and
    penalty are still those of theta, since theta must have the zeros.

    Parameters
    ----------
    strength : float
        lambda_1.
    network : Network
        Tells the weights from the biases, which have no penalty.
    theta, g : arrays of shape (P,)
        Parameters and gradient; the same two arrays for every update.
    points : sequence of arrays of shape (P,)
        Further points in the solver's memory; their weights are set to 0 together with
        those of theta.
    """

    def __init__(
        self,
        strength: float,
        network: Network,
        theta: Array,
        g: Array,
        points: Sequence[Array] = (),
    ):
        self.strength, self.network, self.xp = strength, network, network.xp
        layers = zip(network.layers(theta), network.layers(g), strict=True)
        self.weights = [(W, dW, self.xp.empty_like(W)) for (W, _), (dW, _) in layers]
        self.twins = [[V for V, _ in network.layers(point)] for point in points]

    def penalty(self, theta: Array) -> float:
        """Return lambda_1 sum_l |W_l|."""
        return l1_penalty(self.network, theta, self.strength)

    def add_to_gradient(self) -> None:
        """Turn the gradient of the other terms into the objective's subgradient."""
        xp, least = self.xp, self.strength
        for W, dW, orthant in self.weights:
            xp.sign(W, out=orthant)
            shrunk = xp.sign(dW) * xp.maximum(xp.abs(dW) - least, 0)
            dW[...] = xp.where(W == 0, shrunk, dW + least * orthant)
            orthant[...] = xp.where(W == 0, -xp.sign(dW), orthant)

    def keep_in_orthant(self) -> None:
        """Set weights to 0 that an update has taken out of their orthant."""
        for (W, _, orthant), *twins in zip(self.weights, *self.twins, strict=True):
            outside = W * orthant <= 0
            for V in (W, *twins):
                V[outside] = 0


def l1_penalty(network: Network, theta: Array, strength: float) -> float:
    """Return ``strength`` times sum_l |W_l|."""
    sums = [float(network.xp.abs(W).sum()) for W, _ in network.layers(theta)]
    return strength * sum(sums)
