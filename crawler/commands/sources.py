"""`scrapy sources`: list sources; draft, check and test definitions."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from rich.table import Table
from rich.text import Text
from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.storage.collection import Collection
from archives.storage.files import create_file
from archives.terminal import count_words
from archives.urls import parse_timestamp
from crawler.environment import name_program
from crawler.monitoring.tables import open_console
from crawler.projects.command import NewsreelCommand, refuse_word
from crawler.projects.folder import SOURCES, find_folder
from crawler.reparsing.comparison import iter_report_lines
from crawler.reparsing.contents import CollectionContents
from crawler.source_tools.cases import (
    EXPECTED_NAME,
    CaseError,
    check_case,
    find_capture,
    list_cases,
    record_case,
)
from crawler.source_tools.draft import Draft, NoDraft, draft_source
from crawler.source_tools.dryrun import Report, dump_report, run_dry
from crawler.source_tools.findings import list_warnings
from crawler.source_tools.pages import CAPTURE_PLACE, PageReader, PageUnreadable, RawPage
from crawler.source_tools.recorder import record_page
from crawler.source_tools.rendered.draft import draft_rendered
from crawler.source_tools.surveys import probe_publisher
from crawler.source_tools.visitor import Visitor
from crawler.sources import Source, SourceError, find_source, list_sources
from crawler.sources.publishers import (
    PROBES_NAME,
    Probes,
    Publisher,
    dump_definition,
    load_publishers,
    search_publishers,
)
from crawler.sources.schema import build_schema

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

_SHOWN_CHARS = 200
_WORDS = ("list", "search", "adopt", "probe", "check", "new", "record", "schema")
# What is not a file's name: labels joined by dots, the last of letters, and no ending of a page.
_HOST = re.compile(r"(?!.*\.(?:s?html?|gz|xml|json|php)$)(?:[\w-]+\.)+[^\W\d_]{2,}(?::\d+)?(?:/|$)", re.IGNORECASE)


class Command(NewsreelCommand):
    """Lists the sources, checks one, tries it on an archive or on test cases, drafts a new one, records a case,
    prints the JSON Schema of a definition; looks in the catalogue of publishers, adopts one, asks whether it works.

    Exit codes: 0 good, 1 a definition is faulty, makes no post, or a case differs, 2 usage.
    """

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "ERROR"}

    examples = (
        "new https://paper.example/ -o sources/paper.toml",
        "check sources/paper.toml --collection paper",
        "search german science",
    )

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return (
            "[list | search WORDS | adopt NAME | probe NAMES | check NAME_OR_PATH | new FILE_URL_OR_CAPTURE |"
            " record URL_OR_CAPTURE -o DIR | schema] [options]"
        )

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "List the sources, check or try one, draft a new one, record test cases, print the schema"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", help="check: try the rules on it; new: read pages from it")
        parser.add_argument("--json", action="store_true", help="check: print one JSON object")
        parser.add_argument("--cases", metavar="DIR", help="check: replay the test cases in this directory")
        parser.add_argument(
            "--source", metavar="NAME_OR_PATH", help="record: the source whose rules give the expected post"
        )
        parser.add_argument(
            "-o", "--output", metavar="PATH", help="new: file for the draft; record: directory of the case"
        )
        parser.add_argument("--at", metavar="TS", help="new, record: 14-digit UTC timestamp of the capture")
        parser.add_argument(
            "--render", action="store_true", help="new: open the address in a browser, draft from the JSON it fetches"
        )
        parser.add_argument("--url", default="", help="new: the address of the page in a file")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """List, check, draft, record, or print the schema."""
        match args:
            case [] | ["list"]:
                self.exitcode = _print_sources()
            case ["check", name] if opts.cases:
                self.exitcode = _check_cases(name, Path(opts.cases), as_json=opts.json)
            case ["check", name] if opts.collection:
                self.exitcode = self._try_source(name, opts.collection, as_json=opts.json)
            case ["check", name]:
                self.exitcode = _check_source(name, as_json=opts.json)
            case ["search" | "adopt" | "probe", *rest]:
                self.exitcode = self._use_catalogue(args[0], rest, opts)
            case ["schema"]:
                print(json.dumps(build_schema(), ensure_ascii=False, indent=2))  # noqa: T201
            case ["new", target]:
                self.exitcode = self._draft(target, opts)
            case ["record", target]:
                self.exitcode = self._record(target, opts)
            case [word, *_] if word not in _WORDS:
                raise refuse_word(word, list(_WORDS), "part of this command")
            case _:
                raise UsageError(f"{args[0]} takes one argument; --help shows which", print_help=False)

    def _record(self, target: str, opts: argparse.Namespace) -> int:
        if not opts.output:
            raise UsageError("give the directory of the case with -o DIR", print_help=False)
        assert self.settings is not None
        try:
            source = find_source(opts.source) if opts.source else None
            at = parse_timestamp(opts.at) if opts.at else None
        except ValueError as error:
            raise UsageError(str(error), print_help=False) from error
        with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
            try:
                if target.startswith(("http://", "https://")) and not opts.collection:
                    assert self.crawler_process is not None
                    held, entry = record_page(self.crawler_process, target, source=source, data_dir=Path(scratch))
                else:
                    held, entry = find_capture(Path(self.settings["DATA_DIR"]), target, opts.collection or "", at)
                if entry is None:
                    raise CaseError(f"{target} was not served, or is not archived; try '{name_program()} extract'")
                preview = record_case(Path(opts.output), held, entry, source)
            except (ArchiveError, CaseError) as error:
                print(error, file=sys.stderr)  # noqa: T201
                return 1
        print(f"{opts.output}: {preview.statement.headline or 'no headline'}; mend {EXPECTED_NAME} until it is true")  # noqa: T201
        return 0

    def _draft(self, target: str, opts: argparse.Namespace) -> int:
        assert self.settings is not None
        path = Path(opts.output) if opts.output else None
        if path is not None and path.exists():
            raise UsageError(f"{path} exists; name another file with -o", print_help=False)
        reader = PageReader(self.settings)
        try:
            at = parse_timestamp(opts.at) if opts.at else None
            target = _complete_scheme(target)
            if opts.render:
                draft = self._draft_rendered(target, reader)
            else:
                listing = reader.read(target, collection=opts.collection or "", at=at)
                listing = replace(listing, url=listing.url or opts.url)
                draft = draft_source(listing, self._build_fetch(reader, listing, opts.collection or ""))
        except (PageUnreadable, NoDraft) as error:
            print(error, file=sys.stderr)  # noqa: T201
            return 1
        except ValueError as error:
            raise UsageError(str(error), print_help=False) from error
        if path is None:
            print(draft.text, end="")  # noqa: T201
        else:
            path.write_text(draft.text, "utf-8")
            print(f"{path}: {_describe(find_source(str(path)))}; {draft.measure}")  # noqa: T201
        return 0

    def _draft_rendered(self, url: str, reader: PageReader) -> Draft:
        if not url.startswith(("http://", "https://")):
            raise UsageError("--render opens an address of the web; give one", print_help=False)
        assert self.settings is not None
        assert self.crawler_process is not None
        fetch = Visitor(reader, self.settings).visit
        with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
            return draft_rendered(self.crawler_process, url, data_dir=Path(scratch), fetch=fetch)

    def _use_catalogue(self, word: str, names: list[str], opts: argparse.Namespace) -> int:
        if word == "search":
            return _search(names, self._open_probes(), as_json=opts.json)
        if word == "adopt" and len(names) == 1:
            return _adopt(names[0], Path(opts.output) if opts.output else None)
        if word == "probe" and names:
            return self._probe(names, as_json=opts.json)
        raise UsageError(f"name a publisher; '{name_program()} sources search' lists them", print_help=False)

    def _open_probes(self) -> Probes:
        assert self.settings is not None
        return Probes(Path(self.settings["DATA_DIR"]) / PROBES_NAME)

    def _probe(self, names: list[str], *, as_json: bool) -> int:
        """Ask for every address of some publishers, and note which worked; return the exit code."""
        assert self.settings is not None
        code = 0
        for publisher in list(map(_find_publisher, names)):
            visitor = Visitor(PageReader(self.settings), self.settings)
            probes = list(probe_publisher(publisher, visitor.visit))
            self._open_probes().note(publisher.name, probes, now=datetime.now(UTC))
            for probe in probes:
                if as_json:
                    print(json.dumps({"publisher": publisher.name, **asdict(probe)}, ensure_ascii=False))  # noqa: T201
                else:
                    print(f"{publisher.name}: {probe.url}: {probe.fault or f'works, {probe.entries} entries'}")  # noqa: T201
            code |= any(probe.fault for probe in probes)
        return code

    def _build_fetch(self, reader: PageReader, listing: RawPage, collection: str) -> Callable[[str], RawPage] | None:
        """Return what reads further pages from where the first one came: an archive, the web, or nowhere."""
        assert self.settings is not None
        collection = collection or listing.place.partition("/")[0]
        if collection:
            return lambda url: reader.read(url, collection=collection, at=listing.captured_at)
        if listing.captured_at is None:
            return None
        return Visitor(reader, self.settings).visit

    def _try_source(self, name: str, collection: str, *, as_json: bool) -> int:
        assert self.settings is not None
        try:
            contents = CollectionContents(Collection.open(Path(self.settings["DATA_DIR"]), collection))
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        try:
            source = contents.find_source(name)
        except SourceError as error:
            return _refuse(error, as_json=as_json)
        report = run_dry(contents, source)
        warnings = list_warnings(report)
        if as_json:
            print(json.dumps(dump_report(report, collection=collection, warnings=warnings), ensure_ascii=False))  # noqa: T201
        else:
            _print_report(report, warnings)
        return 0 if report.posts else 1


def _complete_scheme(target: str) -> str:
    """Return an address with https:// where a host's name was given without a scheme, and no file is called so."""
    is_host = _HOST.match(target) and not CAPTURE_PLACE.fullmatch(target) and not Path(target).exists()
    return f"https://{target}" if is_host else target


