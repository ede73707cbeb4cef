"""The fenced blocks on the pages of the documentation, and how they are run.

``python tests/helpers/pages.py`` lists them all.
"""

import contextlib
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
#: Folders in docs that are made when the site is built.
_MADE = ("_build", "api", "auto_examples", "gen_modules", "generated")
_FENCE = re.compile(r"^(`{3,})(.*)\n((?:.*\n)*?)\1[ \t]*$", re.MULTILINE)
_OPTION = re.compile(r"\A(?::[\w-]+:.*\n)*\n?")
_IMPORTED = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)
#: Of a progress bar: its length and the time, which differ from run to run.
_BAR, _TIME = re.compile("━+"), re.compile(r"\b\d+:\d\d:\d\d\b")
#: Columns of the terminal for bars: the rows on the pages fit.
_WIDTH = 100


@dataclass
class Block:
    """A fenced block of a page.

    Attributes
    ----------
    kind : str
        The word after the fence: "python" runs; so does "{plot}", whose figures the
        site shows; "py" needs packages that the tests do not bring; "text" is printed
        output; "" is a command. Any other word is a directive of the site.
    text : str
        What stands between the fences, without the options of a directive.
    line : int
        The line of the opening fence.
    output : str
        For code: the text block that follows at once, or nothing.
    """

    kind: str
    text: str
    line: int
    output: str = ""

    @property
    def runs(self) -> bool:
        """Whether the block is code that needs no further packages."""
        return self.kind in ("python", "{plot}")

    @property
    def needs(self) -> list[str]:
        """Names of the packages that the block imports itself."""
        return _IMPORTED.findall(self.text)


def pages():
    """Return all pages, those that every reader of the repository sees first."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for folder in (".github", "docs", "examples", "tests"):
        found += sorted((ROOT / folder).rglob("*.md"))
    made = [ROOT / "docs" / folder for folder in _MADE]
    return [page for page in found if not any(page.is_relative_to(one) for one in made)]


def blocks_of(page):
    """Return the blocks of a page, each with the output that is shown for it."""
    text, blocks, end = page.read_text(encoding="utf-8"), [], 0
    for fence in _FENCE.finditer(text):
        kind = fence[2].strip()
        body = _OPTION.sub("", fence[3]) if kind.startswith("{") else fence[3]
        between = text[end : fence.start()]
        if kind == "text" and blocks and not between.strip():
            blocks[-1].output = body
        blocks.append(Block(kind, body, text.count("\n", 0, fence.start()) + 1))
        end = fence.end()
    return blocks


def run(page, blocks, monkeypatch):
    """Run blocks of a page in order, compare what they print, return their names."""
    script = ModuleType(f"page_{page.stem}")  # so that its classes can be pickled
    monkeypatch.setitem(sys.modules, script.__name__, script)
    _widen(monkeypatch)
    for block in blocks:
        where, printed = f"{page.name}, line {block.line}", io.StringIO()
        code = "\n" * block.line + block.text  # so that a traceback has the page's line
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(page), "exec"), vars(script))
        assert comparable(printed.getvalue()) == comparable(block.output), where
    return script


def _widen(monkeypatch):
    """Make the terminal as wide as the rows on the pages need."""
    monkeypatch.setenv("COLUMNS", str(_WIDTH))
    # The console that all bars of rich share asks for COLUMNS once, when it is made.
    with contextlib.suppress(ImportError):
        from rich import get_console

        monkeypatch.setattr(get_console(), "width", _WIDTH)


def comparable(output):
    """Return an output with progress bars of one length, and without their times."""
    return _TIME.sub("0:00:00", _BAR.sub("━", output))


def run_python_blocks(page, monkeypatch):
    """Run the blocks that need no further packages."""
    return run(page, [block for block in blocks_of(page) if block.runs], monkeypatch)


def main():
    """List all blocks: page, line, kind, first line, and lines of output."""
    for page in pages():
        for block in blocks_of(page):
            first = (block.text.strip().splitlines() or [""])[0]
            shown = len(block.output.splitlines())
            where = f"{page.relative_to(ROOT)}:{block.line}"
            output = f"  [{shown} lines of output]" if shown else ""
            print(f"{where:44} {block.kind or 'command':10} {first[:60]}{output}")


if __name__ == "__main__":
    main()
