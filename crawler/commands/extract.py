"""`scrapy extract`: the post that a page would make, with the evidence for each field; it writes nothing."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.table import Table
from rich.text import Text
from scrapy.exceptions import UsageError

from archives.terminal import count_words
from archives.urls import parse_timestamp
from crawler.monitoring.tables import open_console
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress
from crawler.source_tools.pages import PageReader, PageUnreadable, RawPage
from crawler.source_tools.preview import Preview, build_preview
from crawler.sources import Source, SourceError, find_source
from pipelines.markup.markdown import build_markdown
from pipelines.page.limits import PageRefused

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

_SHOWN_LINES = 12
_FORMS: dict[str, Callable[[Preview], str]] = {
    "html": lambda preview: preview.body_html,
    "text": lambda preview: preview.body_text,
    "markdown": lambda preview: build_markdown(preview.body_html),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the user says of a page that the page need not say."""

    language: str = ""
    zone: ZoneInfo | None = None
    source: Source | None = None


class Command(NewsreelCommand):
    """Prints what a crawl would make of a page: a file, a URL, or a capture.

    Exit codes: 0 good, 1 a page could not be read, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("page.html --url https://paper.example/a.html", "https://paper.example/a.html --source finews --json")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "FILE | URL | COLLECTION/FILE@OFFSET [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Show the post that a page would make, with the evidence for each field"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--body", choices=_FORMS, help="print the body alone, in this form")
        parser.add_argument("--source", metavar="NAME_OR_PATH", help="use this source's rules")
        parser.add_argument("--collection", metavar="NAME", help="read the URL's capture from this collection")
        parser.add_argument("--at", metavar="TS", help="14-digit UTC timestamp: of the nearest capture, or of a file")
        parser.add_argument("--url", default="", help="the address of the page in a file")
        parser.add_argument("--lang", default="", metavar="TAG", help="language, such as zh or pt-BR")
        parser.add_argument("--tz", default="", metavar="ZONE", help="time zone, such as Asia/Shanghai")
        parser.add_argument("--batch", metavar="PAGES.jsonl", help="read many pages; print one JSON line for each")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Show one page, or answer a batch."""
        if len(args) != (0 if opts.batch else 1):
            raise UsageError("name one file, URL or capture, or --batch and nothing else")
        assert self.settings is not None
        try:
            known = _Known(
                language=opts.lang,
                zone=_find_zone(opts.tz),
                source=find_source(opts.source) if opts.source else None,
            )
            at = parse_timestamp(opts.at) if opts.at else None
        except (SourceError, ValueError) as error:
            raise UsageError(str(error), print_help=False) from error
        reader = PageReader(self.settings)
        if opts.batch:
            delay_s = self.settings.getfloat("DOWNLOAD_DELAY")
            self.exitcode = Batch(Path(opts.batch), reader, known, delay_s=delay_s).run()
            return
        try:
            page = reader.read(args[0], collection=opts.collection or "", at=at)
            page = replace(page, url=page.url or opts.url, captured_at=page.captured_at or at)
            preview = _preview(page, known)
        except (PageUnreadable, PageRefused) as error:
            print(error, file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            return
        if opts.body:
            print(_FORMS[opts.body](preview))  # noqa: T201
        else:
            _show(preview, page, as_json=opts.json)


def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; write one like Asia/Shanghai") from error


def _preview(page: RawPage, known: _Known) -> Preview:
    return build_preview(page.document, rules=known.source, language=known.language, zone=known.zone)


def _show(preview: Preview, page: RawPage, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**preview.to_dict(), "capture": page.place}, ensure_ascii=False))  # noqa: T201
        return
    table = Table("field", "value", "found in", box=None, pad_edge=False, header_style="dim")
    for name, value in _iter_rows(preview, page):
        witness = preview.statement.witnesses.get(_WITNESSES.get(name, name), "")
        table.add_row(name, value, Text(witness, style="dim"))
    console = open_console()
    console.print(table)
    lines = preview.body_text.split("\n") if preview.body_text else ["no text was found"]
    console.print()
    for line in lines[:_SHOWN_LINES]:
        console.print(line)
    if len(lines) > _SHOWN_LINES:
        console.print(f"… {count_words(len(lines) - _SHOWN_LINES, 'more line')}", style="dim")


