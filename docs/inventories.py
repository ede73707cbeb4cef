"""Inventories of other projects' documentation: addresses of the linked names.

The inventories in ``docs/_inventories`` have the pages of scikit-learn, SciPy, NumPy,
Matplotlib and pandas, so that a build fetches nothing. They hold the names that
docstrings, pages and examples use; ``check.py`` lists the missing ones.

    python docs/inventories.py    # write them again
"""

import ast
import inspect
import pkgutil
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from sklearn.experimental import enable_halving_search_cv  # noqa: F401

import skoptnet

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "_inventories"

#: The address of each project's documentation, and the page of a name in it.
PROJECTS = {
    "sklearn": ("https://scikit-learn.org/stable/", "modules/generated/{}.html"),
    "scipy": ("https://docs.scipy.org/doc/scipy/", "reference/generated/{}.html"),
    "numpy": ("https://numpy.org/doc/stable/", "reference/generated/{}.html"),
    "matplotlib": ("https://matplotlib.org/stable/", "api/_as_gen/{}.html"),
    "pandas": ("https://pandas.pydata.org/docs/", "reference/api/{}.html"),
}
#: Names whose page cannot be derived from the name.
PAGES = {
    "sklearn.model_selection": (
        "api/sklearn.model_selection.html#module-sklearn.model_selection"
    ),
    "numpy.abs": "reference/generated/numpy.absolute.html#numpy.absolute",
    "numpy.inf": "reference/constants.html#numpy.inf",
    "numpy.nan": "reference/constants.html#numpy.nan",
    "numpy.newaxis": "reference/constants.html#numpy.newaxis",
    "numpy.pi": "reference/constants.html#numpy.pi",
    "numpy.float32": "reference/arrays.scalars.html#numpy.float32",
    "numpy.float64": "reference/arrays.scalars.html#numpy.float64",
    "numpy.random.default_rng": (
        "reference/random/generator.html#numpy.random.default_rng"
    ),
    "numpy.random.RandomState": (
        "reference/random/legacy.html#numpy.random.RandomState"
    ),
}
#: Classes that some supported releases of scikit-learn lack.
RECENT = (
    "sklearn.callback.ProgressBar",
    "sklearn.callback.ScoringMonitor",
    "sklearn.frozen.FrozenEstimator",
)
#: Sections and terms that docstrings inherited from scikit-learn refer to.
_SET_OUTPUT = "auto_examples/miscellaneous/plot_set_output"
LABELS = {
    "metadata_routing std:label": "metadata_routing.html#metadata-routing",
    "df_output_transform std:label": (
        "modules/df_output_transform.html#df-output-transform"
    ),
    "sphx_glr_auto_examples_miscellaneous_plot_set_output.py std:label": (
        f"{_SET_OUTPUT}.html#sphx-glr-{re.sub('[/_]', '-', _SET_OUTPUT)}-py"
    ),
    "meta-estimator std:term": "glossary.html#term-meta-estimator",
    "fit std:term": "glossary.html#term-fit",
}
_NAME = re.compile(rf"`~?((?:{'|'.join(PROJECTS)})\.[\w.]+)`")


def used() -> set[str]:
    """Return the names of other projects that docstrings, pages and examples use."""
    paths = [*(ROOT / "skoptnet").rglob("*.py"), *(ROOT / "docs").glob("*.md")]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    found = {name for text in texts for name in _NAME.findall(text)}
    for path in (ROOT / "examples").glob("plot_*.py"):
        found |= set(names_in(path.read_text(encoding="utf-8")))
    return {name for name in found if kind(name)}


def inherited() -> set[str]:
    """Return the names in docstrings that public classes inherit from scikit-learn.

    These depend on its release, so none of them counts as missing.
    """
    classes = filter(inspect.isclass, vars(skoptnet).values())
    methods = (
        method
        for cls in classes
        for _, method in inspect.getmembers(cls, inspect.isroutine)
    )
    texts = (inspect.getdoc(method) or "" for method in methods)
    found = {name for text in texts for name in _NAME.findall(text)}
    return {name for name in found if kind(name)}


def names_in(code: str) -> Iterator[str]:
    """Yield the full names that a program imports from the projects and uses."""
    tree, known = ast.parse(code), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                top = name.name.partition(".")[0]
                known[name.asname or top] = name.name if name.asname else top
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                known[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        first, dot, rest = _written(node).partition(".")
        full = known.get(first, "") + dot + rest
        if full.partition(".")[0] in PROJECTS:
            yield full


def _written(node: ast.AST) -> str:
    """Return a dotted name as written, "" for any other expression."""
    if isinstance(node, ast.Attribute):
        before = _written(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def kind(name: str) -> str:
    """Return the kind of a name for Sphinx, or "" for names without an address."""
    if name in RECENT:
        return "class"
    try:
        thing = pkgutil.resolve_name(name)
        owner = pkgutil.resolve_name(name.rpartition(".")[0])
    except (ImportError, AttributeError, ValueError):
        return ""
    if name in PAGES and not callable(thing):
        return "module" if inspect.ismodule(thing) else "data"
    if not callable(thing) or not (inspect.ismodule(owner) or inspect.isclass(owner)):
        return ""
    if inspect.isclass(thing):
        return "class"
    return "method" if inspect.isclass(owner) else "function"


def page(name: str) -> str:
    """Return the page and anchor of a name, relative to its project's address."""
    if name in PAGES:
        return PAGES[name]
    project = name.partition(".")[0]
    # scikit-learn's methods are on the page of their class; others have their own.
    of_class = project == "sklearn" and kind(name) == "method"
    shown_on = name.rpartition(".")[0] if of_class else name
    return f"{PROJECTS[project][1].format(shown_on)}#{name}"


def inventory(project: str, names: set[str]) -> bytes:
    """Return an inventory in Sphinx's format."""
    lines = [f"{name} py:{kind(name)} 1 {page(name)} -\n" for name in sorted(names)]
    if project == "sklearn":
        lines += [f"{label} -1 {address} -\n" for label, address in LABELS.items()]
    return (
        f"# Sphinx inventory version 2\n# Project: {project}\n# Version: stable\n"
        "# The remainder of this file is compressed using zlib.\n"
    ).encode() + zlib.compress("".join(lines).encode(), 9)


def shipped() -> dict[str, str]:
    """Return the address of each name in the inventories."""
    held = {}
    for project, (site, _) in PROJECTS.items():
        content = (FOLDER / f"{project}.inv").read_bytes().split(b"\n", 4)[4]
        for line in zlib.decompress(content).decode().splitlines():
            name, _, _, address, _ = line.split()
            held[name] = site + address
    return held


def missing() -> list[str]:
    """Return the used names that are in no inventory."""
    return sorted(used() - set(shipped()))


def main() -> None:
    """Write the inventories."""
    names = used() | inherited()
    FOLDER.mkdir(exist_ok=True)
    for project in PROJECTS:
        of_it = {name for name in names if name.startswith(f"{project}.")}
        (FOLDER / f"{project}.inv").write_bytes(inventory(project, of_it))
        print(f"{project}: {len(of_it)} names")


if __name__ == "__main__":
    main()
