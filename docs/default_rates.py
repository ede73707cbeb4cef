"""Which learning rate should each solver have by default? Measure it.

Each of the textbook's seven solvers is trained at every rate of a grid, on several data
sets and from several seeds, with the estimators' other parameters left alone. The page
``default_rates.md`` explains the method; the code below is its exact form.

    python docs/default_rates.py             # all: default_rates.csv and the page
    python docs/default_rates.py --quick     # a few fits, printed only
    python docs/default_rates.py --tables    # no fits: the page from the CSV
    python docs/default_rates.py --solvers nadam radam    # others, printed only

Needs skoptnet only; with `rich` installed there is a progress bar.
"""

import argparse
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from measured import markdown, put, read_csv, versions, with_progress, write_csv
from sklearn.base import is_classifier
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_friedman1,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK

CSV = Path(__file__).with_suffix(".csv")
PAGE = Path(__file__).with_suffix(".md")

#: Half decades, wide enough that every solver's optimum lies inside.
RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]


def make_long_tails() -> tuple[np.ndarray, np.ndarray]:
    """Return features with long tails: Student's t with 1.5 degrees of freedom.

    Standardised, the largest values lie tens of standard deviations out. Real tables
    look like this (the census data on Californian housing, say), and it is what makes
    training diverge.
    """
    rng = np.random.RandomState(0)
    X = rng.standard_t(1.5, size=(10_000, 8))
    y = np.arcsinh(X[:, :5]).sum(axis=1) + rng.normal(size=len(X))
    return X, y


#: Name of each data set, the estimator for it and where it comes from.
DATA = {
    "iris": (MLPClassifierX, partial(load_iris, return_X_y=True)),
    "wine": (MLPClassifierX, partial(load_wine, return_X_y=True)),
    "breast_cancer": (MLPClassifierX, partial(load_breast_cancer, return_X_y=True)),
    "digits": (MLPClassifierX, partial(load_digits, return_X_y=True)),
    "noisy_classes": (
        MLPClassifierX,
        partial(
            make_classification,
            n_samples=4000,
            n_features=20,
            n_informative=10,
            n_classes=3,
            flip_y=0.1,
            random_state=0,
        ),
    ),
    "diabetes": (MLPRegressorX, partial(load_diabetes, return_X_y=True)),
    "friedman1": (
        MLPRegressorX,
        partial(make_friedman1, n_samples=1000, noise=1.0, random_state=0),
    ),
    "two_targets": (
        MLPRegressorX,
        partial(
            make_regression,
            n_samples=2000,
            n_features=20,
            n_targets=2,
            noise=30.0,
            random_state=0,
        ),
    ),
    "long_tails": (MLPRegressorX, make_long_tails),
}
QUICK_DATA = ["iris", "wine", "breast_cancer", "diabetes", "friedman1"]

#: Losses that differ by less than this are taken as alike: it is what the stopping
#: rule lets go by (n_iter_no_change epochs of less than tol each).
FLOOR = 1e-3
#: No data set counts a rate as worse than this many times the best.
WORST_RATIO = 100.0


# Measuring.


def measure(data: str, solver: str, rate: float, n_seeds: int) -> dict:
    """Fit once per seed; return the medians and the number of diverged fits."""
    fits = [fit(data, solver, rate, seed) for seed in range(n_seeds)]
    losses, scores, epochs = zip(*fits, strict=True)
    return {
        "data": data,
        "solver": solver,
        "rate": rate,
        "loss": float(np.median(losses)),
        "diverged": int(np.isinf(losses).sum()),
        "score": float(np.median(scores)),
        "epochs": float(np.median(epochs)),
    }


