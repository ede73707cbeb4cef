"""What small things cost beside scikit-learn's MLP: calls, import and pickle.

    python tests/benchmarks/overheads.py
    python tests/benchmarks/overheads.py --repeats 2000 --imports 15 --json out.json

- `partial_fit` on 32 rows, and what is left of it without the update itself, which
  is the time per update of a long fit of the same shape;
- `fit` of one epoch on 150 rows, nearly all of which is checks and preparation
  (warnings about convergence are ignored, so that their reasons are not sought);
- `predict` and `predict_proba` of one row;
- callbacks: what an epoch of a tiny network takes, and what is added to it by their
  machinery where nobody uses it, by a watcher that does nothing, and by callbacks;
- the import, in fresh processes: scikit-learn's MLP, and the same with skoptnet;
- the pickle of a fitted estimator, and what it has to hold: the parameters and
  Adam's two vectors.

Times of calls are medians of the repeats, on one BLAS thread; of imports, and of
epochs with callbacks (CPU time), the least.
Not a test: nothing is asserted.
"""

import argparse
import inspect
import math
import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from common import Table, figure, least_in_turn, ratio, write_json
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skoptnet import MLPClassifierX
from skoptnet.callbacks import Callback, Checkpoint, History, StopOnPlateau, TimeBudget
from skoptnet.estimators.progress_displays import Display

ESTIMATORS = {"skoptnet": MLPClassifierX, "scikit-learn": MLPClassifier}

# The small network that the calls are measured on.
ROWS, COLUMNS, CLASSES, HIDDEN = 32, 20, 3, (100,)


def rows_of_data(n: int, columns: int, classes: int, dtype: str) -> tuple:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, columns), dtype=np.dtype(dtype))
    return X, rng.integers(0, classes, n)


def medians_in_turn(
    calls: dict[str, Callable[[], Any]], repeats: int
) -> dict[str, float]:
    """Return the median of each call's microseconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            times[name].append(1e6 * (time.perf_counter() - started))
    return {name: median(values) for name, values in times.items()}


def update_times(dtype: str, repeats: int) -> dict[str, float]:
    """Return microseconds per update of a long fit on minibatches of ROWS rows."""
    batches, epochs = 50, 20
    X, y = rows_of_data(batches * ROWS, COLUMNS, CLASSES, dtype)
    models = {
        name: estimator(
            hidden_layer_sizes=HIDDEN,
            batch_size=ROWS,
            learning_rate_init=0.001,
            max_iter=epochs,
            n_iter_no_change=epochs,
            tol=0,
            random_state=0,
        )
        for name, estimator in ESTIMATORS.items()
    }
    fits = {name: lambda m=model: m.fit(X, y) for name, model in models.items()}
    whole = medians_in_turn(fits, repeats)
    return {name: us / (batches * epochs) for name, us in whole.items()}


def call_times(dtype: str, repeats: int) -> dict[str, dict[str, float]]:
    """Return microseconds of partial_fit, fit and predict."""
    X, y = rows_of_data(ROWS, COLUMNS, CLASSES, dtype)
    models = {
        name: estimator(
            hidden_layer_sizes=HIDDEN, learning_rate_init=0.001, random_state=0
        ).partial_fit(X, y, classes=range(CLASSES))
        for name, estimator in ESTIMATORS.items()
    }
    partial = {
        name: lambda m=model: m.partial_fit(X, y) for name, model in models.items()
    }
    predict = {name: lambda m=model: m.predict(X[:1]) for name, model in models.items()}
    proba = {
        name: lambda m=model: m.predict_proba(X[:1]) for name, model in models.items()
    }
    few, labels = rows_of_data(150, 4, CLASSES, dtype)
    fit = {
        name: lambda estimator=estimator: estimator(max_iter=1).fit(few, labels)
        for name, estimator in ESTIMATORS.items()
    }
    whole, update = medians_in_turn(partial, repeats), update_times(dtype, 5)
    return {
        f"partial_fit on {ROWS} rows, µs": whole,
        "the update itself, µs": update,
        "partial_fit less the update, µs": {
            name: whole[name] - update[name] for name in whole
        },
        "fit of one epoch on 150 x 4, µs": medians_in_turn(fit, repeats),
        "predict of one row, µs": medians_in_turn(predict, repeats),
        "predict_proba of one row, µs": medians_in_turn(proba, repeats),
    }


def callback_times(repeats: int, epochs: int = 500) -> dict[str, float]:
    """Return microseconds per epoch of a tiny fit, and what else is added to them."""
    X, y = rows_of_data(ROWS, 4, 2, "float64")
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (5,),
        "max_iter": epochs,
        "n_iter_no_change": math.inf,
        "random_state": 0,
    }
    model = MLPClassifierX(**settings)

    def bypassed() -> None:
        """Fit without a look for callbacks, scikit-learn's or ours."""
        with patch("skoptnet.estimators.base.begin_callbacks", lambda *_: False):
            inspect.unwrap(MLPClassifierX.fit)(model, X, y)

    @contextmanager
    def idle(*_: Any, **__: Any) -> Any:
        yield [Display()]

    def watched() -> None:
        """Fit with the hooks of an epoch in use, to no effect."""
        with patch("skoptnet.estimators.fitting.progress_watchers", idle):
            model.fit(X, y)

    calls: dict[str, Callable[[], Any]] = {
        "bypassed": bypassed,
        "callbacks supported, none set": lambda: model.fit(X, y),
        "a watcher that does nothing": watched,
    }
    with tempfile.TemporaryDirectory() as folder:
        if hasattr(model, "set_callbacks"):  # scikit-learn 1.9
            for callback in (
                Callback(),
                TimeBudget(1e9),
                StopOnPlateau(patience=10**9),
                History(Path(folder) / "history.csv"),
                Checkpoint(Path(folder) / "model.pickle", every=10**9),
            ):
                own = MLPClassifierX(**settings).set_callbacks(callback)
                calls[type(callback).__name__] = lambda own=own: own.fit(X, y)
        whole = least_in_turn(calls, repeats)
    us = {name: 1e3 * milliseconds / epochs for name, milliseconds in whole.items()}
    least = us.pop("bypassed")
    added = {f"+ {name}": value - least for name, value in us.items()}
    return {"an epoch without callbacks": least, **added}


