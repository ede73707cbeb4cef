"""Links from the pages to source files, changed to the site's pages of the source.

In the repository, ``[network.py](../skoptnet/network.py)`` is a link to the file. In
the site, it leads to viewcode's page of the module, or to the gallery's page of an
example. Other files are downloads.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.pycode import ModuleAnalyzer
from sphinx.transforms import SphinxTransform
from sphinx.util.osutil import relative_uri

ROOT = Path(__file__).resolve().parents[2]
_WAY_BACK = re.compile(r"(?<=/api/)([\w.]+)\.(\w+)\.html#[\w.]*?\.(\2\b[\w.]*)")


def page_of(path: Path) -> str | None:
    """Return the name of the page that shows a file of the repository, if any."""
    if path.is_dir():
        path /= "__init__.py"
    try:
        parts = path.relative_to(ROOT).with_suffix("").parts
    except ValueError:
        return None
    if path.suffix != ".py" or not path.exists():
        return None
    if parts[0] == "skoptnet":
        return "/".join(("_modules", *(part for part in parts if part != "__init__")))
    if parts[0] == "examples" and parts[-1].startswith("plot_"):
        return "/".join(("auto_examples", *parts[1:]))
    return None


class LinksToSource(SphinxTransform):
    """Turns MyST's downloads of source files into links to pages."""

    default_priority = 400

    def apply(self, **kwargs):
        """Replace the links of a page."""
        docname = self.env.docname
        here = Path(self.env.doc2path(docname)).parent
        for link in list(self.document.findall(addnodes.download_reference)):
            page = page_of((here / link["reftarget"]).resolve())
            if page is not None:
                uri = relative_uri(f"{docname}.html", f"{page}.html")
                link.replace_self(
                    nodes.reference("", "", *link.children, internal=True, refuri=uri)
                )


def show_all_modules(app, env):
    """Let viewcode make a page of every module, documented on the site or not."""
    shown = getattr(env, "_viewcode_modules", {})
    for path in sorted((ROOT / "skoptnet").rglob("*.py")):
        name = page_of(path).removeprefix("_modules/").replace("/", ".")
        if not shown.get(name):
            analyzer = ModuleAnalyzer.for_module(name)
            analyzer.find_tags()
            shown[name] = (analyzer.code, analyzer.tags, {}, name)
    env._viewcode_modules = shown


def mend_ways_back(app, pagename, templatename, context, doctree):
    """Correct the anchors of links from the source to the API pages.

    viewcode assumes one package for all names of a module, but ``Optimizer`` is in
    skoptnet and ``State``, of the same module, in skoptnet.optimizers.
    """
    if pagename.startswith("_modules/"):
        context["body"] = _WAY_BACK.sub(r"\1.\2.html#\1.\3", context["body"])


def setup(app):
    """Add the transform; the modules are added once all pages are read."""
    app.setup_extension("sphinx.ext.viewcode")
    app.add_transform(LinksToSource)
    app.connect("env-updated", show_all_modules)
    app.connect("html-page-context", mend_ways_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
