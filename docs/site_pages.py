"""A MkDocs hook: pages of the checkout's root join the site, and links to files that it does not hold become text.

Anchors are those that forges make of headings, so that one link works in both.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
# Pages of the root, by their name on the site.
PAGES = {"README.md": "index.md"} | {name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")}
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def build_anchor(heading: str, separator: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def on_config(config: Any) -> Any:
    """Choose how anchors are made."""
    config.mdx_configs["toc"]["slugify"] = build_anchor
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages of the root."""
    for name, site_name in PAGES.items():
        text = move_links((ROOT / name).read_text("utf-8"), name, site_name)
        files.append(File.generated(config, site_name, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Put the links of a page right."""
    if page.file.src_uri in PAGES.values():
        return markdown
    return move_links(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)


def move_links(text: str, name: str, site_name: str) -> str:
    """Return a page with links as the site has them.

    Args:
        name: of the page in the checkout.
        site_name: and on the site.
    """
    folder = str(PurePosixPath(name).parent)

    def move(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if re.match(r"[a-z]+:", target):
            return found[0]
        place = normpath(f"{folder}/{target}")
        if not (ROOT / place).exists():
            raise ValueError(f"{name}: nothing is at {target}")
        inside = PAGES.get(place) or (place.removeprefix("docs/") if place.startswith("docs/") else "")
        if not inside:
            return words
        return f"[{words}]({relpath(inside, str(PurePosixPath(site_name).parent))}{anchor})"

    return "".join(part if number % 2 else _LINK.sub(move, part) for number, part in enumerate(_FENCE.split(text)))
