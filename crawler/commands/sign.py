"""`scrapy sign`: sign and time-stamp the log of a collection's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.signed_log.signing import sign_collection
from crawler.commands._collection import open_named
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Adds to the signed log every closed file that is not in it, and has an authority time-stamp it.

    Exit codes: 0 good, 1 it cannot be signed or time-stamped, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("finews --key log-key.pem --timestamp https://tsa.example/",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Sign a collection's closed files, with time-stamps if configured"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--key", metavar="KEY.pem", help="the key, created if missing (default: the setting)")
        parser.add_argument("--timestamp", metavar="URL", help="ask this authority (RFC 3161; default: the setting)")
        parser.add_argument("--next-key", metavar="KEY.pem", help="announce this key; later entries are signed with it")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Sign the collection named in `args`."""
        assert self.settings is not None
        collection = open_named(self.settings, args)
        key = opts.key or self.settings["ARCHIVE_LOG_KEY"]
        if not key:
            raise UsageError("name a key with --key, or in the setting ARCHIVE_LOG_KEY", print_help=False)
        try:
            with show_progress(f"sign {collection.name}") as advance:
                signed = sign_collection(
                    collection,
                    Path(key),
                    authority=opts.timestamp or self.settings["ARCHIVE_TIMESTAMP_URL"],
                    next_key_file=Path(opts.next_key) if opts.next_key else None,
                    progress=advance,
                )
        except (ArchiveError, OSError) as error:
            print(f"{collection.name}: {error}")  # noqa: T201
            self.exitcode = 1
            return
        print(f"{collection.name}: {signed}")  # noqa: T201