def fit(data: str, solver: str, rate: float, seed: int) -> tuple[float, float, int]:
    """Return final training loss, held-out score and number of epochs.

    The seed draws the split and the first weights, so that all solvers and rates see
    the same ones. A fit that diverges has an infinite loss.
    """
    estimator, load = DATA[data]
    X, y = load()
    model = estimator(solver=solver, learning_rate_init=rate, random_state=seed)
    classes = y if is_classifier(model) else None
    if classes is None:
        y = scale(y)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=classes
    )
    scaler = StandardScaler().fit(X)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scaler.transform(X), y)
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        return np.inf, -np.inf, 0
    if model.stop_reason_ == "diverged":
        return np.inf, -np.inf, model.n_iter_
    with np.errstate(over="ignore"):  # the error of a model that is far off
        score = model.score(scaler.transform(X_test), y_test)
    return model.loss_, score, model.n_iter_


def measure_all(
    names: list[str], solvers: list[str], n_seeds: int, n_jobs: int
) -> list[dict]:
    """Measure every data set, solver and rate."""
    tasks = [
        delayed(measure)(data, solver, rate, n_seeds)
        for data in names
        for solver in solvers
        for rate in RATES
    ]
    # One BLAS thread per process: these matrix products are too small for more.
    with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        done = Parallel(return_as="generator")(tasks)
        return list(with_progress(done, len(tasks)))


# Judging.


class Results:
    """The measurements as arrays of shape (solver, rate, data set), and the choice.

    Attributes
    ----------
    solvers, rates, data : lists
        What the three axes stand for.
    loss, diverged, score : arrays
        Median loss, number of diverged fits and median held-out score.
    log_ratio : array
        Logarithm of each loss over that solver's best on the same data set.
    ratio : array of shape (solver, rate)
        Its mean over the data sets, as a ratio again: a geometric mean.
    stable : array of shape (solver, rate)
        Where no fit diverged.
    choices : array of shape (solver, 1 + data set)
        Index of the rate chosen from all data sets, then with each left out.
    chosen : array of shape (solver,)
        The least of these, so that no single data set can raise a default.
    """

    def __init__(self, rows: list[dict]):
        self.solvers = list(dict.fromkeys(row["solver"] for row in rows))
        self.rates = sorted({row["rate"] for row in rows})
        self.data = list(dict.fromkeys(row["data"] for row in rows))
        shape = len(self.solvers), len(self.rates), len(self.data)
        self.loss, self.diverged, self.score = np.empty((3, *shape))
        for row in rows:
            at = (
                self.solvers.index(row["solver"]),
                self.rates.index(row["rate"]),
                self.data.index(row["data"]),
            )
            self.loss[at] = row["loss"]
            self.diverged[at] = row["diverged"]
            self.score[at] = row["score"]
        best = self.loss.min(axis=1, keepdims=True)
        ratio = (self.loss + FLOOR) / (best + FLOOR)
        self.log_ratio = np.log(np.minimum(ratio, WORST_RATIO))
        self.ratio = np.exp(self.log_ratio.mean(axis=2))
        self.stable = self.diverged.sum(axis=2) == 0
        self.choices = np.array([self.choose(s) for s in range(len(self.solvers))])
        self.chosen = self.choices.min(axis=1)

    def choose(self, s: int) -> list[int]:
        """Return a solver's choice from all data sets, then with each left out."""
        every = np.arange(len(self.data))
        subsets = [every, *(np.delete(every, d) for d in every)]
        return [self.one_standard_error(s, subset) for subset in subsets]

    def one_standard_error(self, s: int, subset: np.ndarray) -> int:
        """Return the smallest rate that is as good as the best, within noise.

        That is, whose excess over the best rate, averaged over the data sets, is no
        more than its own standard error. Rates with diverged fits do not take part.
        """
        log_ratio = self.log_ratio[s][:, subset]
        best = np.where(self.stable[s], log_ratio.mean(axis=1), np.inf).argmin()
        for r in np.flatnonzero(self.stable[s, :best]):
            excess = log_ratio[r] - log_ratio[best]
            if excess.mean() <= excess.std(ddof=1) / np.sqrt(len(excess)):
                return int(r)
        return int(best)


# Writing.


