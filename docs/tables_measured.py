"""Make the tables of the page on tables from recorded runs of the benchmark.

    python tests/benchmarks/tabular.py --data DIR --splits 3 --groups small --out A
    python tests/benchmarks/tabular.py --data DIR --groups categories full --out B
    python docs/tables_measured.py --runs A B    # tables_measured.csv and the page
    python docs/tables_measured.py --tables      # the page, from tables_measured.csv

Models and sets without a name below are not in the tables.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from measured import markdown, put, read_csv, write_csv

CSV = Path(__file__).with_suffix(".csv")
PAGE = Path(__file__).with_name("tables.md")

OURS = "tabular"
MODELS = {
    OURS: "tabular networks",
    "skoptnet": "MLPRegressorX, MLPClassifierX",
    "realmlp_td": "RealMLP-TD (PyTorch)",
    "realmlp_td_s": "RealMLP-TD-S (PyTorch)",
    "tabm_d": "TabM-D (PyTorch)",
    "catboost": "CatBoost",
    "hgb": "HistGradientBoosting",
    "lightgbm": "LightGBM",
    "forest": "RandomForest",
}
SMALL_NUMBERS = [
    "airfoil",
    "california",
    "diabetes",
    "friedman1",
    "friedman3",
    "lognormal",
]
SMALL_CLASSES = [
    "california_classes",
    "breast_cancer",
    "digits",
    "a9a",
    "hastie",
    "flipped",
]
#: The sets of the tables with a row for each, and what the page calls them.
NUMBERS = {
    "california-full": "California housing",
    "power-plant": "power plant",
    "protein-tertiary-structure": "protein structure",
    "201_pol": "pol",
    "225_puma8NH": "puma8NH",
    "344_mv": "mv, with categories",
    "values50_reg": "generated, category of 50 values",
    "values1000_reg": "generated, category of 1000 values",
    "values50+1000_reg": "generated, both categories",
}
CLASSES = {
    "a9a-full": "Adult (a9a)",
    "covertype_kaggle15k": "Covertype (Kaggle's sample)",
    "letter": "letter",
    "mnist": "MNIST, pixels",
    "page_blocks": "page blocks",
    "connect_4": "connect-4, categories only",
    "fars": "traffic accidents (FARS), with categories",
    "coil2000-5000": "insurance (COIL 2000)",
    "nursery-1500": "nursery, categories only",
    "mushroom-1500": "mushroom, categories only",
    "tic_tac_toe-958": "tic-tac-toe, categories only",
    "values50_class": "generated, category of 50 values",
    "values1000_class": "generated, category of 1000 values",
    "values50+1000_class": "generated, both categories",
}
#: The models of these tables.
COLUMNS = (OURS, "catboost", "hgb")

METRICS = ("rmse", "error", "log_loss", "ece", "fit_cpu")
WORDS = ("model", "set")
#: Added before the geometric mean, so that an almost solved set does not decide it.
SHIFT = 0.01
DRAWS = 2000

Rows = list[dict]


def recorded(paths: Iterable[Path]) -> Rows:
    """Return the runs of files of JSON lines that the tables need; later ones count."""
    sets = {*SMALL_NUMBERS, *SMALL_CLASSES, *NUMBERS, *CLASSES}
    found = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            run = json.loads(line)
            if run.get("status") != "ok" or run["set"] not in sets:
                continue
            if run["model"] in MODELS:
                found[run["set"], run["model"], run["split"]] = run
    names = ("set", "model", "split", "rows", *METRICS)
    return [{name: found[key].get(name, np.nan) for name in names} for key in found]


def mean(rows: Rows, model: str, data_set: str, metric: str) -> float:
    """Return the mean over splits, NaN if there are none."""
    values = [
        row[metric] for row in rows if (row["model"], row["set"]) == (model, data_set)
    ]
    return float(np.mean(values)) if values else np.nan


def means(rows: Rows, model: str, sets: list[str], metric: str) -> np.ndarray:
    """Return the means over splits of a model on the sets."""
    return np.array([mean(rows, model, name, metric) for name in sets])


def geometric(values: np.ndarray) -> float:
    """Return the shifted geometric mean."""
    return float(np.exp(np.mean(np.log(values + SHIFT))) - SHIFT)


def ratio_to_ours(values: np.ndarray, ours: np.ndarray) -> str:
    """Return the ratio of the means, and an interval over bootstrap samples of sets."""
    logs = np.log((values + SHIFT) / (ours + SHIFT))
    chosen = np.random.default_rng(0).integers(len(logs), size=(DRAWS, len(logs)))
    low, high = np.percentile(logs[chosen].mean(axis=1), [2.5, 97.5])
    return f"{np.exp(logs.mean()):.2f} ({np.exp(low):.2f} to {np.exp(high):.2f})"


def seconds(value: float) -> str:
    """Return a time with two digits."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def summary(rows: Rows, sets: list[str], compared: str, metrics: dict[str, str]) -> str:
    """Return a table of geometric means, of the models that have runs of all sets."""
    lines = []
    for model, title in MODELS.items():
        columns = {name: means(rows, model, sets, name) for name in metrics}
        if np.isnan(columns[compared]).any():
            continue
        cells = [f"{geometric(values):.3f}" for values in columns.values()]
        ours = means(rows, OURS, sets, compared)
        ratio = "" if model == OURS else ratio_to_ours(columns[compared], ours)
        cpu = seconds(geometric(means(rows, model, sets, "fit_cpu")))
        lines.append([title, *cells, ratio, cpu])
    heading = f"{metrics[compared]}, times ours"
    return markdown(["model", *metrics.values(), heading, "CPU seconds"], lines)


