"""The gallery of examples: its groups, its thumbnails, and how examples are run."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
from labels import missing_labels
from matplotlib.animation import Animation
from thumbnails import Thumbnail, draw, simplify

#: The examples in their groups, each with the figure and axes that its thumbnail shows.
#: Those not named here come last.
GROUPS = {
    "How solvers move": {
        "ravine": Thumbnail(),
        "saddle_and_minima": Thumbnail(6),
        "adagrad_rmsprop": Thumbnail(2),
        "adam_bias_correction": Thumbnail(),
        "gabor_model": Thumbnail(),
        "network_path": Thumbnail(3),
    },
    "Training": {
        "seven_solvers": Thumbnail(),
        "d2l_linear_regression": Thumbnail(),
        "batch_sizes": Thumbnail(panels=(2,)),
        "dropout_and_penalties": Thumbnail(2, panels=(0, 5)),
        "weights": Thumbnail(),
        "resume": Thumbnail(),
        "against_mlpclassifier": Thumbnail(2),
    },
    "Learning rates and searches": {
        "rate_effect": Thumbnail(2),
        "step_and_exponential": Thumbnail(),
        "rate_range_test": Thumbnail(),
        "grid_search": Thumbnail(),
        "epoch_search": Thumbnail(),
        "optuna_pruning": Thumbnail(),
        "cluster_search": Thumbnail(),
    },
    "Data": {
        "imbalanced_classes": Thumbnail(),
        "quantile_bands": Thumbnail(),
        "text_sparse": Thumbnail(2),
    },
    "Tables": {
        "tables": Thumbnail(2),
        "calibration": Thumbnail(),
        "intervals": Thumbnail(),
    },
    "Your own solver": {"own_optimizer": Thumbnail()},
}
_OTHERS = "More"
THUMBNAILS = {name: made for group in GROUPS.values() for name, made in group.items()}
ORDER = tuple(THUMBNAILS)

#: Matplotlib's animations fetch the icons of their buttons; the theme has them, too.
ICONS = re.compile(r"<link[^>]*https://[^>]*font-awesome[^>]*>")
#: Comments for formatters and linters: whole lines, or ends of lines.
_REMARKS = re.compile(
    r"^ *# fmt: (?:on|off)\n|  # (?:fmt: skip|noqa\b.*)$", re.MULTILINE
)
#: An example in the index that sphinx-gallery writes, and the text around all of them.
_ENTRY = re.compile(
    r"\.\. raw:: html\n\n    <div class=\"sphx-glr-thumbcontainer\".*?"
    r":doc:`/(auto_examples/plot_(\w+))`.*?\n      <div.*?</div>\n    </div>\n",
    re.DOTALL,
)
_BEFORE = '.. raw:: html\n\n    <div class="sphx-glr-thumbnails">\n'
_AFTER = ".. thumbnail-parent-div-close\n\n.. raw:: html\n\n    </div>\n"

_outside = []


def place(filename):
    """Return the sort key of an example in the gallery."""
    name = filename.removeprefix("plot_").removesuffix(".py")
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def warnings_are_errors(gallery_conf, fname, when):
    """Make warnings errors while an example runs, as pytest does for tests."""
    if when == "before":
        _outside.append(warnings.catch_warnings())
        _outside[-1].__enter__()
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    elif _outside:
        _outside.pop().__exit__(None, None, None)


# -- Thumbnails -----------------------------------------------------------------------


def scrape(block, block_vars, gallery_conf):
    """Save the figures of a block, and draw the thumbnail if it is one of them."""
    name = _name(block_vars["src_file"])
    wanted = THUMBNAILS.get(name, Thumbnail())
    paths = block_vars["image_path_iterator"]
    figures = dict(enumerate(map(plt.figure, plt.get_fignums()), start=len(paths) + 1))
    missing = [line for figure in figures.values() for line in missing_labels(figure)]
    if missing:  # a warning would be lost: examples run in processes of their own
        raise ValueError(f"{block_vars['src_file']}: {'; '.join(missing)}")
    from sphinx_gallery.scrapers import matplotlib_scraper

    text = matplotlib_scraper(block, block_vars, gallery_conf)
    if wanted.figure in figures:
        figure = figures[wanted.figure]
        values = block_vars["example_globals"].values()
        moving = (thing for thing in values if isinstance(thing, Animation))
        animation = next((a for a in moving if a._fig is figure), None)
        simplify(figure, wanted.panels)
        draw(figure, animation, Path(paths.paths[0]).parents[1] / "thumbnails" / name)
    return text


def _name(example):
    return Path(example).stem.removeprefix("plot_")


def _put_thumbnails(app):
    """Replace the thumbnails of sphinx-gallery by the drawn ones.

    sphinx-gallery makes its own in every build; ours are drawn when an example runs.
    """
    from sphinx.util.logging import getLogger

    conf = app.config.sphinx_gallery_conf
    gallery = Path(app.srcdir, *conf["gallery_dirs"])
    drawn = {file.stem: file for file in sorted(gallery.glob("thumbnails/*.*"))}
    for name in map(_name, conf["failing_examples"]):
        drawn.pop(name, None)
    for name, file in drawn.items():
        made = gallery / "images" / "thumb" / f"sphx_glr_plot_{name}_thumb{file.suffix}"
        for other in made.parent.glob(f"{made.stem}.*"):
            if other != made:
                other.unlink()
        if not made.exists() or made.read_bytes() != file.read_bytes():
            shutil.copy(file, made)
    for name in map(_name, [*conf["passing_examples"], *conf["stale_examples"]]):
        if name not in drawn:
            getLogger(__name__).warning(
                "plot_%s.py has no figure %d for its thumbnail, see gallery.GROUPS",
                name,
                THUMBNAILS.get(name, Thumbnail()).figure,
            )


# -- Pages ----------------------------------------------------------------------------


def grouped(index):
    """Return the text of the gallery's index with a section for each group."""
    entries = {match[2]: match for match in _ENTRY.finditer(index)}
    if not entries:
        return index
    start, end = index.index(_BEFORE), index.index(_AFTER) + len(_AFTER)
    footer = index[end:]
    footer = footer[footer.index(".. only:: html") :]
    groups = {
        title: [name for name in group if name in entries]
        for title, group in GROUPS.items()
    }
    groups[_OTHERS] = [name for name in entries if name not in ORDER]
    parts = [index[:start]]
    for title, names in groups.items():
        if names:
            parts += [title, "\n", "-" * len(title), "\n\n", _BEFORE, "\n"]
            parts += [entries[name][0] + "\n\n" for name in names]
            parts += [_AFTER, f"\n.. toctree::\n   :hidden:\n   :caption: {title}\n\n"]
            parts += [f"   /{entries[name][1]}\n" for name in names]
            parts += ["\n"]
    return "".join([*parts, "\n", footer])


def _mend(app, docname, content):
    if docname == "auto_examples/index":
        moving = Path(app.srcdir).glob("auto_examples/thumbnails/*.gif")
        names = "|".join(file.stem for file in moving) or "none"
        thumb = rf"(thumb/sphx_glr_plot_(?:{names})_thumb)\.png"
        content[0] = grouped(re.sub(thumb, r"\1.gif", content[0]))
    elif docname.startswith("auto_examples/"):
        content[0] = _REMARKS.sub("", ICONS.sub("", content[0]))


def _header_is_rst(app, config):
    # examples/README.md, for readers of the repository, would come before
    # GALLERY_HEADER.rst where Markdown is among the suffixes.
    config.sphinx_gallery_conf["source_suffix"] = {".rst": "restructuredtext"}


def setup(app):
    """Start the gallery with its header, and remove what its pages would fetch."""
    app.connect("config-inited", _header_is_rst, priority=900)
    app.connect("builder-inited", _put_thumbnails, priority=900)
    app.connect("source-read", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
