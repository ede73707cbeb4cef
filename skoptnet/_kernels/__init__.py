"""Compiled kernels: what the readable formulas say, only faster.

They are optional. Where they were not compiled, or are switched off with the
environment variable SKOPTNET_KERNELS=0 (read at every fit and prediction), everything
runs on the readable formulas. A kernel is looked up by the exact class it stands for,
which names it in its attribute ``kernel``; a subclass or a class of a user's own names
none.

- ``loops``: activations, dropout, losses (loops_impl.h), updates (solvers_impl.h) and
  small products (products_impl.h), compiled for several instruction sets
- ``network``: passes through a network, with the matrix products of SciPy's BLAS
- ``shuffles``: the orders that the rows come in
- ``solver``: a built-in solver on the vectors of a run
- ``training``: whole epochs, by one or several threads
"""

import os
from importlib import import_module
from typing import Any

try:
    loops, network, shuffles, solver, training = (
        import_module(f"{__name__}.{part}")
        for part in ("loops", "network", "shuffles", "solver", "training")
    )
    COMPILED, WHY_NOT = True, ""
except ImportError as error:
    COMPILED, WHY_NOT = False, str(error)

__all__ = [
    "COMPILED",
    "WHY_NOT",
    "enabled",
    "kernel_of",
    "loops",
    "network",
    "shuffles",
    "solver",
    "training",
]


def enabled() -> bool:
    """Tell whether the kernels are there and not switched off."""
    return COMPILED and os.environ.get("SKOPTNET_KERNELS", "1") != "0"


def kernel_of(part: Any) -> str | None:
    """Return the name of the kernel for an object of exactly this class."""
    return vars(type(part)).get("kernel")
