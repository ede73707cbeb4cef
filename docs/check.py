"""Check the documentation: docstrings, lists of names, links, layers, measured tables.

Run with ``python docs/check.py``; it lists the faults, and fails if there are any.
"""

import inspect
import re
import sys
import tomllib
from itertools import groupby
from pathlib import Path
from pydoc import locate

import default_rates
import family
import front_page
import inventories
import rate_range
import tables_measured
import which_solver
from measured import between
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import skoptnet.displays
import skoptnet.model_selection
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import REGRESSION_LOSSES
from skoptnet.model_selection import (
    EpochHalvingGridSearchCV,
    EpochHalvingRandomSearchCV,
    EpochHyperbandSearchCV,
)
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

ROOT = Path(__file__).resolve().parent.parent

#: The scripts that make tables of pages from measurements.
MEASURED = (
    default_rates,
    which_solver,
    family,
    rate_range,
    front_page,
    tables_measured,
)

# Rules of numpydoc that are not followed, each with its reason.
EXCLUDED = {
    "ES01",  # an extended summary is not always needed
    "EX01",  # classes have examples, methods need none
    "GL01",  # summaries start on the first line
    "GL02",  # closing quotes of longer docstrings are on their own line
    "GL03",  # blank lines around displayed mathematics
    "RT02",  # "self : object", as scikit-learn has it
    "RT03",  # the name of a return value may say enough
    "SA01",  # See Also is optional
    "YD01",  # generators
}
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
#: Parameters of the estimators, and the registered names that they accept.
_NAMES = {
    "activation": list(ACTIVATIONS),
    "solver": [*OPTIMIZERS, "lbfgs"],
    "lr_schedule": list(SCHEDULES),
    "loss": list(REGRESSION_LOSSES),
}
#: Classes whose parameters and attributes of one name are the same.
_ALIKE = (
    (skoptnet.MLPClassifierX, skoptnet.MLPRegressorX),
    (EpochHalvingGridSearchCV, EpochHalvingRandomSearchCV),
    (EpochHalvingRandomSearchCV, EpochHyperbandSearchCV),
)
#: Those of the searches that are not.
_OWN_WORDS = ("min_resources", "n_resources_, n_candidates_")
#: A name in braces, unless it is an argument of a command of LaTeX.
_PLACEHOLDER = re.compile(r"(?<![\w\\}^_{])\{[a-z]\w*\}")
#: Layers that are too small for the picture.
_NOT_DRAWN = {"_files", "_names", "_types", "_version", "_versions"}
_BOX = re.compile(r'<text x="[\d.]+" y="(\d+)" font-weight="bold">(\w+)</text>')
#: Folders in docs that are made when the site is built, and checked there.
_MADE = ("_build", "api", "auto_examples", "gen_modules", "generated")


def public_names() -> list[str]:
    """Return the dotted names of public functions, classes and their own methods."""
    names = []
    for module in (skoptnet, skoptnet.displays, skoptnet.model_selection):
        for name in module.__all__:
            thing, path = getattr(module, name), f"{module.__name__}.{name}"
            if inspect.isfunction(thing):
                names.append(path)
            elif inspect.isclass(thing):
                names += [path, *(f"{path}.{method}" for method in own_methods(thing))]
    return names


def own_methods(thing: type) -> list[str]:
    """Return the public methods that a class documents itself, class methods too.

    Overriding methods are documented in the base class, and scikit-learn writes the
    set_..._request methods.
    """
    return [
        method
        for method, own in vars(thing).items()
        if inspect.isroutine(getattr(thing, method, None))
        and own.__doc__
        and not method.startswith(("_", "set_"))
    ]


def docstring_faults() -> list[str]:
    """Return the faults that numpydoc finds in public docstrings."""
    faults = []
    for name in public_names():
        faults += [
            f"{name}: {code} {text}"
            for code, text in validate(name)["errors"]
            if code not in EXCLUDED
        ]
    return faults


def placeholder_faults() -> list[str]:
    """Return names in braces in public docstrings, left over from a template."""
    return [
        f"{name}: the docstring has the placeholder {found}"
        for name in public_names()
        for found in _PLACEHOLDER.findall(locate(name).__doc__ or "")
    ]


def name_faults() -> list[str]:
    """Return registered names that are missing in the docstring of their parameter."""
    return [
        f"{estimator.__name__}: the docstring of {parameter.name} lacks {name!r}"
        for estimator in (skoptnet.MLPClassifierX, skoptnet.MLPRegressorX)
        for parameter in ClassDoc(estimator)["Parameters"]
        for name in _NAMES.get(parameter.name, ())
        if f"'{name}'" not in " ".join((parameter.type, *parameter.desc))
    ]


def difference_faults() -> list[str]:
    """Return what two classes have in common, and document in different words."""
    return [
        f"{one.__name__} and {two.__name__} document {entry.name} in different words"
        for one, two in _ALIKE
        for section in ("Parameters", "Attributes")
        for entry in ClassDoc(one)[section]
        for other in ClassDoc(two)[section]
        if entry.name == other.name and entry.name not in _OWN_WORDS and entry != other
    ]


def layer_faults() -> list[str]:
    """Return how docs/layers.svg differs from the layers that import-linter holds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    held = [set(layer.split(" | ")) - _NOT_DRAWN for layer in contract["layers"]]
    boxes = _BOX.findall((ROOT / "docs" / "layers.svg").read_text(encoding="utf-8"))
    drawn = [
        {name for _, name in row}
        for _, row in groupby(boxes, key=lambda box: int(box[0]))
    ]
    held = [layer for layer in held if layer]
    if drawn == held:
        return []
    return [f"docs/layers.svg draws the layers {drawn}, pyproject.toml has {held}"]


def link_faults() -> list[str]:
    """Return broken links between the project's own pages."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for folder in (".github", "docs", "examples", "tests"):
        pages += sorted((ROOT / folder).rglob("*.md"))
    made = [ROOT / "docs" / folder for folder in _MADE]
    return [
        f"{page.relative_to(ROOT)}: no such file: {target}"
        for page in pages
        if not any(page.is_relative_to(folder) for folder in made)
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
        and not any((page.parent / target).is_relative_to(folder) for folder in made)
    ]


def table_faults() -> list[str]:
    """Return tables that are not what their script makes of its measurements."""
    tables = [
        (script, page, name, text)
        for script in MEASURED
        for name, text in script.tables_from_csv().items()
        for page in (script.PAGES if script is front_page else [script.PAGE])
    ]
    return [
        f"{page.relative_to(ROOT)}: the table {name!r} is not that of"
        f" {script.CSV.name}; run {script.__name__}.py --tables"
        for script, page, name, text in tables
        if between(page.read_text(encoding="utf-8"), name) != text
    ]


def rate_faults() -> list[str]:
    """Return default learning rates that differ from the measured ones."""
    return default_rates.differing()


def inventory_faults() -> list[str]:
    """Return names of other projects for which the site has no address."""
    return [
        f"docs/_inventories lacks {name}; run inventories.py"
        for name in inventories.missing()
    ]


def main() -> None:
    """Print the faults; the exit status is 1 if there are any."""
    checks = (
        docstring_faults,
        name_faults,
        placeholder_faults,
        difference_faults,
        link_faults,
        layer_faults,
        table_faults,
        rate_faults,
        inventory_faults,
    )
    faults = [fault for check in checks for fault in check()]
    print("\n".join(faults) or "Docstrings, links, layers and tables are in order.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