def tables(results: Results) -> str:
    """Return the tables of the page, in Markdown."""
    return "\n\n".join(
        [
            "The choice:",
            choice_table(results),
            "Geometric mean over the data sets of the final training loss, relative"
            " to the solver's best on each; in brackets the number of diverged fits."
            " The chosen rate is bold.",
            ratio_table(results),
            "Rate with the least final training loss on each data set:",
            best_table(results),
            "Held-out score (accuracy or R²; median over the seeds, mean over the"
            " data sets):",
            held_out_table(results),
        ]
    )


def choice_table(results: Results) -> str:
    lines = []
    for s, solver in enumerate(results.solvers):
        rates = [f"{results.rates[r]:g}" for r in np.unique(results.choices[s])]
        unstable = np.flatnonzero(~results.stable[s])
        lines.append(
            [
                solver,
                f"**{results.rates[results.chosen[s]]:g}**",
                " or ".join(rates),
                f"{results.rates[unstable[0]]:g}" if len(unstable) else "none",
            ]
        )
    header = [
        "solver",
        "chosen",
        "with any one data set left out",
        "first rate to diverge",
    ]
    return markdown(header, lines)


def ratio_table(results: Results) -> str:
    lines = []
    for r, rate in enumerate(results.rates):
        cells = [f"{rate:g}"]
        for s, chosen in enumerate(results.chosen):
            number = f"{results.ratio[s, r]:.2f}"
            cell = f"**{number}**" if r == chosen else number
            diverged = int(results.diverged[s, r].sum())
            cells.append(f"{cell} ({diverged})" if diverged else cell)
        lines.append(cells)
    return markdown(["rate", *results.solvers], lines)


def best_table(results: Results) -> str:
    best = results.loss.argmin(axis=1)
    lines = [
        [name, *(f"{results.rates[r]:g}" for r in best[:, d])]
        for d, name in enumerate(results.data)
    ]
    chosen = [f"**{results.rates[r]:g}**" for r in results.chosen]
    return markdown(["data", *results.solvers], [*lines, ["**chosen**", *chosen]])


def held_out_table(results: Results) -> str:
    lines = []
    for s, solver in enumerate(results.solvers):
        score, chosen = results.score[s], results.chosen[s]
        per_data = results.loss[s].argmin(axis=0)
        mean = np.where(results.stable[s], score.mean(axis=1), -np.inf)
        best = mean.argmax()
        loss = score[best] - score[chosen]
        worst = loss.argmax()
        lines.append(
            [
                solver,
                f"{results.rates[chosen]:g}",
                f"{mean[chosen]:.3f}",
                f"{score[per_data, np.arange(len(per_data))].mean():.3f}",
                f"{mean[best]:.3f} (at {results.rates[best]:g})",
                f"{-loss[worst]:+.3f} ({results.data[worst]})",
            ]
        )
    header = [
        "solver",
        "chosen",
        "its score",
        "each data set's rate of least training loss",
        "rate of the best score",
        "where chosen falls furthest below that",
    ]
    return markdown(header, lines)


def tables_from_csv() -> dict[str, str]:
    """Return the tables as they have to be in the page, by name."""
    return {"tables": tables(Results(read_csv(CSV, words=("data", "solver"))))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seeds", type=int, default=9, help="seeds (default 9)")
    parser.add_argument("--quick", action="store_true", help="short run, only printed")
    parser.add_argument("--tables", action="store_true", help="no fits, use the CSV")
    parser.add_argument(
        "--solvers", nargs="+", choices=OPTIMIZERS, help="others, only printed"
    )
    args = parser.parse_args()
    solvers = args.solvers or list(TEXTBOOK)
    if args.quick:
        print(tables(Results(measure_all(QUICK_DATA, solvers, 1, args.jobs))))
        print("\nThis was a short run: too few fits for a choice.")
        return
    if args.solvers:
        print(tables(Results(measure_all(list(DATA), solvers, args.seeds, args.jobs))))
        return
    if not args.tables:
        write_csv(CSV, measure_all(list(DATA), solvers, args.seeds, args.jobs))
        put(PAGE, "run", f"{versions()}.")
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)
        print(text)


if __name__ == "__main__":
    main()
