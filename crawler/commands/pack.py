"""`scrapy pack`: one file of a collection, to hand over or to open in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archives.collection import Collection
from archives.errors import ArchiveError
from archives.wacz import pack_collection

if TYPE_CHECKING:
    import argparse


class Command(ScrapyCommand):
    """Writes a WACZ file.

    Exit codes: 0 good, 1 the file could not be written, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "<collection> -o FILE.wacz [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Write a collection's captures, index and pages to one WACZ file"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "-o", "--output", metavar="FILE.wacz", help="the file to write (default: <collection>.wacz)"
        )
        parser.add_argument("--title", default="", help="what a reader sees first (default: the collection's name)")
        parser.add_argument("--sign", metavar="KEY.pem", help="sign with this key, made if it is not there")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Pack the collection named in `args`."""
        if len(args) != 1:
            raise UsageError("name one collection")
        assert self.settings is not None
        try:
            collection = Collection.open(Path(self.settings["DATA_DIR"]), args[0])
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        target = Path(opts.output or f"{collection.name}.wacz")
        key_file = Path(opts.sign) if opts.sign else None
        try:
            packed = pack_collection(collection, target, title=opts.title, key_file=key_file)
        except (ArchiveError, OSError) as error:
            print(f"{target} was not written: {error}")  # noqa: T201
            self.exitcode = 1
            return
        print(f"{packed.path}: {packed.warcs} WARC files, {packed.captures} captures")  # noqa: T201
