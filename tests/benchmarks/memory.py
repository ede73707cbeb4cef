"""Memory that a fit and a predict take on memory-mapped rows of any size.

    python tests/benchmarks/memory.py
    python tests/benchmarks/memory.py --gb 1 --early-stopping --directory /var/tmp
    python tests/benchmarks/memory.py --estimators skoptnet scikit-learn

Writes float32 rows to a file in a temporary directory, which has to have the room,
and trains on the mapped file for one epoch in a fresh process, one per estimator.
Counted is the process's own resident memory (RssAnon) above what it holds once the
file is mapped and everything imported; pages of the file, which the system may drop
at any time, are not. Linux only.

Not a test: nothing is asserted.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Table, figure, write_json
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skoptnet import MLPClassifierX

ESTIMATORS = {"skoptnet": MLPClassifierX, "scikit-learn": MLPClassifier}
COLUMNS, CLASSES, HIDDEN = 784, 10, (100,)
STATUS = Path("/proc/self/status")


def own_memory() -> int:
    """Return the bytes of resident memory that belong to no file."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{STATUS} has no RssAnon.")


class Peak(threading.Thread):
    """Looks at the process's own memory every few milliseconds until stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes, self.done = own_memory(), threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.005):
            self.bytes = max(self.bytes, own_memory())

    def stop(self) -> int:
        self.done.set()
        self.join()
        return max(self.bytes, own_memory())


def watched(call: Callable[[], Any], base: int) -> dict[str, float]:
    """Return the seconds of a call and the peak of memory above ``base`` in MB."""
    peak, started = Peak(), time.perf_counter()
    peak.start()
    call()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak_mb": (peak.stop() - base) / 1e6}


def write_rows(path: Path, gigabytes: float) -> int:
    """Write random rows block by block and return their number."""
    n, block = round(gigabytes * 1e9 / (4 * COLUMNS)), 10_000
    shape = (n, COLUMNS)
    X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    rng = np.random.default_rng(0)
    for start in range(0, n, block):
        rows = X[start : start + block]
        rows[...] = rng.standard_normal(rows.shape, dtype=np.float32)
    X.flush()
    return n


def train(path: str, name: str, early_stopping: bool) -> dict[str, Any]:
    """Fit and predict in this process and return what that took."""
    X = np.load(path, mmap_mode="r")
    y = np.random.default_rng(0).integers(0, CLASSES, len(X))
    model = ESTIMATORS[name](
        hidden_layer_sizes=HIDDEN,
        learning_rate_init=0.001,
        max_iter=1,
        early_stopping=early_stopping,
        random_state=0,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    base = own_memory()
    return {
        "base_mb": base / 1e6,
        "fit": watched(lambda: model.fit(X, y), base),
        "predict": watched(lambda: model.predict(X), base),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gb", type=float, default=4, help="size of X, default 4")
    parser.add_argument("--early-stopping", action="store_true")
    parser.add_argument(
        "--estimators",
        nargs="+",
        default=["skoptnet"],
        choices=ESTIMATORS,
        help="default skoptnet; with early stopping, scikit-learn copies X",
    )
    parser.add_argument("--directory", help="where the file lies for the time")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not STATUS.exists():
        parser.exit(1, f"Needs {STATUS}, which Linux has.\n")
    if args.child:
        print(json.dumps(train(*args.child, args.early_stopping)))
        return

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=args.directory) as folder:
        path = Path(folder) / "X.npy"
        n = write_rows(path, args.gb)
        print(
            f"{n} x {COLUMNS} float32 rows, {path.stat().st_size / 1e6:.0f} MB mapped"
        )
        table = Table(
            ["estimator", "early stopping"],
            ["fit: peak MB", "fit: s", "predict: peak MB", "predict: s"],
        )
        for name in args.estimators:
            command = [sys.executable, __file__, "--child", str(path), name]
            if args.early_stopping:
                command.append("--early-stopping")
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            took = json.loads(output)
            table.add(
                [name, "yes" if args.early_stopping else "no"],
                [
                    figure(took[what][key])
                    for what in ("fit", "predict")
                    for key in ("peak_mb", "seconds")
                ],
            )
            rows.append(
                {
                    "estimator": name,
                    "early_stopping": args.early_stopping,
                    "x_mb": path.stat().st_size / 1e6,
                    **took,
                }
            )
            write_json(args.json, rows)


if __name__ == "__main__":
    main()
