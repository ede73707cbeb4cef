"""Wall time and best score of searches over solvers, rates and schedules.

    python tests/benchmarks/searches.py
    python tests/benchmarks/searches.py --data digits --repeats 3 --json searches.json

36 candidates (the seven solvers of the textbook with their rates, under three
schedules) in five folds, on the digits and on 20000 rows of 100 features. In turn:

- a full `GridSearchCV`;
- scikit-learn's `HalvingGridSearchCV` with the number of epochs as its resource;
- `EpochHalvingGridSearchCV`;
- `GridSearchCV` over the candidates that scikit-learn's MLP can express, with its
  estimator and with ours.

Two worker processes, one BLAS thread in each; the workers have imported everything
before. CPU seconds include those of the workers, if psutil is installed. Not a test:
nothing is asserted.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import Table, figure, ratio, write_json
from sklearn.datasets import load_digits, make_classification
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skoptnet import MLPClassifierX
from skoptnet.model_selection import EpochHalvingGridSearchCV, solver_grid

#: Number of rates of each solver: 12 pairs, with three schedules each.
N_RATES = {
    "gd": 1, "sgd": 2, "momentum": 2, "nesterov": 2, "adagrad": 1, "rmsprop": 2,
    "adam": 2,
}  # fmt: skip
SCHEDULES = ["constant", "step", "exponential"]
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
N_JOBS = 2
#: The parameters with which scikit-learn's MLP makes the updates of our solvers.
EXPRESSED = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd", "nesterovs_momentum": True},
    "adam": {"solver": "adam"},
}
#: Pairs of searches: the time of the first is printed as a fraction of the second's.
RATIOS = (
    ("epoch halving", "grid"),
    ("epoch halving", "halving"),
    ("ours, expressible", "scikit-learn's MLP"),
)


def digits() -> tuple[Any, Any]:
    return load_digits(return_X_y=True)


def rows_20000() -> tuple[Any, Any]:
    return make_classification(
        20_000, 100, n_informative=40, n_classes=5, flip_y=0.1, random_state=0
    )


DATA: dict[str, Callable] = {"digits": digits, "20000 x 100": rows_20000}


def pipeline(network: Any) -> Any:
    return make_pipeline(StandardScaler(), network)


def expressible(grid: list[dict[str, list]]) -> tuple[list[dict], list[dict]]:
    """Return the candidates that scikit-learn's MLP has, for our estimator and it."""
    ours, theirs = [], []
    for space in grid:
        (solver,) = space["mlpclassifierx__solver"]
        rates = space["mlpclassifierx__learning_rate_init"]
        if solver in EXPRESSED:
            ours.append(
                {
                    "mlpclassifierx__solver": [solver],
                    "mlpclassifierx__learning_rate_init": rates,
                }
            )
            params = {**EXPRESSED[solver], "learning_rate_init": rates}
            theirs.append(
                {
                    f"mlpclassifier__{name}": value
                    if name == "learning_rate_init"
                    else [value]
                    for name, value in params.items()
                }
            )
    return ours, theirs


def searches(max_iter: int) -> dict[str, Any]:
    """Return the contestants."""
    model = pipeline(MLPClassifierX(max_iter=max_iter, random_state=0))
    peer = pipeline(MLPClassifier(max_iter=max_iter, random_state=0))
    grid = solver_grid(model, N_RATES, schedules=SCHEDULES)
    ours, theirs = expressible(grid)
    common = {"cv": FOLDS, "n_jobs": N_JOBS}
    resource = "mlpclassifierx__max_iter"
    return {
        "epoch halving": EpochHalvingGridSearchCV(model, grid, **common),
        "halving": HalvingGridSearchCV(
            model, grid, resource=resource, max_resources=max_iter, **common
        ),
        "grid": GridSearchCV(model, grid, **common),
        "ours, expressible": GridSearchCV(model, ours, **common),
        "scikit-learn's MLP": GridSearchCV(peer, theirs, **common),
    }


def warm(_: int) -> None:
    """Import the package in a worker, and keep it busy until the others have begun."""
    import skoptnet.model_selection  # noqa: F401

    time.sleep(0.2)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its workers so far, NaN if unknown."""
    try:
        import psutil
    except ImportError:
        return np.nan
    this = psutil.Process()
    total = 0.0
    for process in (this, *this.children(recursive=True)):
        spent = process.cpu_times()
        total += spent.user + spent.system
    return total


def measure(search: Any, X: Any, y: Any) -> dict[str, Any]:
    """Return the times and the result of a search."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    search.fit(X, y)
    results, best = search.cv_results_, search.best_index_
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": cpu_seconds() - cpu,
        "refit_s": search.refit_time_,
        "score": float(search.best_score_),
        "standard_error": float(results["std_test_score"][best] / np.sqrt(5)),
        "params": {k.rpartition("__")[2]: v for k, v in search.best_params_.items()},
        "best_epoch": getattr(search, "best_epoch_", None),
        "n_resources": getattr(search, "n_resources_", None),
        "n_candidates": getattr(search, "n_candidates_", None),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--max-iter", type=int, default=200, help="default 200")
    parser.add_argument("--repeats", type=int, default=1, help="default 1")
    parser.add_argument("--searches", nargs="+", help="those to run, default all")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    os.environ["PYTHONWARNINGS"] = "ignore"  # of convergence, in the workers
    warnings.simplefilter("ignore")
    table = Table(["data", "search"], ["wall s", "CPU s", "score", "standard error"])
    rows: list[dict[str, Any]] = []
    with threadpool_limits(1):
        for name in args.data:
            X, y = DATA[name]()
            times: dict[str, list[float]] = {}
            for turn in range(args.repeats):
                for title, search in searches(args.max_iter).items():
                    if args.searches and title not in args.searches:
                        continue
                    Parallel(N_JOBS)(delayed(warm)(i) for i in range(2 * N_JOBS))
                    row = measure(search, X, y)
                    times.setdefault(title, []).append(row["wall_s"])
                    rows.append({"data": name, "search": title, "turn": turn, **row})
                    figures = "wall_s", "cpu_s"
                    scores = f"{row['score']:.4f}", f"{row['standard_error']:.4f}"
                    table.add(
                        [name, title], [*(figure(row[f]) for f in figures), *scores]
                    )
                    write_json(args.json, rows)
            for a, b in RATIOS:
                if a in times and b in times:
                    quotient = ratio(median(times[a]), median(times[b]))
                    table.add([name, f"{a} / {b}"], [figure(quotient), "", "", ""])


if __name__ == "__main__":
    main()
