"""The tables of the tabular benchmark, from the results of its runs.

Metrics of a set are means over its splits. All are losses: less is better.

- The geometric mean over sets is of metric + 0.01, less 0.01 ("shifted": a set that is
  almost solved does not outweigh all others).
- Mean rank and wins are among the models that have all runs of the reference; others
  get a ratio only. Equals share a rank, and a win.
- The ratio to the reference is the geometric mean over sets of (metric + 0.01) /
  (the reference's + 0.01), from the runs that both have. Its interval holds 95 % of
  2000 bootstrap samples of the sets.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from common import Table, figure
from tabular_data import GROUPS, SETS
from tabular_models import MODELS

SHIFT = 0.01
DRAWS = 2000

#: Metric -> what the tables call it.
METRICS = {
    "rmse": "RMSE / sd(y)",
    "error": "error",
    "log_loss": "log loss",
    "auc_loss": "1 - AUC",
    "brier": "Brier score",
    "ece": "calibration error",
    "fit_cpu": "CPU seconds of fit",
    "predict_cpu": "CPU seconds of predict",
}
DETAILS = ("rmse", "error", "log_loss", "fit_cpu")


def print_report(
    rows: list[dict[str, Any]], reference: str, details: Iterable[str] = DETAILS
) -> None:
    """Print tables of single sets, for some metrics, then the summary of all."""
    runs = pd.DataFrame(rows)
    runs["group"] = [SETS[name].group for name in runs["set"]]
    runs["task"] = [SETS[name].task for name in runs["set"]]
    metrics = [name for name in METRICS if name in runs]
    done = runs[runs["status"] == "ok"]
    for group in GROUPS:
        for task, of_task in runs[runs["group"] == group].groupby("task"):
            for metric in metrics:
                if metric in details and of_task[metric].notna().any():
                    print(f"\n{group}, {task}: {METRICS[metric]}\n")
                    print_sets(of_task, metric)
    if "coverage" in runs:
        print_intervals(done.dropna(subset="coverage"))
    for group in GROUPS:
        for task, of_task in done[done["group"] == group].groupby("task"):
            for metric in metrics:
                values = pivot(of_task, metric)
                if reference in values:
                    print(f"\nSummary, {group}, {task}: {METRICS[metric]}\n")
                    print_summary(values, reference)


def pivot(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric: a row per set and split, a column per model."""
    values = runs.dropna(subset=metric)
    values = values.pivot(index=["set", "split"], columns="model", values=metric)
    return values[ordered(values.columns, MODELS)]


def ordered(names: Iterable[str], registry: Iterable[str]) -> list[str]:
    """Return names as a registry orders them; tagged ones come behind their model."""
    places = {name: place for place, name in enumerate(registry)}
    return sorted(set(names), key=lambda name: (places[name.partition("@")[0]], name))


def print_sets(runs: pd.DataFrame, metric: str) -> None:
    """Print the means over splits; in brackets where some splits are missing."""
    models, splits = ordered(runs["model"], MODELS), runs.groupby("set")["split"]
    expected = splits.nunique()
    table = Table(["set", "rows"], models)
    for name in ordered(runs["set"], SETS):
        of_set = runs[runs["set"] == name]
        cells = [
            cell(of_set[of_set["model"] == model], metric, expected[name])
            for model in models
        ]
        rows = of_set["rows"].max()
        table.add([name, "" if np.isnan(rows) else f"{rows:.0f}"], cells)


def cell(runs: pd.DataFrame, metric: str, expected: int) -> str:
    """Return what a table of single sets says about a model on a set."""
    done = runs[runs["status"] == "ok"]
    if done.empty:
        return "" if runs.empty else str(runs["status"].iloc[0])
    text = number(done[metric].mean())
    return text if len(done) == expected else f"({text})"


def number(value: float) -> str:
    """Return three decimals for losses, or three digits for larger numbers."""
    return f"{value:.3f}" if value < 10 else figure(value)


def print_intervals(runs: pd.DataFrame) -> None:
    """Print coverage and mean width of prediction intervals at 90 %."""
    print("\nPrediction intervals at 90 %\n")
    table = Table(["model", "set"], ["coverage", "width / sd(y)"])
    means = runs.groupby(["model", "set"])[["coverage", "width"]].mean()
    for (model, name), row in means.iterrows():
        table.add([model, name], [number(row["coverage"]), number(row["width"])])


def print_summary(values: pd.DataFrame, reference: str) -> None:
    """Print a row per model: what it has on all sets, and against the reference."""
    asked = values[values[reference].notna()]
    complete = asked.dropna(axis="columns")
    sets = complete.groupby("set").mean()
    least = sets.eq(sets.min(axis=1), axis=0)
    wins = least.div(least.sum(axis=1), axis=0).sum()
    ranks = sets.rank(axis=1).mean()
    table = Table(
        ["model"],
        ["sets", "geometric mean", "mean rank", "wins", f"ratio to {reference}"],
    )
    for model in asked:
        pair = asked[[model, reference]].iloc[:, :2].dropna().groupby("set").mean()
        if pair.empty:
            continue
        row = [str(len(pair)), "", "", "", ""]
        if model in sets:
            mean = np.exp(np.log(sets[model] + SHIFT).mean()) - SHIFT
            row[1:4] = number(mean), f"{ranks[model]:.2f}", f"{wins[model]:.1f}"
        if model != reference:
            row[4] = ratio_with_interval(pair[model], pair[reference])
        table.add([model], row)


def ratio_with_interval(a: pd.Series, b: pd.Series) -> str:
    """Return the geometric mean ratio over sets with its bootstrap interval."""
    logs = np.log((a.to_numpy() + SHIFT) / (b.to_numpy() + SHIFT))
    text = f"{np.exp(logs.mean()):.3f}"
    if len(logs) < 3:
        return text
    chosen = np.random.default_rng(0).integers(len(logs), size=(DRAWS, len(logs)))
    low, high = np.exp(np.quantile(logs[chosen].mean(axis=1), [0.025, 0.975]))
    return f"{text} [{low:.3f}, {high:.3f}]"
