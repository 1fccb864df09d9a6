"""The documents as a site: MkDocs builds every page, strictly, and every link on the site leads somewhere."""

from __future__ import annotations

import os
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.project import ROOT


class _Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [value for name in ("href", "src") if (value := found.get(name))]
        self.anchors |= {value for value in (found.get("id"), found.get("name")) if value}


def find_mkdocs() -> Path:
    folder = os.environ.get("NEWSREEL_MKDOCS")
    program = Path(folder, "mkdocs") if folder else None
    if program is None or not program.is_file():
        pytest.skip("MkDocs is not here: NEWSREEL_MKDOCS names the folder of its program")
    return program


def test_every_page_is_built_and_no_link_is_broken(tmp_path: Path) -> None:
    build = [find_mkdocs(), "build", "--strict", "--quiet", "-d", tmp_path / "site"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    site = tmp_path / "site"
    pages = {path: _Page(path.read_text("utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    documents = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert documents | {Path("index.html"), Path("CHANGELOG.html")} <= {path.relative_to(site) for path in pages}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchors = pages[target].anchors if target in pages else {parts.fragment}
            if not target.exists() or unquote(parts.fragment) not in anchors:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []
