"""Scrapy spiders, the download handler that captures their requests, and the commands.

The three packages of this project have plain names, so another installed distribution may shadow one of them; that
would fail later in confusing ways, hence the check here.

The names in `__all__` are for users of the library, and described in `docs/library.md`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.publishing.library import Library
    from crawler.sources import Source, SourceError, find_source, list_sources

__all__ = [
    "Library",
    "Source",
    "SourceError",
    "find_source",
    "list_sources",
]

# Each is imported when it is first asked for, because importing them all is slow (PEP 562).
_HOMES = {
    "Library": "crawler.publishing.library",
    "Source": "crawler.sources",
    "SourceError": "crawler.sources",
    "find_source": "crawler.sources",
    "list_sources": "crawler.sources",
}
_ROOT = Path(__file__).resolve().parent.parent


def _check_neighbours() -> None:
    for name in ("archives", "pipelines"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parent.parent if spec and spec.origin else None
        if found != _ROOT:
            raise ImportError(
                f"package {name!r} was found in {found or 'no place'}, not in {_ROOT}: "
                "another distribution shadows it; run from the project folder as 'python -m scrapy'"
            )


_check_neighbours()

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
