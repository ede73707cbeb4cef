"""Tables of all solvers: updates, hyperparameters, measured ranks.

The formulas come from the docstrings, the measurements are those of
``which_solver.py``; ``family.md`` has the tables.

    python docs/family.py    # the page from the docstrings and which_solver.csv.gz
"""

import inspect
import re
from pathlib import Path

import numpy as np
import which_solver
from measured import markdown, put
from scipy.stats import rankdata
from which_solver_fits import Way, default_rates
from which_solver_tables import (
    Results,
    best_rates,
    counts,
    plain,
    rank_difference,
    scores,
    solver_names,
    spread,
    typical,
)

from skoptnet.optimizers import OPTIMIZERS

CSV = which_solver.CSV
PAGE = Path(__file__).with_suffix(".md")

#: A docstring's displayed formula, up to the next paragraph.
_FORMULA = re.compile(r"\.\. math::(.*?)\n\n", re.DOTALL)
#: The separator of the formulas in one line.
_NEXT = re.compile(r",? *\\q?quad +")
_MEMORY = re.compile(r"Memory:\s(.+?)\.\s")
#: The sentence after "Source:".
_SOURCE = re.compile(r"Source:\s(.+?)\.(?= [A-Z:`]|$)")
_LINK = re.compile(r"`([^`<]+) <([^>]+)>`__")
_MATH = re.compile(r":math:`([^`]+)`")
#: Hyperparameters of every solver, which the text names.
_COMMON = {"weight_decay", "average"}


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def lines_of(formula: str) -> list[str]:
    """Return the lines of a displayed formula; cases stay in one line."""
    text, cases = in_one_line(formula), []

    def keep(match: re.Match) -> str:
        cases.append(match.group())
        return f"@{len(cases) - 1}@"

    text = re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", keep, text)
    lines = text.replace("&", "").split("\\\\")
    lines = [part for line in lines for part in _NEXT.split(in_one_line(line))]
    return [re.sub(r"@(\d+)@", lambda m: cases[int(m[1])], line) for line in lines]


def formula(solver: str) -> str:
    """Return the update in the docstring of a solver, for a cell."""
    doc = inspect.getdoc(OPTIMIZERS[solver]) or ""
    return "<br>".join(f"${line}$" for line in lines_of(_FORMULA.search(doc)[1]))


def from_docstring(pattern: re.Pattern, solver: str) -> str:
    """Return the match of a pattern in the docstring of a solver, in Markdown."""
    doc = in_one_line(inspect.getdoc(OPTIMIZERS[solver]) or "")
    found = _LINK.sub(r"[\1](\2)", pattern.search(doc)[1])
    return _MATH.sub(r"$\1$", found).replace("``", "`")


def memory(solver: str) -> str:
    """Return the number of vectors of the size of theta, and their names."""
    n_vectors = len(OPTIMIZERS[solver].memory)
    return f"{n_vectors}: {from_docstring(_MEMORY, solver)}" if n_vectors else "0"


def hyperparameters(solver: str) -> str:
    """Return the hyperparameters with their defaults."""
    own = {}
    for name, parameter in inspect.signature(OPTIMIZERS[solver]).parameters.items():
        if name not in _COMMON or parameter.default != 0:
            own[name] = parameter.default
    lines = [f"`{name}={default:g}`" for name, default in own.items()]
    return ", ".join(lines) or "none"


def updates_table() -> str:
    """Return the table of the formulas."""
    lines = [
        [f"`{name}`", formula(name), from_docstring(_SOURCE, name)]
        for name in OPTIMIZERS
    ]
    return markdown(["solver", "update", "source"], lines, "left")


def family_table(results: Results) -> str:
    """Return the table of memory, hyperparameters, default rates and ranks."""
    ranks = dict(zip(solver_names(results), ranks_of(results), strict=True))
    lines = [
        [
            f"`{name}`",
            memory(name),
            hyperparameters(name),
            default_rates(name),
            mean_and_range(ranks[name]),
        ]
        for name in OPTIMIZERS
    ]
    header = ["solver", "memory", "hyperparameters", "default rate", "rank"]
    return markdown(header, lines, "left")


def ranks_of(results: Results) -> np.ndarray:
    """Return the ranks of the tuned solvers, (solver, data set)."""
    medians = np.median(scores(results, solver_names(results)), axis=2)
    return rankdata(-medians.round(6), axis=0)


def mean_and_range(ranks: np.ndarray) -> str:
    """Return the mean of some ranks and, in brackets, the best and the worst."""
    low, high = (plain(ranks.min(), 0), plain(ranks.max(), 0))
    return f"{ranks.mean():.1f} ({low} to {high})"


def rank_table(results: Results) -> str:
    names = solver_names(results)
    tuned = scores(results, names)
    best = np.median(tuned, axis=2).max(axis=0)
    adam = results.at_tuned(Way("adam"))
    adam_stopped = results.at_default(Way("adam", weights="best"))
    lines = []
    for name, ranks, score in zip(names, ranks_of(results), tuned, strict=True):
        stopped = Way(name, weights="best")
        default = results.at_default(stopped)
        rate = "" if name == "lbfgs" else best_rates(results, Way(name))
        lines.append(
            [
                f"`{name}`",
                mean_and_range(ranks),
                spread(best - typical(score)),
                counts(score - adam),
                rate,
                spread(best - typical(default)),
                counts(default - adam_stopped),
            ]
        )
    # Ranges on a line of their own keep the columns narrow.
    lines = [[cell.replace(" (", "<br>(") for cell in line] for line in lines]
    header = [
        "solver",
        "rank",
        "tuned: points behind",
        "tuned: against adam",
        "tuned rate",
        "default: points behind",
        "default: against adam",
    ]
    difference = rank_difference(len(names), len(results.data))
    return (
        markdown(header, lines)
        + f"\n\nMean ranks that differ by less than {difference:.1f} do not differ"
        + " significantly (Nemenyi's test, 5 %)."
    )


def tables_from_csv() -> dict[str, str]:
    """Return the tables of the page, by name."""
    results = Results(which_solver.measurements())
    return {
        "updates": updates_table(),
        "family": family_table(results),
        "ranks": rank_table(results),
    }


def main() -> None:
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)


if __name__ == "__main__":
    main()