def _print_sources() -> int:
    console = open_console()
    table = Table("source", "title", "language", "seeds", box=None, pad_edge=False)
    faults = []
    for name in list_sources():
        try:
            source = find_source(name)
        except SourceError as error:
            faults.append(str(error))
            continue
        table.add_row(source.name, source.title, source.post.language, " ".join(source.seeds))
    console.print(table)
    for fault in faults:
        console.print(fault, style="red", soft_wrap=True)
    return 1 if faults else 0


def _search(words: list[str], probes: Probes, *, as_json: bool) -> int:
    """Print the publishers that some words find; return the exit code."""
    found = search_publishers(words)
    if as_json:
        for publisher in found:
            known = msgspec.to_builtins(publisher) | {"worked": probes.find_last(publisher.name)}
            print(json.dumps(known, ensure_ascii=False))  # noqa: T201
        return 0 if found else 1
    if not found:
        print(f"no publisher of the catalogue has {' and '.join(words)}", file=sys.stderr)  # noqa: T201
        return 1
    table = Table("source", "title", "country", "languages", "about", "last worked", box=None, pad_edge=False)
    for publisher in found:
        about, languages = ", ".join(publisher.topics), ", ".join(publisher.languages)
        worked = probes.find_last(publisher.name) or "never tried"
        table.add_row(publisher.name, publisher.title, publisher.country, languages, about, worked)
    open_console().print(table)
    print(f"crawl one with '{name_program()} crawl site -a source=NAME'", file=sys.stderr)  # noqa: T201
    return 0


