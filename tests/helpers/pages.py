"""The blocks of code on the pages of the documentation."""

import contextlib
import io
import re
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
#: A block of code, and what it prints where that follows as ```text. One that needs
#: packages beside those of the tests is marked ```py.
_BLOCK = re.compile(
    r"^```(python|py)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)


def blocks_of(page):
    """Return kind, code and output of each block."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def run(page, blocks, monkeypatch):
    """Run blocks of a page in order, compare what they print, return their names."""
    script = ModuleType(f"page_{page.stem}")  # so that its classes can be pickled
    monkeypatch.setitem(sys.modules, script.__name__, script)
    for _, code, output in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), vars(script))
        if output:
            assert printed.getvalue() == output
    return script


def run_python_blocks(page, monkeypatch):
    """Run the blocks that need no further packages."""
    blocks = [block for block in blocks_of(page) if block[0] == "python"]
    return run(page, blocks, monkeypatch)
