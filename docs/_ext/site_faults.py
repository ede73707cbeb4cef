"""Broken links of a built site, and files that its pages would fetch from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes whose address the browser fetches by itself.
_FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
    ("iframe", "src"),
    ("link", "href"),
}
_IN_STYLES = re.compile(r"@import\s+[\"']([^\"']+)|url\(\s*[\"']?([^\"')]+)")


class _Page(HTMLParser):
    """The anchors and links of a page, and the files that it fetches."""

    def __init__(self):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if not value:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif (tag, name) in _FETCHED:
                parts = value.split(",") if name == "srcset" else [value]
                self.fetched |= {part.split()[0] for part in parts if part.strip()}
            elif tag == "a" and name == "href":
                self.links.add(value)


def faults(site: Path) -> list[str]:
    """Return links to missing pages, files and anchors, and fetched outside files.

    Links to other sites are not checked; files that a page fetches by itself must be in
    the site.
    """
    site, pages = site.resolve(), {}
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.relative_to(site).parts:
            continue  # templates of the theme
        page = pages[path] = _Page()
        page.feed(path.read_text(encoding="utf-8"))
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in sorted(page.links | page.fetched):
            parts = urlsplit(link)
            if parts.scheme == "data" or parts.scheme == "mailto":
                continue
            if parts.scheme or parts.netloc:
                if link in page.fetched:
                    found.append(f"{name}: fetches from elsewhere: {link}")
                continue
            target = (path.parent / unquote(parts.path)) if parts.path else path
            target, anchor = target.resolve(), unquote(parts.fragment)
            if not target.is_file():
                found.append(f"{name}: no such file: {link}")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{name}: no such anchor: {link}")
    for path in sorted(site.rglob("*.css")):
        name = path.relative_to(site)
        for groups in _IN_STYLES.findall(path.read_text(encoding="utf-8")):
            address = next(filter(None, groups))
            if re.match(r"(https?:)?//", address):
                found.append(f"{name}: fetches from elsewhere: {address}")
    return found
