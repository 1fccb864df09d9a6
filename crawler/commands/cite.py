"""`scrapy cite`: find the captures that contain a sentence, as evidence that others can check."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.replay.citations import cite_sentence, dump_citation
from archives.signed_log.timestamps import find_logged
from archives.storage.collection import Collection, list_collections
from archives.terminal import complain, say
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand
from crawler.reparsing.ledger import find_ledger, find_posts_dir, open_ledger

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from archives.replay.citations import Evidence


class Command(NewsreelCommand):
    """Prints a citation for each capture of an address in which a sentence stands, as JSON Lines.

    Exit codes: 0 it is in one, 1 it is in none, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ('https://paper.example/a.html "The bridge opens in May." > citations.jsonl',)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return 'URL "SENTENCE" [--collection NAME]'

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Find the captures that contain a sentence, as evidence that others can check"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", help="search only this collection (default: all)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Cite the sentence named in `args`."""
        if len(args) != 2 or not args[1].strip():
            raise UsageError("name an address and a sentence in quotation marks", print_help=False)
        url, sentence = args
        data_dir = find_data_dir(self.settings)
        found = 0
        try:
            for name in [opts.collection] if opts.collection else list_collections(data_dir):
                with CollectionIndex(Collection.open(data_dir, name)) as index:
                    citations = cite_sentence(index, url, sentence, on_unread=lambda error: complain(str(error)))
                    posts = _find_posts(index.collection, citations)
                    for evidence in citations:
                        say(json.dumps(dump_citation(evidence), ensure_ascii=False))
                        if evidence.payload_record_id in posts:
                            complain(f"{name}: post {posts[evidence.payload_record_id]} is made of this capture")
                        _report_log(index.collection, evidence.filename)
                    found += len(citations)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        if not found:
            complain(f"no capture of {url} says that")
        self.exitcode = int(not found)


def _find_posts(collection: Collection, citations: list[Evidence]) -> dict[str, Path]:
    """Return the post files made of cited captures, by the id of the record that holds the bytes."""
    if not citations or not find_ledger(collection).exists():
        return {}
    with closing(open_ledger(collection)) as ledger:
        articles = ledger.find_articles({evidence.payload_record_id for evidence in citations})
        claims = {record_id: ledger.find_claim(key) for record_id, key in articles.items()}
    folder = find_posts_dir(collection)
    return {record_id: folder / claim.file for record_id, claim in claims.items() if claim is not None}


def _report_log(collection: Collection, filename: str) -> None:
    """Print since when the signed log proves a file, if it does."""
    logged_at, stamped_at = find_logged(collection, filename)
    if logged_at:
        stamped = f", time-stamped {stamped_at}" if stamped_at else ""
        complain(f"{collection.name}: {filename} is in the signed log since {logged_at}{stamped}")
