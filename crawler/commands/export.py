"""`scrapy export`: export posts, all of them or the changes since a cursor."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.terminal import count_words
from crawler.batch.engines import EngineError, add_engine_options, find_engine
from crawler.batch.shards import ShardFailed
from crawler.changelog.cursors import CursorError
from crawler.commands.webhooks import deliver
from crawler.projects.command import NewsreelCommand, describe_damage, refuse_word
from crawler.projects.streams import discard_output, has_reader
from crawler.publishing.exporting import ExportPlan, run_export
from crawler.publishing.formats import FormatError, describe_formats, find_format
from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from crawler.reparsing.ledger import has_ledger, open_ledger
from crawler.sinks.addresses import SINKS, open_sink
from crawler.sinks.bucket import export_to_bucket
from crawler.sinks.pushing import SinkError, push_changes
from crawler.sources import SourceError
from pipelines.exports.feeds.entries import Order
from pipelines.exports.files import ExportError, open_scratch, replace_file
from pipelines.exports.formats import FORMATS, ExportOptions
from pipelines.exports.records import RecordRefused, dump_record
from pipelines.exports.schemas import SCHEMAS, dump_schema
from pipelines.exports.tables.cloudevents import dump_event

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from crawler.batch.engines import Engine

_WEBHOOKS = "webhooks"
_SCHEMA = "schema"
_STDOUT = "-"
_LINES = ("jsonl", "csv", "cloudevents", "ninjs", "newsarticle", "csl", "singer", "opensearch", "meilisearch")
# Options that one of our formats alone has a use for; those of other distributions are given all.
_OF_ONE = {"limit": "feeds", "order": "feeds", "hub": "feeds", "safe_cells": "csv"}
_FOLLOWED = {"jsonl": dump_record, "cloudevents": dump_event}


class Command(NewsreelCommand):
    """Writes posts in one format.

    Exit codes: 0 good; 1 the export could not be written and what lay there is there still, or a delivery
    failed; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("jsonl -o posts.jsonl", "parquet -o posts --source finews", "jsonl -o - --since start")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "FORMAT -o PATH [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Export posts as tables, feeds or sites; all of them, or the changes since a cursor"

    def long_desc(self) -> str:
        """Return the formats."""
        lines = [f"{name}: {title}" for name, title in describe_formats().items()]
        lines += [f"{name}: {title}" for name, title in SINKS.items()]
        lines.append(f"{_SCHEMA}: the JSON Schema of a line of jsonl")
        lines.append(f"{_WEBHOOKS}: deliver changes to the receivers in EXPORTS_FILE")
        return "Write posts in one of these formats.\n" + ";\n".join(lines)

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="PATH", help="file, folder or address to write; - prints lines")
        parser.add_argument("--collection", metavar="NAME", help="only posts of this collection (default: all)")
        parser.add_argument("--source", default="", metavar="NAME", help="only this source's posts")
        parser.add_argument("--since", metavar="CURSOR", help="only changes since this cursor; 'start' for all changes")
        parser.add_argument("--follow", action="store_true", help="print changes as they happen (default: from now on)")
        parser.add_argument("--format", dest="form", default="", metavar="NAME", help="overrides FORMAT")
        parser.add_argument("--title", default="", help="of a site or of feeds")
        parser.add_argument("--url", default="", help="public address of the site or the folder of feeds")
        parser.add_argument("--hub", default="", metavar="URL", help="WebSub hub named in feeds")
        parser.add_argument("--limit", type=int, default=0, metavar="N", help="posts in a feed (default: 50)")
        parser.add_argument("--order", default="", choices=list(map(str, Order)), help="of feeds (default: published)")
        parser.add_argument("--safe-cells", action="store_true", help="of csv: no cell is a formula")
        parser.add_argument("--revive", action="store_true", help="of webhooks: retry failed deliveries")
        parser.add_argument("--json", action="store_true", help="print what was done as one JSON object")
        add_engine_options(parser)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Write the export named in `args`."""
        if sys.__stdout__ is None and (opts.output == _STDOUT or (opts.follow and not opts.output)):
            raise UsageError("standard output is closed", print_help=False)
        if args == [_WEBHOOKS]:
            assert self.settings is not None
            self.exitcode = deliver(self.settings, revive=opts.revive)
            return
        if args == [_SCHEMA]:
            if not opts.output:
                raise UsageError("give the file to write with -o, or - for standard output", print_help=False)
            self._write_schema(opts.output, opts.form or next(iter(SCHEMAS)))
            return
        args = [opts.form] if opts.form else args
        # Exit by an exception, so that temporary files beside the target are removed.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        if args and args[0] in SINKS:
            self._push(args[0], opts)
        elif opts.follow:
            self._follow(args, opts)
        else:
            self._export(args, opts)

    def _export(self, args: list[str], opts: argparse.Namespace) -> None:
        """Write one export, to a file, a folder, a storage or standard output."""
        _check_name(args, describe_formats())
        try:
            chosen = find_format(args[0])
        except FormatError as error:
            raise UsageError(str(error), print_help=False) from error
        if not opts.output:
            raise UsageError("give the file or folder to write with -o", print_help=False)
        _refuse_options_of_others(args[0], opts)
        if opts.since and not chosen.is_table:
            raise UsageError(f"{args[0]} always contains all posts; leave --since out", print_help=False)
        if opts.output == _STDOUT:
            self._print(args[0], opts)
            return
        if "://" in opts.output:
            self._upload(args[0], opts)
            return
        self._write(args[0], opts, file=sys.stdout)

    def _follow(self, args: list[str], opts: argparse.Namespace) -> None:
        """Print changes as they happen, until the pipe is closed or a signal ends it."""
        assert self.settings is not None
        form = (args or ["jsonl"])[-1]
        if form not in _FOLLOWED or len(args) > 1 or opts.output not in (None, _STDOUT) or opts.source:
            forms = " or ".join(_FOLLOWED)
            raise UsageError(
                f"--follow prints {forms} of whole collections: leave -o and --source out", print_help=False
            )
        stream = ChangeStream(Library(Path(self.settings["DATA_DIR"])), opts.collection or "")
        try:
            since = opts.since or stream.find_end()
            _warn_of_loss(stream, since)
            with self._printing(), suppress(KeyboardInterrupt):
                for record in stream.follow(since):
                    if record is not None:
                        sys.stdout.write(_FOLLOWED[form](record) + "\n")
                        sys.stdout.flush()
                    elif not has_reader():
                        break
        except (ArchiveError, SourceError, CursorError) as error:
            raise UsageError(str(error), print_help=False) from error

    def _upload(self, name: str, opts: argparse.Namespace) -> None:
        assert self.settings is not None
        if name != "parquet" or opts.since or opts.engine:
            raise UsageError("only parquet, of all posts and by one process, is written to a storage", print_help=False)
        library = Library(Path(self.settings["DATA_DIR"]))
        try:
            _refuse_strange_source(library, ChangeStream(library, opts.collection or "").names, opts.source)
            with closing(library.posts(collection=opts.collection or "", source=opts.source)) as records:
                count = export_to_bucket(records, opts.output)
        except (ArchiveError, SourceError, ExportError, RecordRefused, OSError) as error:
            print(f"{opts.output} was not written: {error}")  # noqa: T201
            self.exitcode = 1
            return
        done = {"format": name, "path": opts.output, "posts": count, "excluded": library.left_out}
        print(json.dumps(done) if opts.json else _describe_export(opts.output, done))  # noqa: T201

    def _push(self, name: str, opts: argparse.Namespace) -> None:
        """Push changes into a sink, until it has all of them or, with --follow, until a signal ends it."""
        assert self.settings is not None
        if not opts.output or opts.source:
            raise UsageError(f"{name} wants an address with -o, and whole collections", print_help=False)
        library = Library(Path(self.settings["DATA_DIR"]))
        stream = ChangeStream(library, opts.collection or "")
        count = 0
        try:
            with (
                closing(open_sink(name, opts.output, opts.collection or "", library.data_dir)) as sink,
                suppress(KeyboardInterrupt),
            ):
                for pushed in push_changes(
                    stream, sink, since=opts.since or "", follow=opts.follow, note_loss=_print_loss
                ):
                    count += pushed
        except (ArchiveError, SourceError, CursorError) as error:
            raise UsageError(str(error), print_help=False) from error
        except (SinkError, RecordRefused, sqlite3.Error) as error:
            print(f"not pushed: {error}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            return
        done = {"format": name, "changes": count}
        print(json.dumps(done) if opts.json else f"{name}: {count_words(count, 'change')}")  # noqa: T201

    def _print(self, name: str, opts: argparse.Namespace) -> None:
        """Write lines to standard output once all are made, and messages to standard error."""
        if name not in _LINES:
            raise UsageError(f"{name} cannot be printed; name a file or folder with -o", print_help=False)
        with open_scratch() as scratch:
            opts.output = str(scratch / name)
            self._write(name, opts, file=sys.stderr)
            if self.exitcode == 0:
                with Path(opts.output).open("rb") as lines, self._printing():
                    shutil.copyfileobj(lines, sys.stdout.buffer)
                    sys.stdout.flush()

    @contextmanager
    def _printing(self) -> Iterator[None]:
        """End quietly if the reader of a pipe has gone, and with an error if the disk of a file is full."""
        try:
            yield
        except BrokenPipeError:
            pass
        except OSError as error:
            print(f"standard output was not written: {error}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            discard_output()

    def _write_schema(self, output: str, name: str) -> None:
        if name not in SCHEMAS:
            raise UsageError(f"there is no schema {name}; there are {', '.join(SCHEMAS)}", print_help=False)
        text = dump_schema(name)
        if output == _STDOUT:
            with self._printing():
                sys.stdout.write(text)
                sys.stdout.flush()
            return
        try:
            with replace_file(Path(output)) as temporary:
                temporary.write_text(text, "utf-8")
        except (ExportError, OSError) as error:
            print(f"{output} was not written: {error}")  # noqa: T201
            self.exitcode = 1

    def _write(self, name: str, opts: argparse.Namespace, *, file: TextIO) -> None:
        assert self.settings is not None
        names = ("title", "url", "hub", "safe_cells", "limit", "order")
        try:
            options = ExportOptions(**{name: getattr(opts, name) for name in names})
        except ValueError as error:
            raise UsageError(str(error), print_help=False) from error
        plan = ExportPlan(
            format=name,
            path=Path(opts.output),
            collection=opts.collection or "",
            source=opts.source,
            options=options,
        )
        where = "standard output" if file is sys.stderr else plan.path
        try:
            engine = find_engine(opts)
            if engine and opts.since:
                raise UsageError("changes are exported by one process; leave --engine out", print_help=False)
            done = write_export(Library(Path(self.settings["DATA_DIR"])), plan, opts.since, engine)
        except (ArchiveError, SourceError, CursorError, EngineError) as error:
            raise UsageError(str(error), print_help=False) from error
        except (ExportError, RecordRefused, ShardFailed, OSError, sqlite3.Error) as error:
            print(f"{where} was not written: {describe_damage(error) or error}", file=file)
            self.exitcode = 1
            return
        sentence = _describe_export(where, done) + (f"; cursor {done['cursor']}" if done["cursor"] else "")
        print(json.dumps(done, ensure_ascii=False) if opts.json else sentence, file=file)


def _describe_export(where: object, done: dict[str, Any]) -> str:
    excluded = f" ({done['excluded']} left out, whose addresses are excluded)" if done["excluded"] else ""
    return f"{where}: {count_words(done['posts'], 'post')}{excluded}"


def _refuse_options_of_others(name: str, opts: argparse.Namespace) -> None:
    if name not in FORMATS:
        return
    for option, owner in _OF_ONE.items():
        if getattr(opts, option) and name != owner:
            flag = option.replace("_", "-")
            raise UsageError(f"--{flag} is an option of {owner}; leave it out for {name}", print_help=False)


def _check_name(args: list[str], formats: Iterable[str]) -> None:
    """Raise `UsageError` unless exactly one known format is named."""
    if len(args) == 1 and args[0] not in formats:
        raise refuse_word(args[0], [*formats, *SINKS, _SCHEMA, _WEBHOOKS], "format")
    if len(args) != 1:
        raise UsageError(
            f"name one format: {', '.join([*formats, *SINKS])}, {_SCHEMA}, or {_WEBHOOKS}", print_help=False
        )


def _warn_of_loss(stream: ChangeStream, since: str) -> None:
    if loss := stream.find_loss(since):
        _print_loss(loss)


def _print_loss(loss: str) -> None:
    print(f"all changes are sent again: {loss}", file=sys.stderr)  # noqa: T201


def _refuse_strange_source(library: Library, names: Iterable[str], source: str) -> None:
    """Refuse a source that has neither posts in some collections nor a definition, so that no export becomes empty."""
    known: set[str] = set()
    for name in names if source else ():
        collection = library.open_collection(name)
        if library.find_definitions(name)(source):
            return
        if has_ledger(collection):
            with closing(open_ledger(collection)) as ledger:
                if next(ledger.iter_keys(source=source), None):
                    return
                known.update(found for found, _ in ledger.iter_keys())
    if known:
        raise refuse_word(source, sorted(known), "source")


def write_export(library: Library, plan: ExportPlan, since: str | None, engine: Engine | None = None) -> dict[str, Any]:
    """Write an export; return its format, path, numbers of posts written and left out, and the cursor to continue from.

    Args:
        engine: works in shards; without one this process does it all.

    Raises:
        CursorError: `since` is not a cursor of these collections.
        UsageError: there is nothing to export.
    """
    stream = ChangeStream(library, plan.collection)
    if not stream.names:
        raise UsageError(
            f"there is no collection in {library.data_dir}; crawl first, or set DATA_DIR", print_help=False
        )
    _refuse_strange_source(library, stream.names, plan.source)
    # Read first: a change that is entered from now on may be sent now and again the next time.
    cursor = stream.find_end()
    if since:
        _warn_of_loss(stream, since)
        records = (record for record in stream.read(since) if plan.source in ("", record.source))
        count = find_format(plan.format).export(records, plan.path, plan.options)
    elif engine:
        from crawler.batch.export import export_in_shards  # noqa: PLC0415 (few exports need it)

        count = export_in_shards(library, plan, engine)
    else:
        count = run_export(library, plan)
    done = {"format": plan.format, "path": str(plan.path), "posts": count, "cursor": cursor}
    return done | {"excluded": library.left_out}
