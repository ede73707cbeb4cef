"""Measure and choose the default learning rate of each solver.

Fits each solver at the rates of a grid, on several data sets, with several seeds, with
and without early stopping, the estimators' other parameters at their defaults. The
criterion is the held-out loss. The page ``default_rates.md`` explains the method.

    python docs/default_rates.py             # all: default_rates.csv and the page
    python docs/default_rates.py --quick     # a few fits, printed only
    python docs/default_rates.py --tables    # no fits: the page from the CSV
    python docs/default_rates.py --solvers nadam radam    # only these, printed only
    python docs/default_rates.py --check FOLDER           # data sets of your own

FOLDER has .npz files with ``X`` and ``y``; sparse rows are CSR, as ``X_data``,
``X_indices``, ``X_indptr`` and ``X_shape``. Integers in ``y`` are classes. These sets
are reported but do not affect the defaults. With rich there is a progress bar.
"""

import argparse
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from data_sets import DATA
from joblib import Parallel, delayed, parallel_config
from measured import (
    held_out_loss,
    markdown,
    put,
    read_csv,
    versions,
    with_progress,
    write_csv,
)
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.optimizers import OPTIMIZERS

CSV = Path(__file__).with_suffix(".csv")
PAGE = Path(__file__).with_suffix(".md")

#: Half decades.
RATES = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
#: The lowest and highest rate to try for each solver; the best one lies inside.
GRIDS = {
    "gd": (0.03, 3.0),
    "sgd": (0.003, 1.0),
    "momentum": (0.0003, 0.1),
    "nesterov": (0.0003, 0.1),
    "adagrad": (0.003, 1.0),
    "adadelta": (0.03, 10.0),
    "rmsprop_nesterov": (1e-5, 0.01),
    "centered_rmsprop": (3e-5, 0.01),
    "radam": (0.0001, 0.1),
    "adamax": (0.0003, 0.1),
    "adan": (0.0003, 0.1),
    "lion": (3e-5, 0.01),
    "schedule_free_adamw": (0.0003, 0.1),
    "muon": (0.0003, 0.1),
}
USUAL_GRID = (0.0001, 0.03)
#: The rate of papers, textbooks and other libraries, which these solvers keep for
#: classification if it is within the noise of the best.
CUSTOMARY = dict.fromkeys(
    ("rmsprop", "adam", "adamw", "amsgrad", "nadam", "radam", "yogi", "adabelief"),
    0.001,
)

#: The data sets that determine the defaults, of 442 to 20 000 rows, and those of the
#: short run.
CHOOSING = [name for name in DATA if name not in ("iris", "wine", "topics")]
QUICK_DATA = ["breast_cancer", "moons", "diabetes", "friedman1"]
TASKS = ("classification", "regression")
#: Training without early stopping and with it.
WAYS = {"": {}, "_stopped": {"early_stopping": True}}

#: Losses that differ by less than this count as equal: the stopping rule ignores as
#: much (n_iter_no_change epochs of less than tol each).
FLOOR = 1e-3
#: Ratios to the best loss count as this at most.
WORST_RATIO = 10.0


# Measuring.


def grid(solver: str) -> list[float]:
    """Return the rates to try."""
    first, last = GRIDS.get(solver, USUAL_GRID)
    return [rate for rate in RATES if first <= rate <= last]


def n_seeds(n_samples: int) -> int:
    """Return the number of seeds: more for small data sets, which are noisier."""
    return 5 if n_samples <= 2000 else 3 if n_samples <= 3000 else 1


def from_file(path: Path, n_rows: int) -> tuple:
    """Return features and target of a file, at most ``n_rows`` rows."""
    with np.load(path) as file:
        y = file["y"]
        if "X" in file:
            X = file["X"].astype(float)
        else:
            parts = [file[f"X_{name}"] for name in ("data", "indices", "indptr")]
            X = sparse.csr_matrix(tuple(parts), tuple(file["X_shape"])).astype(float)
    rows = np.random.RandomState(0).permutation(len(y))[:n_rows]
    return X[rows], y[rows]


def files_of(folder: Path, n_rows: int) -> dict:
    """Return the data sets of a folder, in the form of `DATA`."""
    found = {}
    for path in sorted(folder.glob("*.npz")):
        _, y = from_file(path, n_rows)
        estimator = MLPClassifierX if y.dtype.kind in "iub" else MLPRegressorX
        found[path.stem] = estimator, partial(from_file, path, n_rows)
    return found


