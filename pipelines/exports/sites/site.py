"""Shared parts of static sites: paths of pages, lists of posts, and text safe from templates.

A generator is slow where it loops over every post for every page and dangerous where a template language meets somebody
else's words. So the lists are written here, once, as plain HTML, and all that a generator still has to do is to put a
frame around each page. Whatever comes from outside is escaped for HTML, and every brace as well, which neither Liquid
nor Hugo's shortcodes can then find.
"""

from __future__ import annotations

import hashlib
import html
import re
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pipelines.dates.model import Precision
from pipelines.exports.xml import dump_xml_text
from pipelines.names.slugs import build_file_stem, fold_name, is_device
from pipelines.posts.front_matter import dump_date, dump_title

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord

LATEST = 5
FEED_POSTS = 50
_HOME_TAGS = 200
_UNFILED = "posts"
# Files at the root of a site; a folder of this name cannot be made there.
_OWN_FILES = ("index.html", "feed.xml", "sitemap.xml", "style.css")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029/\\?#%:*"<>|{}]+')
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ORIGIN = re.compile(r"https?://[^/?#\\]*")
_URL_PUNCTUATION = "!$&'*+,;=:@/?%~()"
_MAX_NAME_BYTES = 120
_SCHEMA = """
CREATE TABLE page (folded TEXT PRIMARY KEY, path TEXT, title TEXT, shown TEXT, published TEXT, changed TEXT);
CREATE TABLE filed (kind TEXT, name TEXT, slug TEXT, path TEXT);
"""
_INDEX = "CREATE INDEX filed_name ON filed (kind, name)"
# The style sheet of the sites.
STYLE = """:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 42rem; padding: 1rem; font: 1.05rem/1.7 serif; overflow-wrap: anywhere; }
header, footer, small, nav { font-family: sans-serif; font-size: .85rem; }
nav a { display: inline-block; margin: 0 .8rem .4rem 0; }
img, table, video { max-width: 100%; }
ul.tags { list-style: none; padding: 0; } ul.tags li { display: inline-block; margin-right: .8rem; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """What a site says of itself.

    Attributes:
        title: shown on every page.
        url: address of the published site, without a trailing slash.
    """

    title: str = "News"
    url: str = "http://localhost:4000"

    @property
    def base(self) -> str:
        """The path in front of the path of every page, or ''."""
        return urlsplit(self.url).path

    @property
    def origin(self) -> str:
        """The address without that path."""
        return self.url.removesuffix(self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page in a list.

    Attributes:
        path: below the site's root, with a leading slash.
        shown: the date as the publisher states it.
    """

    path: str
    title: str
    shown: str


class Contents:
    """The table of contents of a site: which pages there are, and what they are filed under.

    It is kept in a file, so that memory does not grow with the site.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._names = PathNames()

    def add(self, record: PostRecord) -> str:
        """Enter a post; return the path of its page, which no other page has."""
        path = build_page_path(record)
        taken = self._database.execute("SELECT 1 FROM page WHERE folded = ?", (fold_name(path),)).fetchone()
        if taken:
            path = f"{path.removesuffix('.html')}-{digest_name(record.unique_id)}.html"
        published = record.published_at or datetime.min.replace(tzinfo=UTC)
        changed = max(published, record.dateModified or published).astimezone(UTC)
        row = (fold_name(path), path, record.headline, show_date(record), published.isoformat(), changed.isoformat())
        self._database.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?)", row)
        filed = [("category", *pair) for pair in self.list_sections(record)]
        filed += [("tag", name, "") for name in record.keywords]
        self._database.executemany("INSERT INTO filed VALUES (?, ?, ?, ?)", [(*entry, path) for entry in filed])
        return path

    def list_sections(self, record: PostRecord) -> list[tuple[str, str]]:
        """Return the name of each section of a post with the path of its page."""
        pairs = zip(record.articleSection, record.categories, strict=True)
        return [(name, self._names.claim(f"/category/{build_name(slug)}") + ".html") for name, slug in pairs]

    def iter_categories(self) -> Iterator[tuple[str, str]]:
        """Yield the path and the name of each category's page."""
        yield from self._database.execute(
            "SELECT slug, min(name) FROM filed WHERE kind = 'category' GROUP BY slug ORDER BY slug"
        )

    def iter_category(self, path: str) -> Iterator[Link]:
        """Yield the posts of a category, the newest first."""
        yield from self._select("filed.kind = 'category' AND slug = ?", path)

    def list_tags(self) -> list[str]:
        """Return the tags that most posts carry."""
        rows = self._database.execute(
            "SELECT name FROM filed WHERE kind = 'tag' GROUP BY name ORDER BY count(*) DESC, name LIMIT ?",
            (_HOME_TAGS,),
        )
        return [name for (name,) in rows]

    def list_latest(self, tag: str) -> list[Link]:
        """Return the newest posts with a tag."""
        return list(self._select("filed.kind = 'tag' AND name = ?", tag, limit=LATEST))

    def iter_pages(self) -> Iterator[tuple[str, str]]:
        """Yield path and instant of change of every page, for the sitemap."""
        yield from self._database.execute("SELECT path, changed FROM page ORDER BY path")

    def _select(self, where: str, value: str, *, limit: int = -1) -> Iterator[Link]:
        rows = self._database.execute(
            "SELECT DISTINCT page.path, title, shown FROM filed JOIN page ON page.path = filed.path"  # noqa: S608
            f" WHERE {where} ORDER BY published DESC, page.path LIMIT ?",  # where is one of ours
            (value, limit),
        )
        yield from (Link(path=path, title=title, shown=shown) for path, title, shown in rows)


