"""Continuation: the requirements of a call that continues from a fitted network."""

from __future__ import annotations

import numpy as np

from .._types import Array
from ..network import Network


def require_same_layout(network: Network, fitted: Network, call: str) -> None:
    """Refuse to continue with other layers than those of the fitted network.

    Parameters
    ----------
    network, fitted : Network
        The network that parameters and data require, and the fitted one.
    call : str
        The call that continues, for messages.

    Raises
    ------
    ValueError
        If they differ.
    """
    if network.layer_sizes != fitted.layer_sizes:
        raise ValueError(
            f"{call} continues training the fitted network, whose layer sizes are"
            f" {fitted.layer_sizes} (input and output included). The"
            " 'hidden_layer_sizes' parameter and the data now require"
            f" {network.layer_sizes}. Reset hidden_layer_sizes, or fit a new network"
            " with warm_start=False."
        )
    if not network.has_layout_of(fitted):
        has = "has a" if fitted.input_scaling else "has no"
        raise ValueError(
            f"{call} continues training the fitted network, which {has} scaling layer."
            f" Got input_scaling={network.input_scaling}. Reset input_scaling, or fit"
            " a new network with warm_start=False."
        )


def require_finite(fitted: Network, theta: Array, call: str) -> None:
    """Refuse to continue from weights that were set to NaN or infinity.

    Parameters
    ----------
    fitted : Network
        The fitted network.
    theta : array of shape (P,)
        Its parameters.
    call : str
        The call that continues, for messages.

    Raises
    ------
    ValueError
        If a parameter is not finite.
    """
    if np.isfinite(theta).all():
        return
    arrays = zip(*fitted.layers(theta), strict=True)
    names = [
        f"{name}[{i}]"
        for name, values in zip(("coefs_", "intercepts_"), arrays, strict=True)
        for i, value in enumerate(values)
        if not np.isfinite(value).all()
    ]
    s = fitted.scales(theta)
    if s is not None and not np.isfinite(s).all():
        names.append("input_scale_")
    raise ValueError(
        f"{call} continues training the fitted network, whose weights must be finite."
        f" Got NaN or infinity in {' and '.join(names)}. Set finite weights, or fit a"
        " new network with warm_start=False."
    )
