"""Displays of the progress: a bar in a terminal or notebook, lines in a log file."""

from __future__ import annotations

import html
import multiprocessing
import shutil
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from ..training import Watcher
from .progress import GAP, Progress

#: Minimum and maximum width of a bar, in columns.
_LEAST_BAR, _WIDEST_BAR = 8, 30

#: Minimum number of seconds between updates in a notebook, and between lines of a log.
_NOTEBOOK_INTERVAL, _LOG_INTERVAL = 0.1, 60.0

#: The class of IPython's shell in a notebook, or its base class.
_NOTEBOOK = "ZMQInteractiveShell"

#: Held while this process shows a bar: a terminal has space for one.
_TERMINAL = threading.Lock()


class Display(Watcher):
    """Base class: shows a training between `started` and `close`."""

    def started(self) -> Display:
        """Start the display; return it, or another one if it is not possible."""
        return self

    def end(self, reason: str, metrics: dict[str, Any] | None = None) -> None:
        """Show how training has ended; the arguments are those of `Progress.end`."""

    def close(self) -> None:
        """Restore the output; called even if `started` has failed."""


class _OfProgress(Display):
    """Base class of displays of a `Progress`.

    Parameters
    ----------
    progress : Progress
        The state to show.
    """

    def __init__(self, progress: Progress):
        self.progress = progress

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        self.progress.update(metrics)

    def end(self, reason: str, metrics: dict[str, Any] | None = None) -> None:
        self.progress.end(reason, metrics)


class _Paced(_OfProgress, ABC):
    """A display that shows the progress now and then, and its end.

    Parameters
    ----------
    progress : Progress
        The progress to show.
    interval : float
        Seconds between two times, at least.
    """

    def __init__(self, progress: Progress, interval: float):
        super().__init__(progress)
        self.pace = _Pace(interval, progress.clock)

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        super().after_epoch(metrics)
        if self.pace.is_due():
            self.show()

    def end(self, reason: str, metrics: dict[str, Any] | None = None) -> None:
        super().end(reason, metrics)
        self.show()

    @abstractmethod
    def show(self) -> None:
        """Show the progress as it is."""


class Log(_Paced):
    """Prints a line when training ends, and one a minute until then.

    For output that is not a terminal, or that other fits use, too.
    """

    def __init__(self, progress: Progress):
        super().__init__(progress, _LOG_INTERVAL)

    def show(self) -> None:
        """Print a line."""
        columns = shutil.get_terminal_size().columns
        width = columns if is_terminal(sys.stdout) else 10**6
        print_line(self.progress.text(width))


class NotebookBar(_Paced):
    """Shows a bar below the cell of a notebook, without widgets.

    The bar is HTML's progress element, updated in place. Frontends without HTML, and
    notebooks converted to text, show a row of text.
    """

    def __init__(self, progress: Progress):
        super().__init__(progress, _NOTEBOOK_INTERVAL)
        self.handle: Any = None

    def started(self) -> Display:
        from IPython.display import display

        self.handle = display(self._mime(), raw=True, display_id=True)
        return self

    def show(self) -> None:
        """Update the bar."""
        if self.handle is not None:
            self.handle.update(self._mime(), raw=True)

    def _mime(self) -> dict[str, str]:
        return {"text/plain": self.progress.text(), "text/html": as_html(self.progress)}


class TerminalBar(_OfProgress):
    """Shows a bar in a terminal. A thread of rich draws it a few times a second.

    Parameters
    ----------
    progress : Progress
        The state to show.

    Raises
    ------
    ImportError
        If rich is not installed.
    """

    def __init__(self, progress: Progress):
        from rich.live import Live

        super().__init__(progress)
        self.live = Live(_Row(progress), refresh_per_second=5)
        self.has_terminal = False

    def started(self) -> Display:
        from rich.errors import LiveError

        self.has_terminal = _TERMINAL.acquire(blocking=False)
        if not self.has_terminal:
            return Log(self.progress)
        try:
            self.live.start(refresh=True)
        except LiveError:  # rich before 14.1, where another of its displays is in use
            self.close()
            return Log(self.progress)
        return self

    def close(self) -> None:
        try:
            self.live.stop()
        finally:
            if self.has_terminal:
                self.has_terminal = False
                _TERMINAL.release()


class _Row:
    """A row of a terminal: the count, the bar, and as many fields as fit."""

    def __init__(self, progress: Progress):
        self.progress = progress

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        """Yield the text for the width of the terminal."""
        from rich.cells import cell_len
        from rich.text import Text

        progress = self.progress
        ascii_only = options.legacy_windows or options.ascii_only
        # Ctrl-C prints ^C after the row, which must not break the row.
        width = options.max_width - len("^C")
        fields, left = progress.row(width, cell_len, _LEAST_BAR)
        bar_width = min(int(left), _WIDEST_BAR)
        row = Text(fields[0], no_wrap=True, overflow="crop")
        if bar_width >= _LEAST_BAR:
            full = int(progress.share * bar_width)
            style = "bar.complete" if progress.reason is None else "bar.finished"
            mark = "-" if ascii_only else "━"
            row.append(GAP)
            row.append(mark * full, "yellow" if progress.ended_badly else style)
            # Without colours, only blanks differ from the filled part.
            has_colors = console.color_system is not None and not console.no_color
            rest = mark if has_colors and not ascii_only else " "
            row.append(rest * (bar_width - full), "bar.back")
        for text in fields[1:]:
            row.append(GAP + text)
        yield row


def as_html(progress: Progress) -> str:
    """Return a row as HTML that breaks lines only between fields."""
    fields, _ = progress.row(10**6, len, bar_width=0)
    spans = [
        f'<span style="white-space: pre">{html.escape(text)}</span>' for text in fields
    ]
    bar = (
        f'<progress value="{progress.share:.4f}" max="1" aria-label="Training"'
        ' style="width: 15em"></progress>'
    )
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 0 1em; align-items: center;'
        f' font-family: monospace">{spans[0]}{bar}{"".join(spans[1:])}</div>'
    )


def display_for(progress: Progress) -> Display:
    """Return the display that suits the output.

    Raises
    ------
    ImportError
        If it is a bar in a terminal, and rich is not installed.
    """
    if shell_is(_NOTEBOOK):
        return NotebookBar(progress)
    # The workers of a search share its terminal.
    if multiprocessing.parent_process() or not is_terminal(sys.stdout):
        return Log(progress)
    from rich import get_console

    console = get_console()
    if console.is_dumb_terminal or not console.is_terminal:
        return Log(progress)
    return TerminalBar(progress) if is_terminal(console.file) else Log(progress)


def print_line(text: str) -> None:
    """Print a line at once, and in one piece: those of several fits must not mix.

    A bar in another thread may replace ``sys.stdout`` at any moment. Unlike `print`
    before Python 3.14, this function then still has the stream that it writes to.
    """
    stream = sys.stdout
    if stream is not None:
        stream.write(f"{text}\n")
        stream.flush()


def is_terminal(stream: Any) -> bool:
    """Tell whether a stream goes to a terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def shell_is(kind: str) -> bool:
    """Tell whether the code runs in an IPython shell of a kind, by its class's name."""
    # Absent, or only half imported, where this is no cell.
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell else None
    return any(base.__name__ == kind for base in type(shell).__mro__)


class _Pace:
    """Tells whether an interval has passed since it last did.

    Parameters
    ----------
    seconds : float
        The interval.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]):
        self.seconds, self.clock = seconds, clock
        self.last = clock()

    def is_due(self) -> bool:
        now = self.clock()
        if now - self.last < self.seconds:
            return False
        self.last = now
        return True