_WITNESSES = {
    "published": "datePublished",
    "sections": "articleSection",
    "authors": "author",
    "text": "articleBody",
}


def _iter_rows(preview: Preview, page: RawPage) -> Iterator[tuple[str, str]]:
    shown = preview.post or preview.statement
    yield "headline", shown.headline
    yield "published", f"{preview.date_text} ({shown.datePublished_precision})" if preview.date_text else ""
    yield "sections", ", ".join(shown.articleSection)
    yield "keywords", ", ".join(shown.keywords)
    yield "authors", ", ".join(shown.author)
    yield "symbols", " ".join(shown.symbols)
    yield "language", shown.inLanguage
    yield "address", shown.url or preview.url
    if page.place:
        yield "capture", page.place
    yield "text", f"{len(preview.body_text)} characters"
    if preview.refused:
        yield "no post", preview.refused
    for note in preview.notes:
        yield "note", note


class Batch:
    """Many pages: one JSON object a line in, one answer a line out; one bad page does not affect the others.

    Args:
        path: the pages; an object's `path` is relative to its folder.
        known: what holds where an object does not say its own `lang` and `tz`.
        delay_s: pause between two pages that are requested over the network.
    """

    def __init__(self, path: Path, reader: PageReader, known: _Known, *, delay_s: float) -> None:
        self._path = path
        self._reader = reader
        self._known = known
        self._delay_s = delay_s
        self._has_asked = False

    def run(self) -> int:
        """Answer every line; return the exit code.

        Raises:
            UsageError: there is no such file.
        """
        try:
            lines = [line for line in self._path.read_text("utf-8").split("\n") if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self._path} cannot be read: {error}", print_help=False) from error
        failed = 0
        with show_progress("extract", len(lines)) as advance:
            for number, line in enumerate(lines, 1):
                name, answer, problem = self._answer(line, number)
                print(json.dumps({"name": name, "pred": answer}, ensure_ascii=False), flush=True)  # noqa: T201
                if problem:
                    failed += 1
                    print(f"{name or f'line {number}'}: {problem}", file=sys.stderr)  # noqa: T201
                advance("")
        return 1 if failed else 0

    def _answer(self, line: str, number: int) -> tuple[str, dict[str, Any], str]:
        """Return name, answer and problem of one line; the answer is empty if there is a problem."""
        name = ""
        try:
            entry = json.loads(line)
            if not isinstance(entry, dict):
                raise TypeError("not an object")
            name = str(entry.get("name") or "")
            return name, _build_answer(self._read(entry)), ""
        except (PageUnreadable, PageRefused, TypeError, ValueError) as error:
            return name, {}, f"{error} (line {number} of {self._path})"
        except Exception as error:  # noqa: BLE001 (whatever a page does to us, it is counted, and the next one is read)
            return name, {}, f"{type(error).__name__}: {error} (line {number} of {self._path}); please report this page"

    def _read(self, entry: dict[str, Any]) -> Preview:
        url, path = str(entry.get("url") or ""), str(entry.get("path") or "")
        fetched_at = _parse_instant(str(entry.get("fetched_at") or ""))
        known = _Known(
            language=str(entry.get("lang") or "") or self._known.language,
            zone=_find_zone(str(entry.get("tz") or "")) or self._known.zone,
            source=self._known.source,
        )
        if path:
            page = self._reader.read_file(self._path.parent / path, url=url, captured_at=fetched_at)
        elif url:
            page = self._ask(url)
        else:
            raise PageUnreadable("neither `path` nor `url`; say where the page is")
        return _preview(page, known)

    def _ask(self, url: str) -> RawPage:
        if self._has_asked:
            time.sleep(self._delay_s)
        self._has_asked = True
        return self._reader.read(url)


def _parse_instant(text: str) -> datetime | None:
    """Return an instant of ISO 8601, in UTC where it has no offset; None for ''."""
    if not text:
        return None
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _build_answer(preview: Preview) -> dict[str, Any]:
    stated = preview.statement
    return {
        "title": stated.headline,
        "date": preview.date_text if stated.datePublished else None,
        "tags": stated.keywords,
        "authors": stated.author,
        "body": preview.body_text,
    }
