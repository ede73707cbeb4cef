"""Directives that show a solver or a schedule: docstring, picture, source.

``{solver} adam`` and ``{schedule} cosine`` show a class by its registered name, so a
formula has one place, the docstring of the class. ``{paths} sgd adam`` draws several
solvers into one picture. ``method_pictures`` draws the pictures.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import ClassVar

import method_pictures
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

#: The methods that are shown, if the class itself defines them.
_METHODS = ("gradient_point", "step", "decay", "__call__", "at", "momentum")


def description(cls: type) -> str:
    """Return the text of a docstring between its first line and its parameters.

    The default rate is left out: it is shown with the constructor.
    """
    text = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[2]
    for heading in ("Parameters", "Examples"):
        text = text.partition(f"\n{heading}\n---")[0]
    return re.sub(r"^Default rate: .*\n?", "", text, flags=re.MULTILINE).strip()


def constructor(cls: type) -> str:
    """Return the call of a class with all parameters and their defaults."""
    given = inspect.signature(cls).parameters.values()
    texts = [str(each.replace(annotation=each.empty)) for each in given]
    line = f"{cls.__name__}({', '.join(texts)})"
    if len(line) <= 80:
        return line
    rows = textwrap.wrap(", ".join(texts) + ",", 76)
    return "\n".join([f"{cls.__name__}(", *(f"    {row}" for row in rows), ")"])


def code(cls: type) -> str:
    """Return the source of the methods with a class's formulas."""
    own = [vars(cls).get(name) for name in _METHODS]
    return "\n".join(
        textwrap.dedent(inspect.getsource(method))
        for method in own
        if inspect.isfunction(method)
    )


class _Shown(SphinxDirective):
    """Base class of the directives for a solver and for a schedule."""

    required_arguments = 1
    option_spec: ClassVar[dict] = {"arguments": directives.unchanged}
    #: The line above the source.
    heading = ""

    def made(self, registry):
        """Return the object of a name, made with the ``:arguments:``."""
        name = self.arguments[0]
        if name not in registry:
            raise self.error(f"{name!r} is none of {', '.join(registry)}.")
        given = self.options.get("arguments", "")
        return registry[name](**eval(f"dict({given})"))

    def shown(self, thing, draw, alt):
        """Return the nodes for an object and its picture."""
        cls = type(thing)
        return [
            *self.restructured(description(cls)),
            *pictures(self.env, f"{self.name}_{self.arguments[0]}", draw, alt),
            self.in_short(cls),
            *listing(constructor(cls)),
            nodes.paragraph("", self.heading),
            *listing(code(cls)),
        ]

    def restructured(self, text):
        """Return the nodes of reStructuredText within a Markdown page."""
        box = nodes.container()
        lines = StringList(["````{eval-rst}", *text.splitlines(), "````"], "docstring")
        self.state.nested_parse(lines, self.content_offset, box)
        return box.children

    def in_short(self, cls):
        """Return the line with the name of the class and its facts."""
        name = f"skoptnet.{cls.__name__}"
        link = addnodes.pending_xref(
            "", refdomain="py", reftype="class", reftarget=name, refwarn=True
        )
        link += nodes.literal("", cls.__name__, classes=["xref", "py", "py-class"])
        facts = self.facts(cls)
        return nodes.paragraph(
            "", "", nodes.Text("Class "), link, nodes.Text(facts), classes=["facts"]
        )

    def facts(self, cls):
        return ":"


class SolverShown(_Shown):
    """``{solver} name``."""

    option_spec: ClassVar[dict] = {**_Shown.option_spec, "noise": float}
    heading = "The update in the source:"

    def run(self):
        """Return the nodes."""
        solver, noise = self.made(OPTIMIZERS), self.options.get("noise", 0.0)
        return self.shown(
            solver,
            lambda: method_pictures.paths({self.arguments[0]: solver}, noise),
            f"Path of {self.arguments[0]} through a ravine, and the loss on its way",
        )

    def facts(self, cls):
        solver = cls()
        rate, of_regression = (solver.auto_rate(task) for task in (False, True))
        also = f", for regression {of_regression:g}" if of_regression != rate else ""
        return f", default learning rate {rate:g}{also}:"


class ScheduleShown(_Shown):
    """``{schedule} name``."""

    heading = "The factor in the source:"

    def run(self):
        """Return the nodes."""
        schedule = self.made(SCHEDULES)
        return self.shown(
            schedule,
            lambda: method_pictures.factors(schedule),
            f"What the schedule {self.arguments[0]} multiplies the rate by",
        )


class Paths(SphinxDirective):
    """``{paths} name name ...``: several solvers in one picture."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """Return the nodes."""
        names = self.arguments[0].split()
        solvers = {name: OPTIMIZERS[name]() for name in names}
        alt = f"Paths of {', '.join(names)} through a ravine, and the loss on their way"
        name = f"paths_{'_'.join(names)}"
        return pictures(self.env, name, lambda: method_pictures.paths(solvers), alt)


def pictures(env, name, draw, alt):
    """Draw a picture for light and for dark pages and return both images."""
    folder = Path(env.srcdir, "generated")
    folder.mkdir(exist_ok=True)
    images = []
    for mode in ("light", "dark"):
        file = folder / f"{name}_{mode}.svg"
        method_pictures.save(draw, file, dark=mode == "dark")
        image = nodes.image("", uri=f"/generated/{file.name}", alt=alt)
        image["classes"].append(f"only-{mode}")
        images.append(image)
    return [nodes.container("", *images, classes=["drawn"])]


def listing(text):
    """Return a block of Python, or nothing for an empty text."""
    return [nodes.literal_block(text, text, language="python")] if text else []


def setup(app):
    """Add the directives."""
    app.add_directive("solver", SolverShown)
    app.add_directive("schedule", ScheduleShown)
    app.add_directive("paths", Paths)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
