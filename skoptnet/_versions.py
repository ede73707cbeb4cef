"""What is installed and which implementation runs: for bug reports and benchmarks."""

from __future__ import annotations

import importlib
import os
import platform
import sys

from . import _kernels
from ._version import __version__
from .threads import blas_libraries


def show_versions() -> None:
    """Print the versions of the packages, the implementation in use, and the BLAS.

    The second line names the implementation: the compiled kernels, with their
    instruction set, or the readable formulas, with the reason.

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
        kernel = library.get("architecture", "architecture unknown")
        print(f"BLAS: {name}, {kernel}, {threads}, {library['filepath']}")
    print(f"Python {sys.version.split()[0]} on {platform.platform()}")
    for name in ("numpy", "scipy", "sklearn", "joblib", "threadpoolctl"):
        print(f"{name} {importlib.import_module(name).__version__}")


def _implementation() -> str:
    variable = f"{_kernels.VARIABLE}={os.environ.get(_kernels.VARIABLE, '')}"
    try:
        chosen = _kernels.chosen()
    except ValueError as error:
        return f"nothing ({error})"
    if chosen:
        how = f", chosen by {variable}" if variable.endswith(chosen) else ""
        return f"compiled kernels ({chosen}{how})"
    if _kernels.COMPILED:
        return f"readable formulas (kernels switched off: {variable})"
    return f"readable formulas ({_kernels.WHY_NOT})"