def _find_publisher(name: str) -> Publisher:
    known = load_publishers()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        advice = f"did you mean {near[0]}?" if near else f"'{name_program()} sources search' lists it"
        raise UsageError(f"{name} is not in the catalogue of publishers; {advice}", print_help=False)
    return known[name]


def _adopt(name: str, path: Path | None) -> int:
    """Write the definition of a publisher where definitions of one's own lie; return the exit code."""
    publisher = _find_publisher(name)
    folder = None if path else find_folder()
    path = path or (folder / SOURCES if folder else Path()) / f"{name}.toml"
    if not create_file(path, dump_definition(publisher).encode()):
        raise UsageError(f"{path} exists; name another file with -o", print_help=False)
    print(f"{path}: try '{name_program()} crawl site -a source={path if folder is None else name}'")  # noqa: T201
    return 0


def _check_source(name: str, *, as_json: bool) -> int:
    try:
        source = find_source(name)
    except SourceError as error:
        return _refuse(error, as_json=as_json)
    if as_json:
        kinds = [kind for kind, patterns in source.links.patterns.items() if patterns]
        print(json.dumps({"source": source.name, "kinds": kinds}, ensure_ascii=False))  # noqa: T201
    else:
        print(_describe(source))  # noqa: T201
    return 0


def _refuse(error: SourceError, *, as_json: bool) -> int:
    """Print a definition's fault; return the exit code."""
    fault = {"path": error.path, "key": error.key, "fault": str(error)}
    print(json.dumps(fault, ensure_ascii=False) if as_json else error)  # noqa: T201
    return 1


