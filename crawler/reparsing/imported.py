"""Definitions for the hosts of an imported archive, stored in the collection.

They are what `verify --posts` and a reparse read the posts by, so they need nothing but the archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.wacz.pages import is_page
from crawler.reparsing.contents import CollectionContents
from crawler.sources import SourceError
from crawler.sources.archived import SOURCE_URI
from crawler.sources.undescribed import build_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archives.storage.collection import Collection
    from crawler.sources import Source

_PREFIX: Final = "import"


def describe_hosts(collection: Collection, filenames: Iterable[str]) -> list[Source]:
    """Archive a definition for each host with pages in some files that no definition of the collection admits.

    Returns:
        The new definitions, by name.
    """
    known = list(_iter_known(CollectionContents(collection)))
    made: list[Source] = []
    for url in _iter_hosts(collection, filenames):
        if not any(source.admits(url) for source in (*known, *made)):
            try:
                made.append(build_definition(url))
            except SourceError:  # an address that no rules can be made of has no pages that they could read
                continue
    if made:
        info = {"software": "Newsreel", "isPartOf": collection.name}
        with WarcWriter(collection, prefix=_PREFIX, info=info) as writer:
            for source in made:
                writer.write_resource(SOURCE_URI + source.name, "application/toml", source.definition.encode())
    return made


def describe_source(collection: Collection, source: Source) -> None:
    """Archive the definition of a source, unless the collection has one of that name."""
    if source.name not in CollectionContents(collection).list_source_names():
        info = {"software": "Newsreel", "isPartOf": collection.name}
        with WarcWriter(collection, prefix=_PREFIX, info=info) as writer:
            writer.write_resource(SOURCE_URI + source.name, "application/toml", source.definition.encode())


def _iter_known(contents: CollectionContents) -> Iterator[Source]:
    for name in contents.list_source_names():
        try:
            yield contents.find_source(name)
        except SourceError:
            continue


def _iter_hosts(collection: Collection, filenames: Iterable[str]) -> list[str]:
    """The front pages of hosts that have pages, those of shorter names first, since they cover their subdomains."""
    with CollectionIndex(collection) as index:
        entries = (entry for entry in index.iter_files(filenames) if is_page(entry))
        fronts = {_find_front(entry.url) for entry in entries} - {""}
    return sorted(fronts, key=lambda front: (front.count("."), front.partition("://")[2].removeprefix("www."), front))


def _find_front(url: str) -> str:
    """The address of a host's front page; empty where an address has no usable host."""
    try:
        scheme, host = urlsplit(url)[:2]
    except ValueError:  # an archive of others may hold any address
        return ""
    return f"{scheme}://{host}/" if host and "@" not in host else ""
