"""Pages of the API, one per public name, written before Sphinx looks for its pages.

Public names are those in the modules' ``__all__``. Their classes, and the registries of
solvers and schedules, decide their section and order. So a new name gets its page
without an entry here.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import GenericAlias, ModuleType, UnionType
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

import skoptnet
from skoptnet.activations import Activation
from skoptnet.optimizers import OPTIMIZERS, Optimizer
from skoptnet.schedules import SCHEDULES, Schedule

#: Modules with an ``__all__`` of their own; left out where they cannot be imported.
MODULES = (
    "skoptnet.model_selection",
    "skoptnet.displays",
    "skoptnet.surfaces",
    "skoptnet.callbacks",
    "skoptnet.testing",
)
#: Names of types, which are for annotations only.
_ALIASES = (GenericAlias, UnionType)
#: Classes of the arguments of users' own solvers and schedules.
HANDED = ("skoptnet.optimizers.State", "skoptnet.schedules.Clock")


class Section(NamedTuple):
    """A part of the list of names."""

    title: str
    names: list[str]
    text: str = ""


def sections() -> list[Section]:
    """Return all public names, each in one section."""
    names = [name for name in skoptnet.__all__ if not name.startswith("__")]
    kinds: dict[str, list[str]] = {
        "Estimators": [],
        "Solvers": [],
        "Schedules": [],
        "Activations": [],
        "Functions": [],
        "More": [],
    }
    for name in names:
        kinds[_kind(getattr(skoptnet, name))].append(name)
    kinds["Estimators"].sort(key=lambda name: (not name.startswith("MLP"), name))
    for kind, base, registry in (
        ("Solvers", Optimizer, OPTIMIZERS),
        ("Schedules", Schedule, SCHEDULES),
        ("Activations", Activation, {}),
    ):
        order = [base.__name__, *(thing.__name__ for thing in registry.values())]
        kinds[kind].sort(key=lambda name, order=order: _place(name, order))
    found = [
        Section(kind, [f"skoptnet.{name}" for name in names], _TEXTS.get(kind, ""))
        for kind, names in kinds.items()
        if names
    ]
    for module in filter(None, map(_imported, MODULES)):
        public = [
            f"{module.__name__}.{name}"
            for name in getattr(module, "__all__", ())
            if not isinstance(getattr(module, name), _ALIASES)
        ]
        if public:
            text = _first_paragraph(module)
            found.append(Section(module.__name__, public, text))
    handed = "Arguments that your own solvers and schedules get."
    return [*found, Section("State and clock", list(HANDED), handed)]


_TEXTS = {
    "Solvers": "By name, ``solver=`` takes what :doc:`/solvers` lists, or an object of"
    " one of these classes, or of :doc:`your own </own_optimizer>`.",
    "Schedules": "Names, formulas and pictures are in :doc:`/schedules`.",
    "Activations": "``activation=`` takes a name, see :doc:`/mathematics`, or one of"
    " these.",
}


def _kind(thing: Any) -> str:
    if not inspect.isclass(thing):
        return "Functions"
    for base, kind in (
        (Optimizer, "Solvers"),
        (Schedule, "Schedules"),
        (Activation, "Activations"),
        (BaseEstimator, "Estimators"),
    ):
        if issubclass(thing, base):
            return kind
    return "More"


def _place(name: str, order: list[str]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:  # missing, or it needs a newer scikit-learn
        return None


def _first_paragraph(module: ModuleType) -> str:
    return " ".join((module.__doc__ or "").strip().split("\n\n")[0].split())


def page_of(name: str) -> str:
    """Return the source of the page of one public name."""
    module, _, short = name.rpartition(".")
    thing = getattr(importlib.import_module(module), short)
    lines = [short, "=" * len(short), "", f".. currentmodule:: {module}", ""]
    if inspect.isclass(thing):
        lines += [f".. autoclass:: {name}", "   :members:"]
        if _kind(thing) == "Estimators":
            lines += ["   :inherited-members:"]
    elif callable(thing):
        lines += [f".. autofunction:: {name}"]
    else:
        lines += [f".. autodata:: {name}", "   :no-value:"]
    lines += ["", f".. minigallery:: {name}"]
    lines += ["   :add-heading: Examples using it", "   :heading-level: -", ""]
    return "\n".join(lines)


def index() -> str:
    """Return the source of the page that lists all names."""
    lines = ["API", "===", ""]
    for section in sections():
        lines += [section.title, "-" * len(section.title), "", section.text, ""]
        lines += [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   ~{name}" for name in section.names]
        lines += ["", ".. toctree::", "   :hidden:"]
        lines += [f"   :caption: {section.title}", ""]
        lines += [f"   {name}" for name in section.names]
        lines += [""]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write the pages; unchanged pages keep their modification time."""
    pages = {"index": index()}
    for section in sections():
        pages |= {name: page_of(name) for name in section.names}
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def from_scikit_learn(app, env, node, contnode):
    """Show links of inherited docstrings to scikit-learn's user guide as text.

    The inventory has the targets of one release's docstrings; other releases differ.
    """
    around = node
    while around is not None:
        if "docstring of sklearn." in (around.source or ""):
            return contnode
        around = around.parent
    return None


def setup(app):
    """Write the pages as soon as the settings are known."""
    app.connect("config-inited", lambda app, config: write(Path(app.srcdir, "api")))
    # After intersphinx, which knows some of them.
    app.connect("missing-reference", from_scikit_learn, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
