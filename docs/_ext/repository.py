"""The address of the repository, from pyproject.toml."""

import tomllib
from pathlib import Path

#: Keys of ``[project.urls]`` for the repository (PyPI's well-known labels).
_LABELS = ("repository", "source", "sourcecode", "github")


def address(pyproject: Path) -> str | None:
    """Return the address, None if ``[project.urls]`` has none."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    urls = {
        "".join(filter(str.isalnum, label.lower())): url
        for label, url in project.get("urls", {}).items()
    }
    return next((urls[label] for label in _LABELS if label in urls), None)


def icon_links(pyproject: Path) -> list[dict[str, str]]:
    """Return the theme's ``icon_links``: the repository, if it has an address."""
    url = address(pyproject)
    if url is None:
        return []
    icon = "fa-brands fa-github" if "github.com" in url else "fa-solid fa-code-branch"
    return [{"name": "Repository", "url": url, "icon": icon}]
