"""Parametrizations: the first weights of each layer, and the factors of its rates.

A parametrization decides how large weights are at first, and how far an update moves
those of one layer compared with those of another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ._types import Array
from .activations import Activation


class Parametrization(ABC):
    """Base class of the parametrizations.

    Attributes
    ----------
    name : str
        The value of the parameter ``parametrization`` of the estimators.
    bias_rate : float
        Factor of the learning rate of every b_l.
    """

    name: ClassVar[str]
    bias_rate: ClassVar[float] = 1.0

    @abstractmethod
    def weight_rate(self, k_in: int) -> float:
        """Return the factor of the learning rate of a W_l with ``k_in`` rows."""

    @abstractmethod
    def draw(
        self,
        k_in: int,
        k_out: int,
        sigma: Activation,
        is_output: bool,
        rng: np.random.RandomState,
    ) -> tuple[Array, Array]:
        """Draw the first weights and biases of a layer.

        Parameters
        ----------
        k_in, k_out : int
            Number of inputs and units.
        sigma : Activation
            The activation of a hidden layer; for the output layer, that of the layer
            before.
        is_output : bool
            Whether it is the output layer.
        rng : RandomState
            Draws the numbers, weights before biases.

        Returns
        -------
        W : array of shape (k_in * k_out,)
            The weights, in C order.
        b : array of shape (k_out,)
            The biases.
        """


class Standard(Parametrization):
    """Standard parametrization: uniform draws, one rate for all layers.

    The bound of a hidden layer is its activation's, that of the output layer Glorot's.
    """

    name = "standard"

    def weight_rate(self, k_in):
        return 1.0

    def draw(self, k_in, k_out, sigma, is_output, rng):
        if is_output:
            bound = np.sqrt(sigma.draw_factor / (k_in + k_out))
        else:
            bound = sigma.draw_bound(k_in, k_out)
        W = rng.uniform(-bound, bound, k_in * k_out)
        return W, rng.uniform(-bound, bound, k_out)


class NTK(Parametrization):
    r"""NTK parametrization (Jacot et al., 2018), by the rates of the layers.

    It is written :math:`z_l = a_{l-1} V_l / \sqrt{k_{l-1}} + b_l`, with standard normal
    :math:`V_l` and :math:`b_l`. Here :math:`W_l = V_l / \sqrt{k_{l-1}}` is stored, so
    that the network is the usual one. An update that moves every :math:`V_l` by
    :math:`\epsilon` moves :math:`W_l` by :math:`\epsilon / \sqrt{k_{l-1}}`. This factor
    of the rate is exact for solvers whose updates do not depend on the scale of the
    gradient, such as Adam with :math:`\delta = 0`. Biases have a tenth of the rate, and
    the output layer starts at zero, as in RealMLP (Holzmüller et al., 2024).
    """

    name = "ntk"
    bias_rate = 0.1

    def weight_rate(self, k_in):
        return float(k_in) ** -0.5

    def draw(self, k_in, k_out, sigma, is_output, rng):
        if is_output:
            return np.zeros(k_in * k_out), np.zeros(k_out)
        W = rng.normal(0, float(k_in) ** -0.5, k_in * k_out)
        return W, rng.normal(0, 1, k_out)


#: The parametrizations by name.
PARAMETRIZATIONS: dict[str, type[Parametrization]] = {
    cls.name: cls for cls in (Standard, NTK)
}
