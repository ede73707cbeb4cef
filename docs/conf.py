"""The documentation site: settings for Sphinx. ``python docs/build.py`` builds it.

Neither a build nor a reader fetches anything: pictures are drawn, MathJax is part of
the site, and the addresses of other projects' pages come from ``docs/_inventories``.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS / "_ext")]

import inventories  # noqa: E402
import repository  # noqa: E402
import thumbnails  # noqa: E402

import skoptnet  # noqa: E402

project = "skoptnet"
author = "the skoptnet developers"
copyright = author
version = release = skoptnet.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # in docs/_ext
    "api_pages",
    "gallery",
    "method_pages",
    "plots",
    "source_pages",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "gen_modules", "**sg_execution_times.rst"]
# `name` in a docstring is a link to the documentation of that name, if there is any.
default_role = "py:obj"
templates_path = ["_templates"]

# -- Links to other sites --------------------------------------------------------------
intersphinx_mapping = {
    name: (address, f"_inventories/{name}.inv")
    for name, (address, _) in inventories.PROJECTS.items()
}
# :doi:`10.1038/323533a0` and :arxiv:`1412.6980`
extlinks = {
    "doi": ("https://doi.org/%s", "doi:%s"),
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
}

# -- Markdown ------------------------------------------------------------------------
myst_enable_extensions = ["attrs_block", "dollarmath"]
myst_heading_anchors = 4  # links as [...](page.md#a-heading), as GitHub has them

# -- Formulas: MathJax from the site itself, not from the internet ---------------------
# Only the package's files are used: its extension would copy 20 MB.
_FILES = importlib.util.find_spec("sphinx-mathjax-offline").origin
_MATHJAX = Path(_FILES).with_name("static") / "mathjax"
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"options": {"enableMenu": False}}

# -- Copy buttons: they copy no prompts; printed output has none -----------------------
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.sphx-glr-script-out) > div.highlight pre"

# -- API -------------------------------------------------------------------------------
autosummary_generate = False  # api_pages writes the pages
autodoc_typehints = "none"  # numpydoc's sections have the types
autodoc_member_order = "alphabetical"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# -- Examples --------------------------------------------------------------------------
EXAMPLES = Path(os.environ.get("SKOPTNET_EXAMPLES", DOCS.parent / "examples"))
sphinx_gallery_conf = {
    "examples_dirs": [str(EXAMPLES)],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",
    "backreferences_dir": "gen_modules/backreferences",
    "doc_module": ("skoptnet",),
    "matplotlib_animations": True,
    "image_srcset": ["2x"],
    "image_scrapers": ("gallery.scrape",),
    "thumbnail_size": thumbnails.SIZE,
    "reset_modules": ("matplotlib", "gallery.warnings_are_errors"),
    "reset_modules_order": "both",
    # An error would end the build before the theme's styles are copied; with -W, a
    # warning fails it all the same.
    "only_warn_on_example_error": True,
    "parallel": True,  # as many as -j says
    "show_memory": False,
    "within_subsection_order": "gallery.place",
    "min_reported_time": 1e9,  # readers do not need the running times
    "remove_config_comments": True,
}


# -- Figures of {plot} -----------------------------------------------------------------
plot_formats = [("png", 150)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"savefig.bbox": "tight"}

# -- Pages -----------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"skoptnet {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/mark.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {
        "text": "skoptnet",
        "image_light": "_static/mark.svg",
        "image_dark": "_static/mark.svg",
        "alt_text": "skoptnet: to the first page",
    },
    "header_links_before_dropdown": 6,
    "navbar_start": ["navbar-logo", "version"],
    "navbar_end": ["theme-switcher", "navbar-icon-links"],
    "icon_links": repository.icon_links(DOCS.parent / "pyproject.toml"),
    "navbar_persistent": ["search-button-field"],
    "primary_sidebar_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_nav_level": 1,
    "show_toc_level": 2,
    "navigation_depth": 3,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "start": [], "changelog": []}


def setup(app):
    """Copy the files of MathJax, the fonts included."""
    app.connect("build-finished", _copy_mathjax, priority=100)


def _copy_mathjax(app, error):
    if error is None and app.builder.format == "html":
        to = Path(app.outdir, "_static", "mathjax")
        for part in ("tex-chtml.js", "output/chtml/fonts/woff-v2"):
            (to / part).parent.mkdir(parents=True, exist_ok=True)
            if (_MATHJAX / part).is_dir():
                shutil.copytree(_MATHJAX / part, to / part, dirs_exist_ok=True)
            else:
                shutil.copy(_MATHJAX / part, to / part)
