"""The examples of the gallery run without a warning, and have the gallery's form."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))

#: Runs the script that it is given, as the gallery does, and looks at its figures.
_RUN = """
import runpy, sys
import matplotlib.pyplot as plt
sys.path.append(sys.argv[2])
from labels import missing_labels

plt.show = lambda *args, **kwargs: None  # which warns where there is no window
runpy.run_path(sys.argv[1], run_name="__main__")
figures = [plt.figure(number) for number in plt.get_fignums()]
assert figures, "no figure"
for figure in figures:
    figure.canvas.draw()
    missing = list(missing_labels(figure))
    assert not missing, missing
"""


def parsed(script):
    return ast.parse(script.read_text(encoding="utf-8"))


def imported_from(script):
    """Yield the modules that a script imports from, with the names or None."""
    for node in ast.walk(parsed(script)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def needs_callbacks(script):
    modules = {module for module, _ in imported_from(script)}
    return bool(modules & {"skoptnet.callbacks", "sklearn.callback"})


def import_or_skip_optional(script):
    """Skip the test if the script needs an optional package that is missing."""
    modules = {module for module, _ in imported_from(script)}
    for name in OPTIONAL & modules:
        pytest.importorskip(name, reason=f"{name} is not installed")


#: Packages that single examples need, and a plain installation lacks.
OPTIONAL = {"distributed", "optuna"}

# What is about callbacks needs scikit-learn 1.9.
if importlib.util.find_spec("sklearn.callback") is None:
    RUNNABLE = [script for script in EXAMPLES if not needs_callbacks(script)]
else:
    RUNNABLE = EXAMPLES


def test_there_are_examples():
    assert RUNNABLE


# The two shortest; docs/build.py runs them all, and looks at their labels, too.
SHORT = sorted(RUNNABLE, key=lambda script: script.stat().st_size)[:2]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, marks=[] if script in SHORT else pytest.mark.whole_product)
        for script in RUNNABLE
    ],
    ids=lambda script: script.stem,
)
def test_example_runs_without_warnings_and_draws_labelled_figures(script, tmp_path):
    import_or_skip_optional(script)
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            _RUN,
            str(script),
            str(ROOT / "docs/_ext"),
        ],
        cwd=tmp_path,
        env=environment(MPLBACKEND="Agg", PYTHONIOENCODING="utf-8"),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(tmp_path.iterdir()), "an example leaves files behind"


@pytest.mark.parametrize(("data", "solver"), [("digits", "gd"), ("diabetes", "adam")])
def test_compare_solvers_prints_a_table_and_draws_a_picture(
    data, solver, tmp_path, monkeypatch, capsys
):
    """Also where the higher rates diverge, as those of gd do."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    picture = tmp_path / "curves.png"
    arguments = f"--data {data} --solvers {solver} --epochs 3 --out {picture}"
    monkeypatch.setattr("sys.argv", ["compare_solvers.py", *arguments.split()])
    importlib.import_module("compare_solvers").main()
    table = capsys.readouterr().out
    rows = re.findall(rf"^(\w+) +{solver} +([\d.]+) +([\d.]+) ±", table, re.MULTILINE)
    assert [row[0] for row in rows] == ["constant", "step", "exponential"]
    assert all(0 < float(score) < 1 for *_, score in rows)
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_has_the_form_of_the_gallery(script):
    docstring = ast.get_docstring(parsed(script))
    assert docstring, "an example begins with a docstring"
    title, line, blank, *text = docstring.splitlines()
    assert re.fullmatch("=+", line), "the title is underlined by ="
    assert len(line) == len(title)
    assert not blank
    opening = "\n".join(text).split("\n\n")[0]
    assert opening, "a paragraph follows the title"
    assert len(title) <= 60, "the gallery shows short titles"


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_imports_public_names_only(script):
    for module, name in imported_from(script):
        if module.split(".")[0] != "skoptnet":
            continue
        parts = [*module.split("."), *([name] if name else [])]
        assert not any(part.startswith("_") for part in parts), (module, name)
        if module == "skoptnet.callbacks" and script not in RUNNABLE:
            continue
        public = getattr(importlib.import_module(module), "__all__", None)
        assert not name or public is None or name in public, (module, name)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_is_listed_for_readers_of_the_repository(script):
    listing = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    title = ast.get_docstring(parsed(script)).splitlines()[0]
    assert f"- `{script.name}`: {title}\n" in listing
