"""Matplotlib animations saved as GIF, MP4 or HTML."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

# The player takes its button symbols from a font on a server; these characters are in
# the fonts of every computer.
_SYMBOLS = {
    "minus": "\u2212",
    "plus": "+",
    "fast-backward": "\u23ee",
    "step-backward": "\u25c2\u2759",
    "play.fa-flip-horizontal": "\u25c2",
    "pause": "\u275a\u275a",
    "play": "\u25b8",
    "step-forward": "\u2759\u25b8",
    "fast-forward": "\u23ed",
}
_FONT = re.compile(r"<link[^>]*font-awesome[^>]*>")
# The statement that makes the player, but does not start it.
_MADE = re.compile(r"(anim\w+) = new Animation\([^)]*\);")
_WAYS = '".gif" (Pillow), ".mp4" (ffmpeg) or ".html" (a page with a player)'


def check_path(path: Any, purpose: str) -> Path:
    """Return the path of a file, or raise an error if its format cannot be saved."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".mp4", ".html"):
        raise ValueError(
            f"The 'path' parameter of {purpose} must end in {_WAYS}. Got"
            f" {str(path)!r} instead."
        )
    if suffix == ".mp4":
        from matplotlib.animation import writers

        if not writers.is_available("ffmpeg"):
            raise RuntimeError(
                f"{purpose} needs the program ffmpeg to write {str(path)!r}, and did"
                " not find it. Install ffmpeg, or save as '.gif' or '.html'."
            )
    return path


def save(animation: Any, path: Path, fps: Any, dpi: float, title: str) -> None:
    """Write an animation to a file, in the format of its suffix."""
    from matplotlib.animation import writers

    match path.suffix.lower():
        case ".gif":
            animation.save(path, writer=writers["pillow"](fps=fps), dpi=dpi)
        case ".mp4":
            animation.save(path, writer=writers["ffmpeg"](fps=fps), dpi=dpi)
        case ".html":
            html = page(self_playing(animation.player()), title)
            path.write_text(html, encoding="utf-8")


def self_playing(player: str) -> str:
    """Change matplotlib's HTML player to start by itself and to fetch nothing."""
    rules = "\n".join(
        f'.anim-buttons .fa-{name}::before {{content: "{symbol}"}}'
        for name, symbol in sorted(_SYMBOLS.items(), key=lambda item: len(item[0]))
    )
    style = f"<style>\n.anim-buttons i {{font-style: normal}}\n{rules}\n</style>"
    return _MADE.sub(r"\g<0> \1.play_animation();", _FONT.sub(style, player))


def page(body: str, title: str) -> str:
    """Return an HTML page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head>\n<body>\n{body}\n</body>\n</html>\n"
    )
