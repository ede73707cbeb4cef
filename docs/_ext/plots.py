"""``{plot}`` in Markdown: matplotlib's directive that runs code and shows its figures.

Matplotlib's directive inserts reStructuredText into the page, which the Markdown parser
cannot do; so it is parsed as reStructuredText of its own.
"""

from docutils import nodes
from docutils.statemachine import StringList
from matplotlib.sphinxext.plot_directive import PlotDirective
from myst_parser.mocking import MockStateMachine


class Plot(PlotDirective):
    """``{plot}``, with the options of matplotlib's directive."""

    def run(self):
        """Return the nodes."""
        if not isinstance(self.state_machine, MockStateMachine):
            return super().run()
        env = self.state.document.settings.env
        # By default, it numbers the figures of each block from 1.
        number = env.new_serialno("plot")
        prefix = f"{env.docname.replace('/', '-')}-{number}"
        options = {"filename-prefix": prefix, **self.options}
        text = [
            "````{eval-rst}",
            ".. plot::",
            *(f"   :{k}: {'' if v is None else v}" for k, v in options.items()),
            "",
            *(f"   {line}" for line in self.content),
            "````",
        ]
        box = nodes.container()
        lines = StringList(text, self.state.document["source"])
        self.state.nested_parse(lines, self.content_offset, box)
        return box.children


def setup(app):
    """Add the directive in place of matplotlib's."""
    app.setup_extension("matplotlib.sphinxext.plot_directive")
    app.add_directive("plot", Plot, override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
