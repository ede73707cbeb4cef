"""CPU time of fit and predict on sparse rows, beside scikit-learn's MLP.

    python tests/benchmarks/sparse.py
    python tests/benchmarks/sparse.py --data text --forms csr --repeats 9 --json f.json

Two kinds of rows: "text", many columns of which few are common, and "one-hot", several
categories per row. "readable" is skoptnet without its compiled kernels. In turn, in one
process and on one thread, each trains the same network on the same rows and predicts
for all of them; the least of the repeats counts. A fit is that of Adam, two epochs from
the first weights on, the checks of the input included.

Not a test: nothing is asserted.
"""

import argparse
import itertools
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environment  # noqa: F401, before libraries are loaded
import numpy as np
from common import Table, figure, least_in_turn, ratio, write_json
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sparse_data import DATA

from skoptnet import MLPClassifierX, MLPRegressorX

SKOPTNET, READABLE, PEER = NAMES = ("skoptnet", "readable", "scikit-learn")
ESTIMATORS = {
    "classification": (MLPClassifierX, MLPClassifier),
    "regression": (MLPRegressorX, MLPRegressor),
}
RATIOS = [(PEER, SKOPTNET), (PEER, READABLE)]


def with_kernels(on: bool, call: Callable[[], Any]) -> Callable[[], Any]:
    """Return the call with the kernels on or off."""

    def switched() -> Any:
        os.environ["SKOPTNET_KERNELS"] = str(int(on))
        return call()

    return switched


def measure(X: Any, task: str, repeats: int) -> dict[str, dict[str, float]]:
    """Return milliseconds of fit and predict by contestant."""
    rng = np.random.default_rng(1)
    n = X.shape[0]
    classes = task == "classification"
    y = rng.integers(0, 3, n) if classes else rng.standard_normal(n)
    settings = {
        "hidden_layer_sizes": (50,),
        "learning_rate_init": 0.001,
        "max_iter": 2,
        "random_state": 0,
    }
    ours, theirs = (Estimator(**settings) for Estimator in ESTIMATORS[task])

    def calls(method: str, *data: Any) -> dict[str, Callable[[], Any]]:
        our_call, their_call = (getattr(m, method) for m in (ours, theirs))
        return {
            SKOPTNET: with_kernels(True, lambda: our_call(*data)),
            READABLE: with_kernels(False, lambda: our_call(*data)),
            PEER: lambda: their_call(*data),
        }

    # predict is short: more repeats cost little.
    return {
        "fit": least_in_turn(calls("fit", X, y), repeats),
        "predict": least_in_turn(calls("predict", X), 5 * repeats),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    forms = ["csr", "csc", "coo"]
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--forms", nargs="+", default=forms, choices=forms)
    parser.add_argument(
        "--dtypes",
        nargs="+",
        default=["float32", "float64"],
        choices=["float32", "float64"],
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=["classification"],
        choices=["classification", "regression"],
    )
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("CPU milliseconds, then ratios")
    table = Table(
        ["rows", "dtype", "call"], [*NAMES, *(f"{a} / {b}" for a, b in RATIOS)]
    )
    rows: list[dict[str, Any]] = []
    runs = itertools.product(args.tasks, args.data, args.forms, args.dtypes)
    for task, kind, form, dtype in runs:
        X = DATA[kind](np.random.default_rng(0)).astype(dtype).asformat(form)
        name = f"{kind}, {form}, {X.shape[0]} x {X.shape[1]}"
        for call, times in measure(X, task, args.repeats).items():
            quotients = {
                f"{a} / {b}": ratio(times.get(a), times.get(b)) for a, b in RATIOS
            }
            table.add(
                [name, dtype, f"{call}, {task}"],
                [
                    *(figure(times[contestant]) for contestant in NAMES),
                    *(figure(value, "x") for value in quotients.values()),
                ],
            )
            rows.append(
                {
                    "data": kind,
                    "form": form,
                    "shape": X.shape,
                    "nonzeros": int(X.nnz),
                    "dtype": dtype,
                    "task": task,
                    "call": call,
                    "cpu_ms": times,
                    "ratios": quotients,
                }
            )
            write_json(args.json, rows)


if __name__ == "__main__":
    main()
