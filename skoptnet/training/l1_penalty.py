"""The L1 penalty, by which weights become exactly 0."""

from __future__ import annotations

from collections.abc import Sequence

from .._types import Array
from ..network import Network


class L1:
    """The penalty lambda_1 sum_l |W_l|, on weights that a solver updates.

    With g the gradient of all else, the solver is given the subgradient of least norm,

    .. math::
        g + \\lambda_1 \\, \\mathrm{sign}(w) \\text{ where } w \\ne 0, \\qquad
        \\mathrm{sign}(g) \\max(\\lvert g \\rvert - \\lambda_1, 0) \\text{ where } w = 0

    and its update may take no weight out of its orthant: the sign of w, or where w = 0,
    the sign opposite to this subgradient, none if that is 0. A weight that ends outside
    is set to 0. So it gets there exactly, and stays while g is not larger than
    lambda_1, whatever velocity or moments the solver remembers. This is the rule of
    Andrew and Gao (2007, OWL-QN), applied to the updates of any solver.

    Where a solver takes g at another point than theta (Nesterov's momentum), signs and
    penalty are those of theta all the same: it is theta that is to have the zeros.

    Parameters
    ----------
    strength : float
        lambda_1.
    network : Network
        Tells weights from biases, which are free.
    theta, g : arrays of shape (P,)
        Parameters and gradient; the same two arrays for every update.
    points : sequence of arrays of shape (P,)
        Points of the solver's own, in which a weight is set to 0 where it is in theta.
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
        """Turn the gradient of all else into the subgradient of the objective."""
        xp, least = self.xp, self.strength
        for W, dW, orthant in self.weights:
            xp.sign(W, out=orthant)
            shrunk = xp.sign(dW) * xp.maximum(xp.abs(dW) - least, 0)
            dW[...] = xp.where(W == 0, shrunk, dW + least * orthant)
            orthant[...] = xp.where(W == 0, -xp.sign(dW), orthant)

    def keep_in_orthant(self) -> None:
        """Set the weights to 0 that an update took out of their orthant."""
        for (W, _, orthant), *twins in zip(self.weights, *self.twins, strict=True):
            outside = W * orthant <= 0
            for V in (W, *twins):
                V[outside] = 0


def l1_penalty(network: Network, theta: Array, strength: float) -> float:
    """Return ``strength`` times sum_l |W_l|."""
    sums = [float(network.xp.abs(W).sum()) for W, _ in network.layers(theta)]
    return strength * sum(sums)
