"""What is installed and which implementation runs: for bug reports and benchmarks."""

from __future__ import annotations

import importlib
import platform
import sys

from . import _kernels
from ._version import __version__
from .threads import blas_libraries


def show_versions() -> None:
    """Print the versions that matter, which implementation runs, and its BLAS.

    The second line says whether the compiled kernels are used, with the instruction
    set of this machine that they use, or the readable formulas, and why.

    Examples
    --------
    >>> from skoptnet import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    skoptnet ...
    """
    print(f"skoptnet {__version__}")
    print(f"runs on: {_implementation()}")
    for library in blas_libraries():
        threads = f"{library['num_threads']} thread(s)"
        name = f"{library['internal_api']} {library['version']}"
        kernel = library.get("architecture", "architecture not told")
        print(f"BLAS: {name}, {kernel}, {threads}, {library['filepath']}")
    print(f"Python {sys.version.split()[0]} on {platform.platform()}")
    for name in ("numpy", "scipy", "sklearn", "joblib", "threadpoolctl"):
        print(f"{name} {importlib.import_module(name).__version__}")


def _implementation() -> str:
    if _kernels.enabled():
        return f"compiled kernels ({_kernels.loops.level()})"
    if _kernels.COMPILED:
        return "readable formulas (kernels switched off: SKOPTNET_KERNELS=0)"
    return f"readable formulas (kernels not compiled: {_kernels.WHY_NOT})"
