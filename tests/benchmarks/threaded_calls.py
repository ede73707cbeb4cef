"""Wall time of calls other than plain fits, on one thread and on two.

    python tests/benchmarks/threaded_calls.py
    python tests/benchmarks/threaded_calls.py --calls predict lbfgs --repeats 9

Early stopping, predictions, solvers with the whole training set as their minibatch, and
sparse rows. One and two threads in turn; the medians of the repeats. First with the
other cores free, then with each of them kept busy, as in threads.py.

Not a test: nothing is asserted.
"""

import argparse
import gc
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import Table, cores, figure, ratio, setting, write_json
from contestants import SHAPES, Problem
from sklearn.exceptions import ConvergenceWarning
from sparse_data import DATA, text
from threadpoolctl import threadpool_limits
from threads import busy_cores

from skoptnet import MLPClassifierX


def fit(shape: int, dtype: str, epochs: int, **settings: Any) -> Callable[[], Any]:
    problem = Problem(SHAPES[shape], dtype)
    model = MLPClassifierX(
        problem.shape.hidden, max_iter=epochs, random_state=0, tol=0.0, **settings
    )
    return lambda: model.fit(problem.X, problem.y)


def predict(shape: int, dtype: str) -> Callable[[], Any]:
    problem = Problem(SHAPES[shape], dtype)
    some = slice(0, 10 * problem.shape.classes)
    model = MLPClassifierX(problem.shape.hidden, max_iter=1, random_state=0)
    model.fit(problem.X[some], problem.y[some])
    return lambda: model.predict_proba(problem.X)


def fit_sparse(kind: str, dtype: str) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    rows = text(rng, 5000, 50000, 200) if kind == "long text" else DATA[kind](rng)
    X = rows.astype(dtype).tocsr()
    y = np.random.default_rng(1).integers(0, 3, X.shape[0])
    model = MLPClassifierX((50,), max_iter=5, random_state=0, tol=0.0)
    return lambda: model.fit(X, y)


CALLS = {
    "early-stopping": ("fit with early stopping", lambda dtype: fit(
        4, dtype, 2, early_stopping=True, validation_fraction=0.3)),
    "predict": ("predict_proba", lambda dtype: predict(4, dtype)),
    "predict-wide": ("predict_proba", lambda dtype: predict(5, dtype)),
    "gd": ("fit, gd", lambda dtype: fit(3, dtype, 10, solver="gd")),
    "gd-wide": ("fit, gd", lambda dtype: fit(4, dtype, 3, solver="gd")),
    "lbfgs": ("fit, lbfgs", lambda dtype: fit(4, dtype, 3, solver="lbfgs")),
    "text": ("fit, text (CSR)", lambda dtype: fit_sparse("text", dtype)),
    "long-text": ("fit, text (CSR)", lambda dtype: fit_sparse("long text", dtype)),
    "one-hot": ("fit, one-hot (CSR)", lambda dtype: fit_sparse("one-hot", dtype)),
}  # fmt: skip
SIZES = {
    "early-stopping": str(SHAPES[4]), "predict": str(SHAPES[4]),
    "predict-wide": str(SHAPES[5]), "gd": str(SHAPES[3]), "gd-wide": str(SHAPES[4]),
    "lbfgs": str(SHAPES[4]), "text": "5000 x 20000, (50,), 200",
    "long-text": "5000 x 50000, (50,), 200", "one-hot": "20000 x 200, (50,), 200",
}  # fmt: skip


def measure(call: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Return the medians of wall seconds on one thread and on two, in turn."""
    times: list[list[float]] = [[], []]
    for turn in range(repeats + 1):
        for threads, values in enumerate(times, start=1):
            with threadpool_limits(threads):
                gc.collect()
                begun = time.perf_counter()
                call()
                if turn:  # the first round warms up
                    values.append(time.perf_counter() - begun)
    return median(times[0]), median(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", nargs="+", default=list(CALLS), choices=list(CALLS))
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if cores() < 2:
        parser.exit(1, "This process may use one core only; there is nothing to see.\n")
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(setting())
    table = Table(
        ["call", "rows x columns, hidden, batch", "dtype"],
        ["one thread, ms", "two threads, ms", "speed-up", "busy: two / one"],
    )
    rows = []
    for name in args.calls:
        for dtype in args.dtypes:
            text, build = CALLS[name]
            call = build(dtype)
            free = measure(call, args.repeats)
            with busy_cores(cores() - 1):
                busy = measure(call, args.repeats)
            table.add(
                [text, SIZES[name], dtype],
                [
                    *(figure(1e3 * seconds) for seconds in free),
                    figure(ratio(*free), "x"),
                    figure(ratio(*reversed(busy)), "x"),
                ],
            )
            rows.append({"call": name, "dtype": dtype, "free": free, "busy": busy})
            write_json(args.json, rows)


if __name__ == "__main__":
    main()
