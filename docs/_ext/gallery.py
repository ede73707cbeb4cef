"""What sphinx-gallery is to do before and after it runs an example."""

import re
import warnings

#: Matplotlib's animations take the icons of their buttons from the net. The theme has
#: them, too.
_ICONS = re.compile(r"<link[^>]*https://[^>]*font-awesome[^>]*>")

#: The gallery's order: how solvers move, how networks train, rates and searches, data,
#: and what is one's own. Those not named here come last.
ORDER = (
    "ravine",
    "saddle_and_minima",
    "adagrad_rmsprop",
    "adam_bias_correction",
    "gabor_model",
    "network_path",
    "seven_solvers",
    "rate_effect",
    "step_and_exponential",
    "batch_sizes",
    "rate_range_test",
    "grid_search",
    "dropout_and_penalties",
    "weights",
    "imbalanced_classes",
    "quantile_bands",
    "text_sparse",
    "against_mlpclassifier",
    "resume",
    "own_optimizer",
    "d2l_linear_regression",
)

_others = []


def place(filename):
    """Return the place of an example in the gallery, as a key to sort by."""
    name = filename.removeprefix("plot_").removesuffix(".py")
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def warnings_are_errors(gallery_conf, fname, when):
    """Let an example that warns fail, as pytest does with a test, and nothing else."""
    if when == "before":
        _others.append(warnings.catch_warnings())
        _others[-1].__enter__()
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    elif _others:
        _others.pop().__exit__(None, None, None)


def _without_icons(app, docname, content):
    if docname.startswith("auto_examples/"):
        content[0] = _ICONS.sub("", content[0])


def _header_is_rst(app, config):
    # examples/README.md, for readers of the repository, would come before
    # GALLERY_HEADER.rst where Markdown is among the suffixes.
    config.sphinx_gallery_conf["source_suffix"] = {".rst": "restructuredtext"}


def setup(app):
    """Have the gallery begin with its header; nothing is fetched by its pages."""
    app.connect("config-inited", _header_is_rst, priority=900)
    app.connect("source-read", _without_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
