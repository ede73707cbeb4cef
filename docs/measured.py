"""Shared parts of the measuring scripts: progress, CSV files, tables in pages.

A page has its tables between two comments, ``<!-- tables: begin -->`` and
``<!-- tables: end -->``. The script that measures writes them, and ``check.py``
compares them with the CSV file.
"""

import csv
import gzip
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import scipy
import sklearn
from sklearn.base import is_classifier

from skoptnet import __version__


def with_progress(results: Iterable, total: int, unit: str = "settings") -> Iterator:
    """Yield the results, with a progress bar (rich, in a terminal) or lines."""
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        bar = False
    else:
        bar = sys.stderr.isatty()
    if bar:
        console = Console(stderr=True)
        yield from track(results, "Measuring", total=total, console=console)
    else:
        for number, result in enumerate(results, 1):
            if number % max(1, total // 20) == 0 or number == total:
                print(f"{number} of {total} {unit} done", file=sys.stderr, flush=True)
            yield result


def opened(path: Path, mode: str) -> IO:
    """Open a text file, compressed where its name ends with ".gz"."""
    text = {"newline": "", "encoding": "utf-8"}
    open_it = gzip.open if path.suffix == ".gz" else open
    return open_it(path, mode, **text)


def write_csv(path: Path, rows: list[dict], digits: int = 6) -> None:
    """Write rows with the given number of significant digits."""
    with opened(path, "wt") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    name: f"{value:.{digits}g}" if isinstance(value, float) else value
                    for name, value in row.items()
                }
            )


def read_csv(path: Path, words: tuple[str, ...]) -> list[dict]:
    """Read rows; the columns that are not words are numbers."""
    with opened(path, "rt") as file:
        return [
            {k: v if k in words else float(v) for k, v in row.items()}
            for row in csv.DictReader(file)
        ]


def markdown(header: list[str], lines: list[list[str]], others: str = "right") -> str:
    """Return a table; all columns but the first are aligned to that side."""
    rule = "---:" if others == "right" else "---"
    rows = [header, ["---"] + [rule] * (len(header) - 1), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def between(text: str, name: str) -> str:
    """Return the text between the two comments of a name."""
    begin, end = _comments(name)
    return text.split(begin)[1].split(end)[0].strip()


def put(page: Path, name: str, text: str) -> None:
    """Put a text between the two comments of a name."""
    begin, end = _comments(name)
    before, rest = page.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def held_out_loss(model, X, y) -> float:
    """Return the log loss, averaged over labels, or the squared error over outputs."""
    if not is_classifier(model):
        with np.errstate(over="ignore"):  # of a very bad model
            return float(np.mean((y - model.predict(X)) ** 2))
    p = model.predict_proba(X)
    if y.ndim == 2:
        p = np.where(y, p, 1 - p)
    else:
        p = p[np.arange(len(y)), y]
    return float(-np.log(np.maximum(p, np.finfo(p.dtype).eps)).mean())


def _comments(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def versions() -> str:
    """Return the versions that the measurements were made with."""
    return (
        f"Measured with skoptnet {__version__}, scikit-learn {sklearn.__version__},"
        f" NumPy {np.__version__}, SciPy {scipy.__version__}, Python"
        f" {platform.python_version()}"
    )
