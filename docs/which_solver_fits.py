"""The fits of `which_solver.py`: data sets, settings, measurements."""

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from data_sets import DATA as DATA_SETS
from joblib import Parallel, delayed, parallel_config
from measured import held_out_loss, with_progress
from sklearn.base import clone, is_classifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPRegressorX
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import (
    SCHEDULES,
    CosineRestarts,
    InverseSqrt,
    Piecewise,
    Plateau,
    Warmup,
)

#: The data sets, a selection of those that the scripts share.
DATA = {
    name: DATA_SETS[name]
    for name in (
        "iris",
        "wine",
        "breast_cancer",
        "digits",
        "noisy_classes",
        "diabetes",
        "friedman1",
        "two_targets",
        "lognormal",
        "moons",
        "imbalanced",
        "topics",
    )
}
QUICK_DATA = ["iris"]

#: Half decades.
RATES = [3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
QUICK_RATES = [1e-3, 0.01, 0.1]
#: For L-BFGS, which has no rate, the number of iterations is tuned.
ITERATIONS = [3, 10, 30, 100]
SHORT, LONG = 20, 100  # epochs
BATCH = "32"
BATCHES = ["32", "200", "full"]
SCHEDULED = ["sgd", "momentum", "adam"]
#: Parameters of the schedules that depend on the number of epochs.
OF_LENGTH: dict[str, Any] = {
    "step": lambda epochs: {"decay_rate": 0.1, "decay_epochs": epochs / 3},
    "exponential": lambda epochs: {"decay_rate": 0.01, "decay_epochs": epochs},
    "adaptive": lambda epochs: {"n_iter_no_change": epochs // 10},
    "piecewise": lambda epochs: {
        "lr_schedule": Piecewise(milestones=(epochs / 2, epochs * 3 / 4))
    },
    "cosine_restarts": lambda epochs: {
        "lr_schedule": CosineRestarts(period=epochs / 7)
    },
    "plateau": lambda epochs: {"lr_schedule": Plateau(patience=epochs // 10)},
    "inverse_sqrt": lambda epochs: {"lr_schedule": InverseSqrt(warmup=epochs / 20)},
    "warmup": lambda epochs: {"lr_schedule": Warmup("cosine", epochs=epochs / 20)},
}


# Measuring.

#: Measurements of a fit: share of the epochs with a rising training loss; its relative
#: decrease in the first ten; the epoch whose weights are kept; CPU milliseconds.
SIGNS = ("rises", "fall", "kept", "ms")


class Way(NamedTuple):
    """The settings of a training, without the rate."""

    solver: str
    schedule: str = "constant"
    batch_size: str = BATCH
    epochs: int = LONG
    weights: str = "last"  # or "best": early stopping, weights of the best epoch

    def parameters(self, rate: float) -> dict:
        """Return the estimator's parameters; the rate of lbfgs is its iterations."""
        stopping = {}
        if self.weights == "best":
            stopping = {"early_stopping": True, "scoring": "loss"}
        if self.solver == "lbfgs":
            return {"solver": self.solver, "max_iter": int(rate), **stopping}
        return {
            "solver": self.solver,
            "learning_rate_init": rate,
            "lr_schedule": self.schedule,
            "batch_size": 10**9 if self.batch_size == "full" else int(self.batch_size),
            "max_iter": self.epochs,
            **(stopping or {"n_iter_no_change": np.inf}),
            **OF_LENGTH.get(self.schedule, lambda epochs: {})(self.epochs),
        }


#: Stands for the constant prediction.
NOTHING = Way("none", "none", "none", 0, "none")


def ways() -> list[Way]:
    """Return all settings to measure."""
    solvers = [Way(solver) for solver in OPTIMIZERS]
    short = [Way(solver, epochs=SHORT) for solver in TEXTBOOK]
    schedules = [
        Way(solver, schedule, epochs=n)
        for solver in SCHEDULED
        for schedule in SCHEDULES
        for n in (SHORT, LONG)
    ]
    batches = [Way(solver, batch_size=b) for solver in SCHEDULED for b in BATCHES]
    stopped = [Way(solver, weights="best") for solver in [*OPTIMIZERS, "lbfgs"]]
    return list(
        dict.fromkeys([*solvers, *short, *schedules, *batches, *stopped, Way("lbfgs")])
    )


def default_rate(solver: str, data: str) -> float:
    """Return the rate of ``"auto"``; for lbfgs, as many iterations as epochs."""
    if solver == "lbfgs":
        return LONG
    return OPTIMIZERS[solver]().auto_rate(regression=DATA[data][0] is MLPRegressorX)


def default_rates(solver: str) -> str:
    """Return the default for classification and, if different, for regression."""
    rates = dict.fromkeys(f"{default_rate(solver, data):g}" for data in DATA)
    return ", ".join(rates)


def grid(solver: str, rates: list[float]) -> list[float]:
    """Return the rates to try, the defaults included."""
    if solver == "lbfgs":
        return [float(iterations) for iterations in ITERATIONS]
    return sorted({*rates, *(default_rate(solver, data) for data in DATA)})


def measure(data: str, seed: int, rates: list[float]) -> list[dict]:
    """Return the losses of all fits to a data set, and of the constant prediction.

    The seed determines training, validation and test rows (3 : 1 : 1), the first
    weights and the minibatches, so these are the same for all settings and rates.
    """
    model, training, validation, test = prepared(data, seed)
    model.set_params(hidden_layer_sizes=(50,), random_state=seed)
    of_constant = {
        "way": NOTHING,
        "rate": 0.0,
        "validation": constant_loss(model, validation[1]),
        "test": constant_loss(model, test[1]),
    }
    rows = [of_constant | dict.fromkeys(SIGNS, 0.0)]
    for way in ways():
        for rate in grid(way.solver, rates):
            candidate = clone(model).set_params(**way.parameters(rate))
            figures = fit(candidate, training, validation, test)
            rows.append({"way": way, "rate": rate, **figures})
    return [{"data": data, "seed": seed, **row} for row in rows]


def prepared(data: str, seed: int) -> tuple:
    """Return an estimator, and training, validation and test rows, standardised."""
    estimator, load = DATA[data]
    model = estimator()
    X, y = load()
    classes = y if is_classifier(model) and y.ndim == 1 else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.2, random_state=seed, stratify=classes
    )
    classes = None if classes is None else y
    X, X_val, y, y_val = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=classes
    )
    scaler = TfidfTransformer() if data == "topics" else StandardScaler()
    scaler.fit(X)
    targets = [y, y_val, y_test]
    if not is_classifier(model):
        targets = [(part - y.mean(axis=0)) / y.std(axis=0) for part in targets]
    features = [
        scaler.transform(part).astype(np.float32) for part in (X, X_val, X_test)
    ]
    return model, *zip(features, targets, strict=True)


def fit(model, training: tuple, validation: tuple, test: tuple) -> dict:
    """Return the losses on held-out rows, the `SIGNS` of the loss curve, and CPU time.

    A fit that diverges has infinite losses.
    """
    diverged, own = False, {}
    if model.early_stopping:
        own = dict(zip(("X_val", "y_val"), validation, strict=True))
    begun = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of unsuitable rates
            model.fit(*training, **own)
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        diverged = True
    ms = 1000 * (time.process_time() - begun)
    if diverged or model.stop_reason_ == "diverged":
        figures = dict.fromkeys(("validation", "test"), np.inf)
        return figures | dict.fromkeys(SIGNS, 0.0) | {"ms": ms}
    curve = np.array(model.loss_curve_)
    return {
        "validation": held_out_loss(model, *validation),
        "test": held_out_loss(model, *test),
        "rises": float((np.diff(curve) > 0).mean()),
        "fall": float(1 - curve[:10][-1] / curve[0]),
        "kept": float(model.best_epoch_ or model.n_iter_),
        "ms": ms,
    }


def constant_loss(model, y) -> float:
    """Return the loss of the best constant prediction."""
    if not is_classifier(model):
        return float(y.var(axis=0).mean())
    labels = y.T if y.ndim == 2 else [y]
    shares = [np.unique(label, return_counts=True)[1] / len(y) for label in labels]
    return float(np.mean([-(share * np.log(share)).sum() for share in shares]))


def measure_all(
    names: list[str], n_seeds: int, n_jobs: int, rates: list[float]
) -> list[dict]:
    """Measure all settings and rates; return a row for each, with all seeds."""
    tasks = [
        delayed(measure)(data, seed, rates) for data in names for seed in range(n_seeds)
    ]
    # One BLAS thread per process: these matrix products are too small for more.
    with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        done = Parallel(return_as="generator")(tasks)
        each = list(with_progress(done, len(tasks), "data sets and seeds"))
    rows = []
    for first in range(0, len(each), n_seeds):
        for fits in zip(*each[first : first + n_seeds], strict=True):
            row = {"data": fits[0]["data"], **fits[0]["way"]._asdict()}
            row["rate"] = fits[0]["rate"]
            for name in SIGNS:
                row[name] = float(np.median([fit[name] for fit in fits]))
            for name in ("validation", "test"):
                row |= {f"{name}_{seed}": f[name] for seed, f in enumerate(fits)}
            rows.append(row)
    return rows
