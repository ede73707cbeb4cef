"""Build the documentation site into docs/_build/html and check it.

Run with ``python docs/build.py``. Nothing is fetched. Warnings are errors; so are
broken links within the site, and files that a page would fetch from elsewhere.
``--no-examples`` does not run the gallery's scripts, for a quick look at the text.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from sphinx.cmd.build import build_main

DOCS = Path(__file__).resolve().parent
SITE = DOCS / "_build" / "html"
#: The folders that a build makes.
MADE = ("_build", "api", "auto_examples", "gen_modules", "generated")
sys.path.insert(0, str(DOCS / "_ext"))

from site_faults import faults  # noqa: E402


def main() -> int:
    """Build, check, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--no-examples", action="store_true", help="run no example")
    parser.add_argument("--fresh", action="store_true", help="keep nothing from before")
    parser.add_argument("-j", default="auto", help="number of processes, or auto")
    given = parser.parse_args()
    options = ["-W", "--keep-going", "-q", "-b", "html", "-j", given.j]
    options += ["-d", str(SITE.with_name("doctrees"))]
    options += ["-D", "plot_gallery=0"] if given.no_examples else []
    if given.fresh:
        for folder in MADE:
            shutil.rmtree(DOCS / folder, ignore_errors=True)
    begin = time.perf_counter()
    status = build_main([*options, str(DOCS), str(SITE)])
    found = faults(SITE)
    print("\n".join(found) or f"The links of {SITE} are in order.")
    print(f"{time.perf_counter() - begin:.0f} seconds")
    return status or bool(found)


if __name__ == "__main__":
    sys.exit(main())
