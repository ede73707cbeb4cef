"""Compiled kernels: the readable formulas, faster.

They are optional: where they were not compiled, the readable formulas run. The
environment variable SKOPTNET_KERNELS chooses; it is read at every fit and prediction.

============================== =====================================================
SKOPTNET_KERNELS               What runs
============================== =====================================================
unset, empty or ``1``          the kernels, if they were compiled, with the highest
                               instruction set that this machine has
``base``, ``avx2``, ``avx512`` the kernels with this instruction set; ``base`` is what
                               every machine of the architecture has (SSE2, NEON)
``0``                          the readable formulas
============================== =====================================================

Anything else is refused with a `ValueError`, and so is an instruction set that the
machine or the build does not have. A fit keeps the instruction set that it began with.

A kernel stands for exactly one class, which names it in its attribute ``kernel``, and
in ``kernel_numbers`` the attributes that the kernel reads. A subclass, or a class of a
user's own, names none.

- ``loops``: activations, dropout, losses, solvers and small matrix products, compiled
  for several instruction sets; ``loops.h`` lists them and the headers that they are in
- ``missing``: why they were not compiled, said in one line
- ``network``: forward and backward pass through a network; large matrix products are
  those of SciPy's BLAS
- ``shuffles``: the order of the rows
- ``solver``: a built-in solver, with the vectors of one run
- ``training``: whole epochs, by one or several threads
"""

import os
from importlib import import_module
from typing import Any

from . import missing

try:
    loops, network, shuffles, solver, training = (
        import_module(f"{__name__}.{part}")
        for part in ("loops", "network", "shuffles", "solver", "training")
    )
    COMPILED, WHY_NOT = True, ""
except ImportError as error:
    COMPILED, WHY_NOT = False, missing.reason(error)
    missing.report(WHY_NOT)

VARIABLE = "SKOPTNET_KERNELS"

#: The instruction sets that this machine and this build have, from ``base`` upwards.
INSTRUCTION_SETS: tuple[str, ...] = loops.INSTRUCTION_SETS if COMPILED else ()

__all__ = [
    "COMPILED",
    "INSTRUCTION_SETS",
    "VARIABLE",
    "WHY_NOT",
    "chosen",
    "enabled",
    "instruction_set",
    "kernel_of",
    "loops",
    "network",
    "shuffles",
    "solver",
    "training",
]


def chosen() -> str | None:
    """Return the instruction set that SKOPTNET_KERNELS chooses, None for the formulas.

    Raises
    ------
    ValueError
        If the variable asks for something that is not to be had here.
    """
    value = os.environ.get(VARIABLE, "")
    if value in ("", "1"):
        return INSTRUCTION_SETS[-1] if COMPILED else None
    if value == "0":
        return None
    if value in INSTRUCTION_SETS:
        return value
    allowed = ", ".join(map(repr, ("0", "1", *INSTRUCTION_SETS)))
    why_not = "" if COMPILED else f" The kernels were not compiled: {WHY_NOT}."
    raise ValueError(
        f"The environment variable {VARIABLE} is {value!r}. On this machine it can be"
        f" {allowed}, or unset.{why_not}"
    )


def enabled() -> bool:
    """Tell whether the kernels are there and not switched off."""
    return chosen() is not None


def instruction_set() -> str:
    """Return the instruction set for a kernel that is made now.

    It is the highest one if the kernels were switched off after `enabled` was asked.
    """
    return chosen() or INSTRUCTION_SETS[-1]


def kernel_of(part: Any) -> str | None:
    """Return the name of the kernel for an object of exactly this class."""
    return vars(type(part)).get("kernel")
