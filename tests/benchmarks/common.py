"""What the benchmarks share: tables, and a record of what was measured with what."""

import gc
import importlib.metadata
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

import skoptnet

PACKAGES = (
    *("scikit-learn", "numpy", "scipy", "pandas", "Cython"),
    *("torch", "jax", "jaxlib", "lightgbm", "catboost", "pytabkit"),
)


class Table:
    """A Markdown table that is printed row by row, as the figures come in."""

    def __init__(self, texts: Iterable[str], numbers: Iterable[str]):
        texts, numbers = list(texts), list(numbers)
        self.add(texts, numbers)
        self.add(["---"] * len(texts), ["---:"] * len(numbers))

    def add(self, texts: Iterable[str], numbers: Iterable[str]) -> None:
        """Print a row."""
        print("| " + " | ".join([*texts, *numbers]) + " |", flush=True)


def figure(value: float | None, unit: str = "") -> str:
    """Return a number with three significant digits, or nothing for None."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}{unit}"


def ratio(a: float | None, b: float | None) -> float | None:
    """Return a / b, or None where one of them was not measured."""
    return a / b if a is not None and b else None


def least_in_turn(
    calls: dict[str, Callable[[], Any]], repeats: int
) -> dict[str, float]:
    """Return the least CPU milliseconds of each call; the first round is untimed."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            gc.collect()  # nobody pays for what another left behind
            started = time.process_time()
            call()
            if turn:
                times[name].append(1e3 * (time.process_time() - started))
    return {name: min(values) for name, values in times.items()}


def write_json(path: Path | None, rows: list[dict[str, Any]]) -> None:
    """Write the rows with the circumstances, if a path is given."""
    if path:
        record = {**circumstances(), "rows": rows}
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def circumstances() -> dict[str, Any]:
    """Return when, how and with what the figures came about."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", *sys.argv]),
        "versions": {
            "skoptnet": skoptnet.__version__,
            "python": platform.python_version(),
            **{name: version for name in PACKAGES if (version := _version(name))},
        },
        "kernels": loaded_kernels(),
        "instruction_set": skoptnet._kernels.chosen(),
        "thread_pools": [
            {
                "library": os.path.basename(pool["filepath"]),
                "name": pool["internal_api"],
                "version": pool["version"],
                "architecture": pool.get("architecture"),
                "threads": pool["num_threads"],
            }
            for pool in threadpool_info()
        ],
        "cpu": _cpu(),
        "cores": cores(),
        "system": platform.platform(),
    }


def setting() -> str:
    """Return in one line which kernels of skoptnet and BLAS run, on which processor."""
    level = skoptnet._kernels.chosen() or "none"
    blas = sorted(
        f"{pool['internal_api']} {pool['version']} for {pool.get('architecture')}"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    )
    return f"skoptnet's kernels: {level}; BLAS: {', '.join(blas)}; processor: {_cpu()}"


def loaded_kernels() -> list[str]:
    """Return the names of skoptnet's compiled modules in use so far."""
    return sorted(
        name
        for name, module in sys.modules.items()
        if name.startswith("skoptnet.")
        and str(getattr(module, "__file__", "")).endswith(tuple(EXTENSION_SUFFIXES))
    )


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
