"""All solvers side by side: formulas from their docstrings, ranks from measurements.

The measurements are those of ``which_solver.py``; ``family.md`` has the tables.

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
#: What stands between the formulas of one line, outside of anything else.
_NEXT = re.compile(r",? *\\q?quad +")
_MEMORY = re.compile(r"Memory:\s(.+?)\.\s")
#: Authors and year, and what tells the place: title, algorithm, equations.
_SOURCE = re.compile(
    r"Source:\s((?:the lecture's Algorithm 1"
    r"|[^.(]+(?: et al\. )?\([\d; ]+\)"
    r"(?:, \*[^*]+\*)?(?:, (?:Algorithm|equations) [\d.]*\d(?: to \d+)?)?"
    r"(?:; [A-Z][^.(]*\(\d{4}\))*))"
)
#: Those of every solver, which the text names.
_COMMON = {"weight_decay", "average"}


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def lines_of(formula: str) -> list[str]:
    """Return the formulas of a display, one a line; those within cases are one."""
    text, cases = in_one_line(formula), []

    def keep(match: re.Match) -> str:
        cases.append(match.group())
        return f"@{len(cases) - 1}@"

    text = re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", keep, text)
    lines = text.replace("&", "").split("\\\\")
    lines = [part for line in lines for part in _NEXT.split(in_one_line(line))]
    return [re.sub(r"@(\d+)@", lambda m: cases[int(m[1])], line) for line in lines]


def formula(solver: str) -> str:
    """Return the update of a solver as its docstring has it, for a cell."""
    doc = inspect.getdoc(OPTIMIZERS[solver]) or ""
    return "<br>".join(f"${line}$" for line in lines_of(_FORMULA.search(doc)[1]))


def said(pattern: re.Pattern, solver: str) -> str:
    """Return what a solver's docstring says where a pattern matches."""
    doc = in_one_line(inspect.getdoc(OPTIMIZERS[solver]) or "")
    found = re.sub(r":math:`([^`]+)`", r"$\1$", pattern.search(doc)[1])
    return found.replace("``", "`")


def memory(solver: str) -> str:
    """Return the number of vectors of the size of theta, and their names."""
    n_vectors = len(OPTIMIZERS[solver].memory)
    return f"{n_vectors}: {said(_MEMORY, solver)}" if n_vectors else "0"


def hyperparameters(solver: str) -> str:
    """Return the hyperparameters with their defaults."""
    own = {}
    for name, parameter in inspect.signature(OPTIMIZERS[solver]).parameters.items():
        if name not in _COMMON or parameter.default != 0:
            own[name] = parameter.default
    lines = [f"`{name}={default:g}`" for name, default in own.items()]
    return "<br>".join(lines) or "none"


def family_table(results: Results) -> str:
    ranks = dict(zip(solver_names(results), ranks_of(results), strict=True))
    lines = [
        [
            f"`{name}`",
            formula(name),
            memory(name),
            hyperparameters(name),
            default_rates(name),
            in_short(ranks[name]),
            said(_SOURCE, name),
        ]
        for name in OPTIMIZERS
    ]
    header = [
        "solver",
        "update",
        "memory",
        "hyperparameters",
        "default rate",
        "rank",
        "source",
    ]
    return markdown(header, lines, "left")


def ranks_of(results: Results) -> np.ndarray:
    """Return the ranks of the tuned solvers, (solver, data set)."""
    medians = np.median(scores(results, solver_names(results)), axis=2)
    return rankdata(-medians.round(6), axis=0)


def in_short(ranks: np.ndarray) -> str:
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
        as_it_is = results.at_default(stopped)
        rate = "" if name == "lbfgs" else best_rates(results, Way(name))
        lines.append(
            [
                f"`{name}`",
                in_short(ranks),
                spread(best - typical(score)),
                counts(score - adam),
                rate,
                spread(best - typical(as_it_is)),
                counts(as_it_is - adam_stopped),
            ]
        )
    header = [
        "solver",
        "rank, tuned",
        "behind the best, tuned",
        "than adam, both tuned",
        "tuned rate",
        "behind, default rate and early stopping",
        "than adam, both so",
    ]
    difference = rank_difference(len(names), len(results.data))
    return (
        markdown(header, lines)
        + f"\n\nMean ranks that differ by less than {difference:.1f} cannot be told"
        + " apart (Nemenyi's test, 5 %)."
    )


TABLES = {"family": family_table, "ranks": rank_table}


def tables_from_csv() -> dict[str, str]:
    """Return the tables as they have to be in the page, by name."""
    results = Results(which_solver.measurements())
    return {name: table(results) for name, table in TABLES.items()}


def main() -> None:
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)


if __name__ == "__main__":
    main()