def prepared(estimator: type, X, y, seed: int) -> tuple:
    """Return an estimator, and training and held-out rows, standardised.

    The seed determines the split, the first weights and the minibatches, so these are
    the same for all solvers and rates. Sparse features are not scaled.
    """
    model = estimator(random_state=seed)
    classes = y if is_classifier(model) else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=classes
    )
    if not sparse.issparse(X):
        scaler = StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    if classes is None:
        mean, deviation = y.mean(axis=0), y.std(axis=0)
        y, y_test = (y - mean) / deviation, (y_test - mean) / deviation
    else:
        labels = np.unique(y)
        y, y_test = np.searchsorted(labels, y), np.searchsorted(labels, y_test)
    return model, (X.astype(np.float32), y), (X_test.astype(np.float32), y_test)


def fit(model, training: tuple, test: tuple) -> tuple[float, float]:
    """Return the held-out loss and the number of epochs.

    A fit that diverges has an infinite loss.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of unsuitable rates
            model.fit(*training)
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        return np.inf, 0
    if model.stop_reason_ == "diverged":
        return np.inf, model.n_iter_
    return held_out_loss(model, *test), model.n_iter_


def measure(name: str, source: tuple, solver: str, seeds: int | None) -> tuple:
    """Return a row for each rate, and seconds of CPU time.

    A row has medians over the seeds, and the number of diverged fits.
    """
    begun = time.process_time()
    estimator, load = source
    X, y = load()
    task = TASKS[estimator is MLPRegressorX]
    splits = [
        prepared(estimator, X, y, seed) for seed in range(seeds or n_seeds(len(y)))
    ]
    rows = []
    for rate in grid(solver):
        row = {"data": name, "task": task, "solver": solver, "rate": rate}
        for way, parameters in WAYS.items():
            parameters = {"solver": solver, "learning_rate_init": rate, **parameters}
            fits = [
                fit(clone(model).set_params(**parameters), training, test)
                for model, training, test in splits
            ]
            losses, epochs = np.transpose(fits)
            row[f"loss{way}"] = float(np.median(losses))
            row[f"diverged{way}"] = int(np.isinf(losses).sum())
            row[f"epochs{way}"] = int(np.median(epochs))
        rows.append(row)
    return rows, time.process_time() - begun


def measure_all(
    sources: dict, solvers: list[str], n_jobs: int, seeds: int | None = None
) -> tuple[list[dict], float]:
    """Measure every data set, solver and rate; return rows and minutes of CPU time."""
    tasks = [
        delayed(measure)(name, source, solver, seeds)
        for name, source in sources.items()
        for solver in solvers
    ]
    # One BLAS thread per process: these matrix products are too small for more.
    with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        done = Parallel(return_as="generator")(tasks)
        found, seconds = zip(*with_progress(done, len(tasks)), strict=True)
    return [row for rows in found for row in rows], sum(seconds) / 60


# Choosing.


class Curves:
    """The measurements of one solver on some data sets, and the choice.

    Parameters
    ----------
    rows : list of dict
        Rows of the CSV.
    solver : str
        The solver whose rows count.
    tasks : tuple of str
        The tasks whose data sets count.

    Attributes
    ----------
    data, rates : lists
        The two axes of the arrays.
    log_ratio : array of shape (rate, data set)
        Logarithm of the held-out loss relative to the lowest at any rate, averaged over
        training with and without early stopping.
    diverged : array of shape (rate, data set)
        Number of diverged fits, with and without early stopping.
    stable : array of shape (rate,)
        Whether no fit diverged.
    choices : list
        Index of the rate chosen from all data sets, then with each left out.
    chosen : int
        The median of these, so that a single data set has little influence.
    """

    def __init__(self, rows: list[dict], solver: str, *tasks: str):
        of = [r for r in rows if r["solver"] == solver and r["task"] in tasks]
        self.data = list(dict.fromkeys(row["data"] for row in of))
        self.rates = sorted({row["rate"] for row in of})
        at = {(row["rate"], row["data"]): row for row in of}

        def array(name: str) -> np.ndarray:
            return np.array([[at[r, d][name] for d in self.data] for r in self.rates])

        self.loss = {way: array(f"loss{way}") for way in WAYS}
        self.diverged = sum(array(f"diverged{way}") for way in WAYS)
        logs = []
        for loss in self.loss.values():
            ratio = (loss + FLOOR) / (loss.min(axis=0) + FLOOR)
            logs.append(np.log(np.minimum(ratio, WORST_RATIO)))
        self.log_ratio = np.mean(logs, axis=0)
        self.stable = self.diverged.sum(axis=1) == 0
        every = np.arange(len(self.data))
        subsets = [every]
        if len(every) > 2:
            subsets += [np.delete(every, d) for d in every]
        self.choices = [self.good(subset)[0] for subset in subsets]
        self.chosen = sorted(self.choices)[(len(self.choices) - 1) // 2]

    def good(self, subset: np.ndarray | slice = slice(None)) -> list[int]:
        """Return the rates as good as the best on a subset, within the noise.

        That is, with a mean excess over the best rate of at most its own standard
        error. Rates with diverged fits are excluded.
        """
        log_ratio = self.log_ratio[:, subset]
        n_sets = log_ratio.shape[1]
        best = np.where(self.stable, log_ratio.mean(axis=1), np.inf).argmin()
        found = []
        for r in np.flatnonzero(self.stable):
            excess = log_ratio[r] - log_ratio[best]
            noise = excess.std(ddof=1) / np.sqrt(n_sets) if n_sets > 1 else 0.0
            if excess.mean() <= noise:
                found.append(int(r))
        return found

    def suits(self, rate: float) -> bool:
        """Return whether a rate is the chosen one, or as good as the best."""
        return self.rates.index(rate) in (self.chosen, *self.good())


def chosen_rates(of_all: Curves, of_tasks: list[Curves]) -> list[float]:
    """Return the default of each task: a common one if it suits both."""
    common = of_all.rates[of_all.chosen]
    if all(curves.suits(common) for curves in of_tasks):
        return [common] * len(of_tasks)
    return [curves.rates[curves.chosen] for curves in of_tasks]


class Results:
    """The curves of all solvers and tasks, and the resulting defaults.

    Parameters
    ----------
    rows : list of dict
        Rows of the CSV.

    Attributes
    ----------
    curves : dict of (str, str) to Curves
        By solver and task, from the data sets that determine the defaults.
    checks : dict of (str, str) to Curves
        The same for the other data sets.
    chosen : dict of (str, str) to float
        The chosen rates.
    """

    def __init__(self, rows: list[dict]):
        self.solvers = [s for s in OPTIMIZERS if any(r["solver"] == s for r in rows)]
        choosing = [row for row in rows if row["data"] in CHOOSING]
        others = [row for row in rows if row["data"] not in CHOOSING]
        self.curves, self.checks, self.chosen = {}, {}, {}
        for solver in self.solvers:
            each = [Curves(choosing, solver, task) for task in TASKS]
            rates = chosen_rates(Curves(choosing, solver, *TASKS), each)
            if solver in CUSTOMARY and each[0].suits(CUSTOMARY[solver]):
                rates[0] = CUSTOMARY[solver]
            for task, curves, rate in zip(TASKS, each, rates, strict=True):
                self.curves[solver, task] = curves
                self.chosen[solver, task] = rate
                if any(row["task"] == task for row in others):
                    self.checks[solver, task] = Curves(others, solver, task)


# Writing.


def measurements() -> list[dict]:
    """Return the rows of the CSV."""
    return read_csv(CSV, words=("data", "task", "solver"))


def default_rate(solver: str, task: str) -> float:
    """Return the rate of ``"auto"``."""
    return OPTIMIZERS[solver]().auto_rate(regression=task == "regression")


def differing() -> list[str]:
    """Return the defaults that differ from the measured choice."""
    results = Results(measurements())
    return [
        f"{solver} has the default rate {default_rate(solver, task):g} for {task}; by"
        f" {CSV.name} it is {rate:g}"
        for (solver, task), rate in results.chosen.items()
        if rate != default_rate(solver, task)
        or not results.curves[solver, task].suits(rate)
    ]


def choice_table(results: Results) -> str:
    lines = []
    for solver in results.solvers:
        each = [results.curves[solver, task] for task in TASKS]
        chosen = [results.chosen[solver, task] for task in TASKS]
        rates = [
            " or ".join(f"{curves.rates[r]:g}" for r in sorted(set(curves.choices)))
            for curves in each
        ]
        unstable = []
        for curves in each:
            found = np.flatnonzero(~curves.stable)
            unstable.append(f"{curves.rates[found[0]]:g}" if len(found) else "none")
        lines.append([solver, *(f"**{rate:g}**" for rate in chosen), *rates, *unstable])
    header = ["solver"]
    for name in ("default", "leaving out one data set", "lowest diverging rate"):
        header += [f"{name}: {task}" for task in TASKS]
    return markdown(header, lines)


def ratio_table(results: Results, task: str) -> str:
    lines = []
    for solver in results.solvers:
        curves, cells = results.curves[solver, task], dict.fromkeys(RATES, "")
        for r, rate in enumerate(curves.rates):
            cell = f"{np.exp(curves.log_ratio[r].mean()):.2f}"
            if rate == results.chosen[solver, task]:
                cell = f"**{cell}**"
            diverged = int(curves.diverged[r].sum())
            cells[rate] = f"{cell} ({diverged})" if diverged else cell
        lines.append([solver, *cells.values()])
    return markdown(["solver", *(f"{rate:g}" for rate in RATES)], lines)


def behind_table(results: Results) -> str:
    lines = []
    for solver in results.solvers:
        cells = []
        for task in TASKS:
            curves = results.curves[solver, task]
            r = curves.rates.index(results.chosen[solver, task])
            for loss in curves.loss.values():
                ratio = (loss[r] + FLOOR) / (loss.min(axis=0) + FLOOR)
                mean, worst = np.exp(np.log(ratio).mean()), ratio.argmax()
                cells.append(f"{mean:.2f} ({ratio[worst]:.2f}, {curves.data[worst]})")
        lines.append([solver, *cells])
    header = [
        f"{task}{ending}" for task in TASKS for ending in ("", ", early stopping")
    ]
    return markdown(["solver", *header], lines)


def check_table(results: Results) -> str:
    data = [
        (task, name)
        for task in TASKS
        if ("adam", task) in results.checks
        for name in results.checks["adam", task].data
    ]
    lines = []
    for solver in results.solvers:
        cells = []
        for task, name in data:
            curves = results.checks[solver, task]
            ratio = np.exp(curves.log_ratio[:, curves.data.index(name)])
            ratio /= ratio.min()
            r = curves.rates.index(results.chosen[solver, task])
            cells.append(f"{ratio[r]:.2f} ({curves.rates[ratio.argmin()]:g})")
        lines.append([solver, *cells])
    return markdown(["solver", *(name for _, name in data)], lines)


def adam_table(results: Results) -> str:
    lines, rates = [], grid("adam")
    for task in TASKS:
        curves = results.checks.get(("adam", task))
        for d, name in enumerate(curves.data if curves else ()):
            for way, loss in curves.loss.items():
                cells = [
                    f"**{loss[r, d]:.4f}**"
                    if rate == results.chosen["adam", task]
                    else f"{loss[r, d]:.4f}"
                    for r, rate in enumerate(rates)
                ]
                lines.append([name, "yes" if way else "no", *cells])
    header = ["data set", "early stopping", *(f"{rate:g}" for rate in rates)]
    return markdown(header, lines)


TABLES = {
    "choice": choice_table,
    "classification": partial(ratio_table, task="classification"),
    "regression": partial(ratio_table, task="regression"),
    "behind": behind_table,
    "check": check_table,
    "adam": adam_table,
}


def rows_of(choosing: bool) -> list[dict]:
    """Return the rows of the CSV for the data sets that choose, or for the others."""
    rows = measurements()
    return [row for row in rows if (row["data"] in CHOOSING) == choosing]


def tables_from_csv() -> dict[str, str]:
    """Return the tables of the page, by name."""
    results = Results(measurements())
    return {name: table(results) for name, table in TABLES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--seeds", type=int, help="seeds (default 5, 3 or 1, by rows)")
    parser.add_argument("--quick", action="store_true", help="short run, only printed")
    parser.add_argument("--tables", action="store_true", help="no fits, use the CSV")
    parser.add_argument(
        "--solvers", nargs="+", choices=OPTIMIZERS, help="only these, only printed"
    )
    parser.add_argument("--check", type=Path, help="folder with data sets of your own")
    parser.add_argument(
        "--rows", type=int, default=6000, help="rows of each at most (default 6000)"
    )
    args = parser.parse_args()
    solvers = args.solvers or list(OPTIMIZERS)
    if args.quick or args.solvers:
        names = QUICK_DATA if args.quick else CHOOSING
        sources = {name: DATA[name] for name in names}
        seeds = 1 if args.quick else args.seeds
        rows, _ = measure_all(sources, solvers, args.jobs, seeds)
        results = Results(rows)
        print(choice_table(results))
        for task in TASKS:
            print(f"\n{ratio_table(results, task)}")
        return
    if args.check:
        sources = files_of(args.check, args.rows)
        rows, minutes = measure_all(sources, solvers, args.jobs, args.seeds)
        write_csv(CSV, rows_of(choosing=True) + rows, 4)
        put(PAGE, "check run", f"{versions()}, in {minutes:.0f} minutes of CPU time.")
    elif not args.tables:
        sources = {name: DATA[name] for name in CHOOSING}
        rows, minutes = measure_all(sources, solvers, args.jobs, args.seeds)
        write_csv(CSV, rows + rows_of(choosing=False), 4)
        put(PAGE, "run", f"{versions()}, in {minutes:.0f} minutes of CPU time.")
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)
        print(text, end="\n\n")


if __name__ == "__main__":
    main()