def single_sets(rows: Rows, sets: dict[str, str], metrics: list[str]) -> str:
    """Return a table with a row per set: metrics and CPU seconds of some models."""
    lines = []
    for name, title in sets.items():
        n_rows = mean(rows, OURS, name, "rows")
        if np.isnan(n_rows):
            raise ValueError(f"There is no run of {OURS!r} on {name!r}.")
        best = [best_of(rows, name, metric) for metric in metrics]
        cells = [cell(rows, model, name, metrics, best) for model in COLUMNS]
        lines.append([title, f"{n_rows:.0f}", *cells])
    titles = [MODELS[model] for model in COLUMNS]
    return markdown(["data set", "training rows", *titles], lines)


def best_of(rows: Rows, name: str, metric: str) -> float:
    """Return the best mean, to the digits shown; NaN if there is only one."""
    found = [round(mean(rows, model, name, metric), 3) for model in COLUMNS]
    return np.nanmin(found) if np.isfinite(found).sum() > 1 else np.nan


def cell(
    rows: Rows, model: str, name: str, metrics: list[str], best: list[float]
) -> str:
    """Return a cell: metrics, the best in bold, and CPU seconds; "" without runs."""
    values = [mean(rows, model, name, metric) for metric in metrics]
    if np.isnan(values).any():
        return ""
    texts = [
        f"**{value:.3f}**" if round(value, 3) == least else f"{value:.3f}"
        for value, least in zip(values, best, strict=True)
    ]
    return f"{', '.join(texts)} ({seconds(mean(rows, model, name, 'fit_cpu'))} s)"


def tables_from_csv() -> dict[str, str]:
    """Return the tables of the page, by name."""
    rows = read_csv(CSV, words=WORDS)
    losses = {"error": "error", "log_loss": "log loss", "ece": "calibration error"}
    return {
        "small numbers": summary(rows, SMALL_NUMBERS, "rmse", {"rmse": "RMSE"}),
        "small classes": summary(rows, SMALL_CLASSES, "log_loss", losses),
        "numbers": single_sets(rows, NUMBERS, ["rmse"]),
        "classes": single_sets(rows, CLASSES, ["error", "log_loss"]),
    }


def main() -> None:
    """Write the CSV file, if there are runs, and the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--runs", nargs="+", type=Path, metavar="FILE")
    group.add_argument("--tables", action="store_true", help="use the CSV")
    args = parser.parse_args()
    if args.runs:
        write_csv(CSV, recorded(args.runs), 4)
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)


if __name__ == "__main__":
    main()
