"""Compare solvers and learning-rate schedules by cross-validation.

Cross-validates the textbook's seven solvers, or others, with three learning-rate
schedules. Each pair gets the best of five learning rates around the solver's default:
that with the lowest held-out loss, averaged over the epochs. Prints a table and draws
the loss curves.

    python examples/compare_solvers.py
    python examples/compare_solvers.py --data diabetes --epochs 60 --out curves.png
    python examples/compare_solvers.py --solvers adam adamw nadam radam

The picture needs matplotlib: pip install "skoptnet[plot]"
A progress bar needs rich: pip install "skoptnet[progress]"
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK

DATA = {
    "digits": (MLPClassifierX, load_digits),
    "breast_cancer": (MLPClassifierX, load_breast_cancer),
    "diabetes": (MLPRegressorX, load_diabetes),
}
SCHEDULES = ["constant", "step", "exponential"]
N_FOLDS = 5
#: Learning rates that are tried, as multiples of the solver's default.
FACTORS = (0.3, 1, 3, 10, 30)

# Okabe and Ito's colours for the colour-blind, without the yellow.
COLORS = ["#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"]
LINES = ["-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (8, 2))]


def compare(data: str, epochs: int, solvers: list[str]) -> list[dict]:
    """Cross-validate every solver with each of the schedules, at its best rate."""
    estimator, load = DATA[data]
    X, y = load(return_X_y=True)
    pairs = [(solver, schedule) for schedule in SCHEDULES for solver in solvers]
    rows = []
    for solver, schedule in with_progress(pairs):
        default = OPTIMIZERS[solver]().auto_rate(estimator is MLPRegressorX)
        tried = []
        for factor in FACTORS:
            model = estimator(
                solver=solver,
                lr_schedule=schedule,
                learning_rate_init=factor * default,
                max_iter=epochs,
                n_iter_no_change=epochs,
                random_state=0,
            )
            tried.append(cross_validated(model, X, y))
        best = min(tried, key=lambda row: row["mean_log_loss"])
        rows.append({"solver": solver, "schedule": schedule, **best})
    return rows


def cross_validated(model, X, y) -> dict:
    """Return the results of one solver, schedule and rate for table and picture."""
    folds = StratifiedKFold if is_classifier(model) else KFold
    scores, curves, seconds = [], [], []
    for train, test in folds(N_FOLDS, shuffle=True, random_state=0).split(X, y):
        scaler = StandardScaler().fit(X[train])
        X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
        begun = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X_train, y[train], X_val=X_test, y_val=y[test])
        except ValueError:  # diverged in the first epoch
            return {"mean_log_loss": np.inf}
        if model.n_iter_ < model.max_iter:  # diverged later
            return {"mean_log_loss": np.inf}
        seconds.append(time.process_time() - begun)
        scores.append(model.score(X_test, y[test]))
        curves.append([model.history_["loss"], model.history_["validation_loss"]])
    training, held_out = np.mean(curves, axis=0)
    return {
        "rate": model.learning_rate_init,
        "score": np.mean(scores),
        "spread": np.std(scores, ddof=1),
        "training": training,
        "held_out": held_out,
        "ms": 1000 * np.median(seconds),
        # Rewards a fast start as well as a good end.
        "mean_log_loss": np.log(held_out).mean(),
    }


def with_progress(pairs: list):
    """Yield the pairs and show progress: a bar with rich on a terminal, else lines."""
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        bar = False
    else:
        bar = sys.stderr.isatty()
    if bar:
        yield from track(pairs, "Cross-validating", console=Console(stderr=True))
    else:
        for number, (solver, schedule) in enumerate(pairs, 1):
            print(f"{number} of {len(pairs)}: {solver}, {schedule}", file=sys.stderr)
            yield solver, schedule


def print_table(rows: list[dict], data: str, epochs: int) -> None:
    measure = "R2" if DATA[data][0] is MLPRegressorX else "accuracy"
    print(f"\n{data}: {N_FOLDS}-fold cross-validation, {epochs} epochs\n")
    print(
        f"{'schedule':<12} {'solver':<16} {'rate':>7} {measure:>15}"
        f" {'held-out loss':>14} {'training loss':>14} {'fit time':>9}"
    )
    previous = None
    for row in rows:
        if previous not in (None, row["schedule"]):
            print()
        previous = row["schedule"]
        score = f"{row['score']:.3f} ± {row['spread']:.3f}"
        print(
            f"{row['schedule']:<12} {row['solver']:<16} {row['rate']:>7.3g} {score:>15}"
            f" {row['held_out'][-1]:>14.3f} {row['training'][-1]:>14.5f}"
            f" {row['ms']:>6.0f} ms"
        )
    print(
        f"\n{measure}: mean ± standard deviation over the folds, which also chose the"
        "\nrate, so it is slightly optimistic. Losses: mean over the folds after the"
        "\nlast epoch. Fit time: median CPU time over the folds."
    )


def draw(rows: list[dict], data: str, epochs: int, path: Path) -> None:
    """Draw the loss curves, one panel per schedule."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullFormatter
    except ImportError:
        print(
            'No picture: matplotlib is missing. Run: pip install "skoptnet[plot]"',
            file=sys.stderr,
        )
        return

    figure = Figure(figsize=(11, 7.5), dpi=100, layout="constrained")
    panels = figure.subplots(2, len(SCHEDULES), sharex=True, sharey="row")
    names = list(dict.fromkeys(row["solver"] for row in rows))
    for row in rows:
        number = names.index(row["solver"])
        column = panels[:, SCHEDULES.index(row["schedule"])]
        for panel, curve in zip(column, ("training", "held_out"), strict=True):
            panel.plot(
                range(1, epochs + 1),
                row[curve],
                color=COLORS[number % len(COLORS)],
                linestyle=LINES[(number + number // len(COLORS)) % len(LINES)],
                linewidth=1.8,
                label=row["solver"],
            )
    for panel in panels.flat:
        panel.set(yscale="log", xlim=(0, epochs + 1))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.grid(color="0.9")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    for panel, schedule in zip(panels[0], SCHEDULES, strict=True):
        panel.set_title(schedule)
    for panel in panels[1]:
        panel.set_xlabel("epoch")
    unit = "half squared error" if DATA[data][0] is MLPRegressorX else "cross-entropy"
    panels[0][0].set_ylabel(f"training loss ({unit})")
    panels[1][0].set_ylabel(f"held-out loss ({unit})")
    figure.suptitle(f"{data}: each solver at its best learning rate, by schedule")
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=min(len(names), 7),
        frameon=False,
        fontsize="small",
        handlelength=3.2,
        columnspacing=1.5,
    )
    figure.savefig(path)
    print(f"\nLoss curves: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="digits")
    parser.add_argument("--epochs", type=int, default=30, help="epochs (default 30)")
    parser.add_argument("--out", type=Path, default=Path("solvers.png"), metavar="PATH")
    parser.add_argument(
        "--solvers", nargs="+", choices=OPTIMIZERS, default=list(TEXTBOOK)
    )
    args = parser.parse_args()
    if not args.out.absolute().parent.is_dir():
        parser.error(f"--out {args.out}: the folder does not exist")
    rows = compare(args.data, args.epochs, args.solvers)
    print_table(rows, args.data, args.epochs)
    draw(rows, args.data, args.epochs, args.out)


if __name__ == "__main__":
    main()
