"""A folder of feeds: Atom, RSS and JSON Feed of everything, and of each collection, source, category and tag.

Feeds are plain files, so any server gives them with validators for conditional requests, and a reader that follows one
tag asks for that tag alone. `opml.xml` lists them for a reader to take in at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipelines.exports.feeds.atom import build_atom
from pipelines.exports.feeds.entries import FeedInfo, build_entry, open_spool
from pipelines.exports.feeds.json_feed import build_json_feed
from pipelines.exports.feeds.rss import build_rss
from pipelines.exports.files import replace_folder
from pipelines.exports.records import iter_sound
from pipelines.exports.sites.site import FEED_POSTS, PathNames, build_name, digest_name
from pipelines.exports.xml import build_element
from pipelines.names.slugs import is_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_ALL = "all"
_WRITERS = {"atom": build_atom, "rss": build_rss, "json": build_json_feed}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What the feeds of a folder have in common.

    Attributes:
        title: of the feed of everything, and in front of the others' names.
        url: address at which the folder will stand, without a stroke at the end.
        hub: WebSub hub that is told of changes, or ''.
        limit: posts in a feed.
    """

    title: str = "News"
    url: str = "http://localhost:8080/feeds"
    hub: str = ""
    limit: int = FEED_POSTS


def export_feeds(records: Iterable[PostRecord], target: Path, options: FeedOptions) -> int:
    """Write the feeds of the records; return how many posts were looked at.

    Raises:
        pipelines.exports.files.ExportError: something else lies at the target.
    """
    count = 0
    names: dict[str, str] = {_ALL: options.title}
    paths = PathNames()
    with replace_folder(target, "feeds") as folder, open_spool(folder, options.limit) as spool:
        for record in iter_sound(records):
            feeds = {paths.claim(path): name for path, name in list_feeds(record)}
            names |= {path: f"{options.title}: {name}" for path, name in feeds.items()}
            spool.add(record, [_ALL, *feeds])
            count += 1
        if not count:
            _write_feed(folder, _ALL, [], options, names)
        for path, members in spool.iter_feeds():
            _write_feed(folder, path, members, options, names)
        (folder / "opml.xml").write_text("".join(build_opml(names, options)), "utf-8")
    return count


def list_feeds(record: PostRecord) -> list[tuple[str, str]]:
    """Return path and name of each feed that a post belongs to, but for that of everything."""
    feeds = [("collection", record.collection), ("source", record.source)]
    feeds += [("category", slug) for slug in record.categories] + [("tag", name) for name in record.keywords]
    shown = [record.collection, record.source, *record.articleSection, *record.keywords]
    return [(f"{kind}/{_build_stem(name)}", title) for (kind, name), title in zip(feeds, shown, strict=True)]


def _build_stem(name: str) -> str:
    stem = build_name(name)
    return stem if stem == name or is_device(name) else f"{stem}-{digest_name(name)}"


def _write_feed(
    folder: Path, path: str, members: list[PostRecord], options: FeedOptions, names: dict[str, str]
) -> None:
    entries = list(map(build_entry, members))
    for suffix, build in _WRITERS.items():
        url = f"{options.url}/{quote(path)}.{suffix}"
        info = FeedInfo(title=names[path], url=url, home=f"{options.url}/", hub=options.hub)
        target = folder / f"{path}.{suffix}"
        target.parent.mkdir(exist_ok=True)
        with target.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(build(entries, info))


def build_opml(names: dict[str, str], options: FeedOptions) -> Iterator[str]:
    """Yield the lines of a list of the feeds.

    Spec: OPML 2.0, subscription lists.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<opml version="2.0">\n'
    yield f"<head>{build_element('title', options.title)}</head>\n<body>\n"
    for path, name in sorted(names.items()):
        url = f"{options.url}/{quote(path)}.atom"
        yield build_element("outline", "", text=name, title=name, type="rss", xmlUrl=url) + "\n"
    yield "</body>\n</opml>\n"
