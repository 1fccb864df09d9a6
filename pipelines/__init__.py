"""From archived bytes to posts: statements, normalisers for each field, and the files made from them.

Everything here is pure except where a module says that it touches the disk. Only the stages and the exporters know
Scrapy; nothing here knows the archive or the crawler, so a post can be rebuilt from text alone.

The names in `__all__` are for users of the library, and described in `docs/library.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.exports.files import ExportError, replace_file, replace_folder
    from pipelines.exports.formats import Exporter, ExportOptions
    from pipelines.exports.loading import load_record
    from pipelines.exports.records import COLUMNS, PostRecord, build_object, build_row, dump_record
    from pipelines.page.document import CaptureRef, Document
    from pipelines.page.page import Page
    from pipelines.posts.items import Evidence, Post, Statement
    from pipelines.posts.options import Normaliser, PostOptions
    from pipelines.posts.settle import PostRefused, settle
    from pipelines.reading.read import Reading, read
    from pipelines.rules.links import Link
    from pipelines.rules.model import Reader, Rules

__all__ = [
    "COLUMNS",
    "CaptureRef",
    "Document",
    "Evidence",
    "ExportError",
    "ExportOptions",
    "Exporter",
    "Link",
    "Normaliser",
    "Page",
    "Post",
    "PostOptions",
    "PostRecord",
    "PostRefused",
    "Reader",
    "Reading",
    "Rules",
    "Statement",
    "build_object",
    "build_row",
    "dump_record",
    "load_record",
    "read",
    "replace_file",
    "replace_folder",
    "settle",
]

# Each is imported when it is first asked for, because importing them all is slow (PEP 562).
_HOMES = {
    "COLUMNS": "pipelines.exports.records",
    "CaptureRef": "pipelines.page.document",
    "Document": "pipelines.page.document",
    "Evidence": "pipelines.posts.items",
    "ExportError": "pipelines.exports.files",
    "ExportOptions": "pipelines.exports.formats",
    "Exporter": "pipelines.exports.formats",
    "Link": "pipelines.rules.links",
    "Normaliser": "pipelines.posts.options",
    "Page": "pipelines.page.page",
    "Post": "pipelines.posts.items",
    "PostOptions": "pipelines.posts.options",
    "PostRecord": "pipelines.exports.records",
    "PostRefused": "pipelines.posts.settle",
    "Reader": "pipelines.rules.model",
    "Reading": "pipelines.reading.read",
    "Rules": "pipelines.rules.model",
    "Statement": "pipelines.posts.items",
    "build_object": "pipelines.exports.records",
    "build_row": "pipelines.exports.records",
    "dump_record": "pipelines.exports.records",
    "load_record": "pipelines.exports.loading",
    "read": "pipelines.reading.read",
    "replace_file": "pipelines.exports.files",
    "replace_folder": "pipelines.exports.files",
    "settle": "pipelines.posts.settle",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