@contextmanager
def open_contents(folder: Path) -> Iterator[Contents]:
    """Give an empty table of contents, kept in a file below the folder while the block runs."""
    path = folder / ".contents.sqlite"
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_SCHEMA + _INDEX + "; CREATE INDEX page_path ON page (path);")
        yield Contents(database)
    finally:
        database.close()
        path.unlink(missing_ok=True)


def build_page_path(record: PostRecord) -> str:
    """Return where a post's page lies: `/<category>/<year>/<month>/<day>/<id>.html`, as the first source's lay."""
    category = build_name(record.categories[0]) if record.categories else _UNFILED
    if category.casefold() in _OWN_FILES:
        category = category.replace(".", "-")
    day = record.datePublished or datetime.min.replace(tzinfo=UTC)
    stem = record.file.removesuffix(".md")[11:] or build_file_stem(record.identifier)
    return f"/{category}/{day:%Y/%m/%d}/{stem}.html"


def build_name(slug: str) -> str:
    """Return the slug as a part of a path: it names no other folder, no template's field, and no device of Windows."""
    name = _UNSAFE.sub("-", slug).strip(" .-") or _UNFILED
    if is_device(name):  # whatever stands behind its first full stop
        name = name.replace(".", "-")
    elif len(name.encode()) <= _MAX_NAME_BYTES:
        return name
    return name.encode()[: _MAX_NAME_BYTES - 9].decode("utf-8", "ignore").rstrip(" .") + "-" + digest_name(slug)


def digest_name(name: str) -> str:
    """Return eight hexadecimal digits that keep apart what would have the same name on some file system."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


class PathNames:
    """The paths of many things, no two of which are one on a file system that ignores case.

    The first to come keeps its own name; whatever comes later and differs in case or composition alone gets the digits
    of `digest_name` as well. Things come by day, so what a name once stands for it stands for the next time, too.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def claim(self, path: str) -> str:
        """Return where a thing lies that would be at a path, given without its extension."""
        owner = self._owners.setdefault(fold_name(path), path)
        return path if owner == path else f"{path}-{digest_name(path)}"


def show_date(record: PostRecord) -> str:
    """Return the date as a reader sees it, in the source's zone and as exactly as it was stated."""
    if record.datePublished is None:
        return ""
    zone = record.datePublished.tzinfo
    text = dump_date(record.datePublished, record.datePublished_precision or Precision.SECOND)
    name = getattr(zone, "key", "")
    return f"{text} ({name})" if name and " " in text else text


def escape(text: str) -> str:
    """Return the text as HTML that holds no markup and nothing for a template language."""
    return html.escape(dump_xml_text(text)).replace("{", "&#123;").replace("}", "&#125;")


def dump_list(names: list[str]) -> str:
    """Return a flow list of quoted scalars, also of one."""
    return "[" + ", ".join(map(dump_title, names)) + "]"


def dump_post_fields(record: PostRecord, sections: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the front matter that every generator gets of a post.

    Args:
        sections: as `Contents.list_sections` gives them.
    """
    assert record.datePublished is not None
    return [
        ("title", dump_title(record.headline)),
        ("date", dump_date(record.datePublished, Precision.SECOND)),
        ("shown", dump_title(show_date(record))),
        ("categories", dump_list([slug for slug in record.categories if slug])),
        ("tags", dump_list(list(record.keywords))),
        ("sections", dump_list([name for name, _ in sections])),
        ("section_paths", dump_list([quote(path) for _, path in sections])),
        ("original", dump_title(find_link(record))),
        ("language", dump_title(record.inLanguage)),
        ("identifier", dump_title(record.id)),
    ]


def find_link(record: PostRecord) -> str:
    """Return the address of the original for readers, or ''; never a script."""
    for url in (record.url, record.shareLink):
        origin = _ORIGIN.match(url)
        if origin and _is_sound(url):
            host, rest = origin[0], _STRAY_PERCENT.sub("%25", url[origin.end() :])
            parts = [quote(part, safe=_URL_PUNCTUATION) for part in rest.split("#", 1)]  # a fragment has no "#" in it
            return quote(host, safe=_URL_PUNCTUATION + "[]") + "#".join(parts)
    return ""


def _is_sound(url: str) -> bool:
    """Return whether an address has a host; brackets may enclose an IPv6 address only."""
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def build_list(links: Iterator[Link] | list[Link], base: str) -> Iterator[str]:
    """Yield the lines of a list of posts."""
    yield "<ul>"
    for link in links:
        anchor = f'<a href="{escape(base + quote(link.path))}">{escape(link.title)}</a>'
        yield f"<li>{anchor} <small>{escape(link.shown)}</small></li>"
    yield "</ul>"


def build_home(contents: Contents, base: str) -> Iterator[str]:
    """Yield the lines of the home page: each tag with its newest posts, then every category."""
    for tag in contents.list_tags():
        yield f"<h2>{escape(tag)}</h2>"
        yield from build_list(contents.list_latest(tag), base)
    yield "<nav>"
    for path, name in contents.iter_categories():
        yield f'<a href="{base}{quote(path)}">{escape(name)}</a>'
    yield "</nav>"


def build_sitemap(contents: Contents, site: SiteOptions) -> Iterator[str]:
    """Yield the lines of a sitemap.

    Spec: sitemaps.org 0.9.
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    for path, changed in contents.iter_pages():
        yield f"<url><loc>{html.escape(site.url + quote(path))}</loc><lastmod>{changed}</lastmod></url>"
    yield "</urlset>"
