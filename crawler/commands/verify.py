"""`scrapy verify`: prove that the archive is undamaged and that every post follows from it."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.signed_log.keys import load_public
from archives.storage.collection import Collection
from archives.terminal import complain, say
from archives.verify.findings import Notes
from archives.verify.fixity import verify_collection
from archives.verify.log_checks import Trust
from crawler.addon import place_collection
from crawler.batch.engines import EngineError, add_engine_options, find_engine
from crawler.batch.reparse import remake_posts
from crawler.batch.shards import ShardFailed
from crawler.batch.verify import verify_in_shards
from crawler.commands._collection import open_only
from crawler.commands.reparse import report_reparse
from crawler.projects.collector import spare_imports
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.provenance import compare_posts
from crawler.reparsing.references import verify_references
from crawler.sources import SourceError
from pipelines.posts.items import load_post
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    import argparse

    from archives.verify.fixity import Problem
    from crawler.batch.engines import Engine


_Line = tuple[str, str]


class Command(NewsreelCommand):
    """Checks digests, offsets and index entries, and with `--posts` every post against its reparse.

    With `--posts` it also lists posts in doubt, which are problems only with `--strict`.

    Exit codes: 0 all is well, 1 problems were found, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("", "finews --posts --strict")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[COLLECTION] [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Prove that an archive is undamaged; with --posts, that every post follows from it"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--posts", action="store_true", help="also compare every post file with its reparse")
        parser.add_argument("--strict", action="store_true", help="with --posts: posts in doubt are problems, too")
        parser.add_argument("--json", action="store_true", help="print problems as JSON Lines")
        parser.add_argument("--notes", action="store_true", help="also list what is unusual but harmless")
        parser.add_argument("--log-key", metavar="KEY.pem", help="the key that must have signed the collection's log")
        parser.add_argument("--timestamp-roots", metavar="CERTS.pem", help="trusted time-stamp authorities")
        add_engine_options(parser)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Verify one collection; without a name the only one there is."""
        try:
            collection = open_only(self.settings, args, how="name one collection")
            engine = find_engine(opts)
            trust = Trust(
                key=load_public(Path(opts.log_key)) if opts.log_key else None,
                roots=Path(opts.timestamp_roots) if opts.timestamp_roots else None,
            )
            archived = _verify_archive(collection, engine, trust, is_listing=opts.notes)
            found = [*archived, *verify_references(collection)]
            problems = [(problem.kind, problem.message) for problem in found]
            doubtful: list[tuple[str, str]] = []
            if opts.posts:
                found_in_posts, doubtful = self._verify_posts(collection, engine)
                problems += found_in_posts
        except (ArchiveError, SourceError, EngineError, ShardFailed) as error:
            raise UsageError(str(error), print_help=False) from error
        for kind, message in [*problems, *doubtful]:
            line = json.dumps({"collection": collection.name, "kind": kind, "message": message}, ensure_ascii=False)
            say(line if opts.json else f"{collection.name}: {message}")
        if not problems and not opts.json:
            what = "archive and posts are" if opts.posts else "archive is"
            say(f"{collection.name}: the {what} whole")
        self.exitcode = 1 if problems or (opts.strict and doubtful) else 0

    def _verify_posts(self, collection: Collection, engine: Engine | None) -> tuple[list[_Line], list[_Line]]:
        """Return the problems of posts, and those posts that are what the archive makes and still in doubt."""
        assert self.settings is not None
        contents = CollectionContents(collection)
        sources = contents.find_sources()
        place_collection(self.settings, collection.name, priority="cmdline")
        posts_dir = Path(self.settings["POSTS_DIR"])
        spare_imports()
        with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
            remade_dir = Path(scratch, "posts")
            with closing(Ledger(Path(scratch, "ledger.sqlite"), is_scratch=True)) as ledger:
                done = remake_posts(contents, sources, ledger, posts_dir=remade_dir, engine=engine)
                doubtful = [line for _, file, state in ledger.iter_filed() for line in _list_doubts(file, state)]
            code = report_reparse(contents, sources, done)
            problems = [(f"post-{d.change}", d.message) for d in compare_posts(posts_dir, remade_dir)]
        if code:
            problems.append(("reparse", f"not every capture of {collection.name} could be read again; see the log"))
        return problems, doubtful


def _verify_archive(collection: Collection, engine: Engine | None, trust: Trust, *, is_listing: bool) -> list[Problem]:
    shown: list[str] = []
    notes = Notes((lambda note: shown.append(f"{note.message} (note: {note.kind})")) if is_listing else None)

    def handle_note(note: Problem) -> None:
        if note.kind == "mendable":
            shown.append(note.message)
        else:
            notes.add(note)

    if engine is not None:
        problems = verify_in_shards(collection, engine, on_note=handle_note, trust=trust)
    else:
        with show_progress(f"verify {collection.name}", len(list(collection.iter_warcs()))) as advance:
            problems = verify_collection(collection, progress=advance, on_note=handle_note, trust=trust)
    for message in filter(None, [*shown, notes.summarise()]):
        complain(f"{collection.name}: {message}")
    return problems


def _list_doubts(file: str, state: str) -> list[_Line]:
    """Return a line for each capture that no longer looks like the article, and each field that is contradicted."""
    post = load_post(state)
    lines = [
        f"{file} is in doubt: the capture {doubt.record_id} of {doubt.captured_at:%Y-%m-%d %H:%M} UTC no longer looks"
        f" like the article ({doubt.reason}), and the post does not rest on it"
        for doubt in post.doubts
    ]
    lines += [
        f"{file} is in doubt: its {name} stands alone against {'; '.join(evidence.disagreeing)}"
        for name, evidence in post.evidence.items()
        if evidence.confidence == "low"
    ]
    return [("post-in-doubt", line) for line in lines]