def _check_cases(name: str, folder: Path, *, as_json: bool) -> int:
    try:
        source = find_source(name)
        cases = list_cases(folder)
        if not cases:
            raise CaseError(f"{folder} holds no case; make one with '{name_program()} sources record URL -o DIR'")
        checks = [
            check for case in cases for check in check_case(case, source, name=str(case.relative_to(folder.parent)))
        ]
    except (SourceError, CaseError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    failed = [check for check in checks if not check.is_same]
    if as_json:
        for check in checks:
            print(json.dumps({**asdict(check), "is_same": check.is_same}, ensure_ascii=False))  # noqa: T201
    else:
        for check in failed:
            print(f"{check.case}: {check.field}: {_shorten(check.found)} is not {_shorten(check.expected)}")  # noqa: T201
            print(f"  found in: {check.place or 'nowhere'}")  # noqa: T201
        print(f"{count_words(len(cases), 'case')}, {count_words(len(checks), 'field')} checked, {len(failed)} differ")  # noqa: T201
    return 1 if failed else 0


def _shorten(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"


def _describe(source: Source) -> str:
    kinds = ", ".join(kind for kind, patterns in source.links.patterns.items() if patterns)
    if not kinds:
        return f"{source.name}: well formed; it has no rules for links, so crawl it with '{name_program()} crawl site'"
    return f"{source.name}: well formed; it recognises links of kind {kinds}"


def _print_report(report: Report, warnings: Iterable[str]) -> None:
    console = open_console()
    console.print(_describe(report.source), soft_wrap=True)
    pages = ", ".join(f"{count} {kind}" for kind, count in report.tally.pages.most_common()) or "none"
    console.print(
        f"pages: {pages}; posts: {report.posts}, {count_words(len(report.refused), 'article')} without one",
        soft_wrap=True,
    )
    rows = [
        (
            f"{share.kind} {share.field}",
            f"{share.found}/{share.pages} {share.found / share.pages:4.0%}",
            Text(", ".join(f"{place} {count}" for place, count in share.places), style="dim"),
            Text(share.sample),
        )
        for share in report.fields
    ]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(("field", "found")):
        width = max((len(str(row[number])) for row in rows), default=0)
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if number else "left")
    table.add_column("by", no_wrap=True, max_width=28)
    table.add_column("sample", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in iter_report_lines(report.comparison):
        console.print(line, soft_wrap=True)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201
