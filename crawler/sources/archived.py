"""Finds the definition of a collection's source: the project's, or the one archived by its crawls."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final

from archives.index.catalogue import CollectionIndex
from archives.warc.reader import read_capture
from crawler.sources import Source, SourceError, find_source, load_source
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archives.storage.collection import Collection

# Before the name of a source, the address under which its definition is archived.
SOURCE_URI: Final = "urn:x-newsreel:source:"


def find_definitions(collection: Collection) -> Callable[[str], Source | None]:
    """Return what gives a source by its name, and looks for each only once."""
    return cache(partial(find_definition, collection))


def find_definition(collection: Collection, name: str) -> Source | None:
    """Return a source by its definition in the project or in the archive; None if neither has one."""
    try:
        return find_source(name)
    except SourceError as error:
        if error.key:
            raise
    with CollectionIndex(collection) as index:
        entries = list(index.iter_captures(SOURCE_URI + name))
    if not entries:
        return None
    return load_source(read_capture(collection, entries[-1]).block.decode(), path=entries[-1].url)


def build_options(collection: Collection, sources: Iterable[Source]) -> Callable[[str], PostOptions]:
    """Return what gives a source's options by its name.

    Args:
        sources: by which posts are made; a collection may hold posts of others, too.
    """
    own = {source.name: source.post for source in sources}
    find = find_definitions(collection)

    def options_for(name: str) -> PostOptions:
        if name not in own:
            definition = find(name)
            own[name] = definition.post if definition else PostOptions()
        return own[name]

    return options_for
