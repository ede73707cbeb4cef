"""Measure the suggestions of the learning-rate range test.

Runs `skoptnet.learning_rate_range_test` for four solvers on the twelve data sets of
``which_solver.py`` and compares the suggestions of several rules with the held-out
losses at every rate in ``which_solver.csv.gz``. ``rate_range.md`` explains the method.

    python docs/rate_range.py             # all: rate_range.csv and the page
    python docs/rate_range.py --tables    # no runs: the page from the CSV files

With rich there is a progress bar.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from measured import markdown, put, read_csv, versions, with_progress, write_csv
from which_solver import results_from_csv
from which_solver_fits import BATCH, DATA, Way, default_rate, default_rates, prepared

from skoptnet import learning_rate_range_test
from skoptnet.rate_range import SHARE_OF_FALL, suggestion

CSV = Path(__file__).with_suffix(".csv")
PAGE = Path(__file__).with_suffix(".md")

SOLVERS = ["sgd", "momentum", "rmsprop", "adam"]
N_SPLITS = 5  # the same as in which_solver.py
UPDATES = [100, 200, 400]
USUAL = 200


def steepest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return the rate at which the loss falls fastest, per decade of the rate."""
    return rates[np.nanargmin(np.gradient(smoothed, np.log(rates)))]


def tenth(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return a tenth of the rate of the lowest loss."""
    return rates[np.nanargmin(smoothed)] / 10


def fallen(share: float):
    """Return the rule: the first rate that completes a share of the decrease."""
    return lambda rates, smoothed: suggestion(rates, smoothed, share)


RULES = {
    "steepest descent": steepest,
    "minimum / 10": tenth,
    **{f"{share:.0%} of the fall": fallen(share) for share in (0.5, 0.6, 0.7)},
    f"{SHARE_OF_FALL:.0%} of the fall": fallen(SHARE_OF_FALL),
    **{f"{share:.0%} of the fall": fallen(share) for share in (0.8, 0.9)},
}
OURS = f"{SHARE_OF_FALL:.0%} of the fall"


# Measuring.


def measure(data: str, solver: str, n_updates: int) -> dict:
    """Return the suggestions of each rule: medians over splits and runs."""
    suggested: dict[str, list] = {name: [] for name in RULES}
    for split in range(N_SPLITS):
        model, training, *_ = prepared(data, split)
        model.set_params(hidden_layer_sizes=(50,), batch_size=int(BATCH), solver=solver)
        result = learning_rate_range_test(
            model, *training, n_updates=n_updates, random_state=split
        )
        for name, rule in RULES.items():
            rates = [rule(result.rates, run) for run in result.smoothed]
            suggested[name].append(np.exp(np.nanmedian(np.log(rates))))
    medians = {
        name: float(np.exp(np.nanmedian(np.log(rates))))
        for name, rates in suggested.items()
    }
    return {"data": data, "solver": solver, "updates": n_updates, **medians}


def measure_all(n_jobs: int) -> list[dict]:
    """Measure every data set, solver and number of updates."""
    tasks = [
        delayed(measure)(data, solver, n_updates)
        for n_updates in UPDATES
        for data in DATA
        for solver in SOLVERS
    ]
    # One BLAS thread per process: these matrix products are too small for more.
    with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        done = Parallel(return_as="generator")(tasks)
        return list(with_progress(done, len(tasks)))


# Comparing.


class Judge:
    """Compares suggestions with the measurements at every rate.

    Parameters
    ----------
    weights : str
        "best" for trainings with early stopping, "last" for those without.
    """

    def __init__(self, weights: str):
        self.results, self.weights = results_from_csv(), weights

    def curve(self, row: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return the logarithms of the rates, and the test score at each."""
        way = Way(row["solver"], weights=self.weights)
        points = np.median(self.results.test[way], axis=2)
        return np.log10(self.results.rates[way]), points[
            self.results.data.index(row["data"])
        ]

    def best(self, row: dict) -> float:
        """Return the best rate."""
        rates, points = self.curve(row)
        return float(10 ** rates[points.argmax()])

    def off(self, row: dict, rate: float) -> float:
        """Return the decades by which a rate exceeds the best."""
        return float(np.log10(rate / self.best(row)))

    def behind(self, row: dict, rate: float) -> float:
        """Return the points by which a rate is behind the best."""
        rates, points = self.curve(row)
        return float(points.max() - np.interp(np.log10(rate), rates, points))


def line(name: str, rows: list[dict], rates: list[float], judges: list[Judge]) -> list:
    """Return a line of a table: errors of the rates, and points behind the best."""
    stopped, last = judges
    pairs = list(zip(rows, rates, strict=True))
    off = np.array([stopped.off(*pair) for pair in pairs])
    behind = np.array([stopped.behind(*pair) for pair in pairs])
    without = np.array([last.behind(*pair) for pair in pairs])
    return [
        name,
        f"{np.median(off):+.1f}",
        f"{np.median(abs(off)):.1f}",
        f"{abs(off).max():.1f}",
        f"{np.median(behind):.1f}",
        f"{behind.mean():.1f}",
        f"{np.quantile(behind, 0.9):.1f}",
        f"{np.median(without):.1f}",
        f"{without.mean():.1f}",
    ]


HEADER = [
    "error in decades: median",
    "absolute error: median",
    "maximum",
    "points behind the best rate: median",
    "mean",
    "90 % quantile",
    "without early stopping: median",
    "mean",
]


def rules_table(rows: list[dict], judges: list[Judge]) -> str:
    """Return the table of the rules, at the default number of updates."""
    usual = [row for row in rows if row["updates"] == USUAL]
    lines = []
    for name in RULES:
        bold = f"**{name}**" if name == OURS else name
        lines.append(line(bold, usual, [row[name] for row in usual], judges))
    defaults = [default_rate(row["solver"], row["data"]) for row in usual]
    lines.append(line("the solver's default rate", usual, defaults, judges))
    return markdown(["rule", *HEADER], lines)


def updates_table(rows: list[dict], judges: list[Judge]) -> str:
    """Return the table of the numbers of updates."""
    lines = []
    for n in UPDATES:
        some = [row for row in rows if row["updates"] == n]
        name = f"**{n}**" if n == USUAL else str(n)
        lines.append(line(name, some, [row[OURS] for row in some], judges))
    return markdown(["updates", *HEADER], lines)


def solvers_table(rows: list[dict], judges: list[Judge]) -> str:
    """Return the table of the solvers: suggestion and default rate."""
    lines = []
    usual = [row for row in rows if row["updates"] == USUAL]
    for solver in SOLVERS:
        some = [row for row in usual if row["solver"] == solver]
        suggested = [row[OURS] for row in some]
        lines.append(line(f"{solver}: suggested", some, suggested, judges))
        defaults = [default_rate(solver, row["data"]) for row in some]
        name = f"{solver}: default, {default_rates(solver)}"
        lines.append(line(name, some, defaults, judges))
    return markdown(["rate", *HEADER], lines)


def rates_table(rows: list[dict], judges: list[Judge]) -> str:
    """Return the table of suggested and best rates."""
    found = {
        (row["data"], row["solver"]): f"{row[OURS]:.2g} ({judges[0].best(row):g})"
        for row in rows
        if row["updates"] == USUAL
    }
    lines = [[data, *(found[data, solver] for solver in SOLVERS)] for data in DATA]
    return markdown(["data set", *SOLVERS], lines)


def tables_from_csv() -> dict[str, str]:
    """Return the tables of the page, by name."""
    rows = read_csv(CSV, words=("data", "solver"))
    judges = [Judge("best"), Judge("last")]
    tables = {
        "rules": rules_table,
        "solvers": solvers_table,
        "updates": updates_table,
        "rates": rates_table,
    }
    return {name: table(rows, judges) for name, table in tables.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--tables", action="store_true", help="no runs, use the CSV")
    args = parser.parse_args()
    if not args.tables:
        begun = time.perf_counter()
        write_csv(CSV, measure_all(args.jobs), 4)
        minutes = (time.perf_counter() - begun) / 60
        took = f"in {minutes:.1f} minutes, {args.jobs} process(es)"
        put(PAGE, "run", f"{versions()}, {took}.")
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)
        print(text, end="\n\n")


if __name__ == "__main__":
    main()