def import_times(repeats: int) -> dict[str, float]:
    """Return milliseconds of a fresh process that imports and ends."""
    peer = "import sklearn.neural_network"
    code = {"scikit-learn": peer, "skoptnet": f"{peer}; import skoptnet"}
    times: dict[str, list[float]] = {name: [] for name in code}
    for _ in range(repeats):
        for name, statement in code.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            times[name].append(1e3 * (time.perf_counter() - started))
    return {name: min(values) for name, values in times.items()}


def pickle_sizes(dtype: str) -> dict[str, dict[str, float]]:
    """Return kilobytes of a pickle and of what it has to hold."""
    X, y = rows_of_data(400, 784, 10, dtype)
    pickled, needed = {}, {}
    for name, estimator in ESTIMATORS.items():
        model = estimator(hidden_layer_sizes=(256,), max_iter=2, random_state=0)
        model.fit(X, y)
        arrays = [*model.coefs_, *model.intercepts_]
        pickled[name] = len(pickle.dumps(model)) / 1e3
        needed[name] = 3 * sum(array.nbytes for array in arrays) / 1e3
    return {
        "pickle, 784 columns, (256,), kB": pickled,
        "parameters and Adam's vectors, kB": needed,
        "pickle / what it has to hold": {
            name: pickled[name] / needed[name] for name in pickled
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeats", type=int, default=500, help="calls of each kind, default 500"
    )
    parser.add_argument(
        "--imports", type=int, default=7, help="processes of each kind, default 7"
    )
    parser.add_argument(
        "--dtypes",
        nargs="+",
        default=["float32", "float64"],
        choices=["float32", "float64"],
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    table = Table(["what", "dtype"], [*ESTIMATORS, "skoptnet / scikit-learn"])
    rows: list[dict[str, Any]] = []

    def add(what: str, dtype: str, values: dict[str, float]) -> None:
        quotient = ratio(values["skoptnet"], values["scikit-learn"])
        cells = [figure(values[name]) for name in ESTIMATORS]
        table.add([what, dtype], [*cells, figure(quotient, "x")])
        rows.append({"what": what, "dtype": dtype, **values, "ratio": quotient})
        write_json(args.json, rows)

    for dtype in args.dtypes:
        with threadpool_limits(1):
            figures = call_times(dtype, args.repeats)
        for what, values in {**figures, **pickle_sizes(dtype)}.items():
            add(what, dtype, values)
    values = import_times(args.imports)
    add("import of scikit-learn's MLP, and with skoptnet, ms", "", values)
    print()
    alone = Table(["callbacks, 32 rows, (5,)"], ["µs per epoch"])
    with threadpool_limits(1):
        for what, us in callback_times(max(5, args.repeats // 40)).items():
            alone.add([what], [figure(us)])
            rows.append({"what": what, "us_per_epoch": us})
    write_json(args.json, rows)


if __name__ == "__main__":
    main()
