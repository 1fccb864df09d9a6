"""`scrapy mend`: write repaired copies of files from non-conforming writers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.mending.copies import mend_collection
from archives.mending.summary import count_left, describe_file
from archives.storage.collection import Collection
from archives.terminal import complain, say
from crawler.commands._collection import open_named
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Writes a collection with repaired copies of another one's files, and says what was changed.

    Exit codes: 0 good, 1 something in the files is damaged and cannot be repaired, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("mine --to whole",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Write repaired copies of WARC files written incorrectly by other tools"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "--to", metavar="NAME", help="the collection to write, created if missing (default: COLLECTION-mended)"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Mend the collection named in `args`."""
        assert self.settings is not None
        collection = open_named(self.settings, args)
        name = opts.to or f"{collection.name}-mended"
        warcs = list(collection.iter_warcs())
        try:
            target = Collection.place(Path(self.settings["DATA_DIR"]), name)
            with show_progress(f"mend {collection.name}", 2 * len(warcs)) as advance:
                files = mend_collection(collection, target, warcs=warcs, progress=advance)
        except (ArchiveError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error
        for line in [line for file in files for line in describe_file(file)]:
            say(line)
        if any(file.is_mended for file in files):
            say(f"{collection.name}: see {target.path}; newsreel reparse {name} makes its posts")
        else:
            say(f"{collection.name}: nothing to mend")
        if left := count_left(files):
            words = f"{left} places cannot be repaired; restore the files from a copy"
            complain(f"{collection.name}: {words}")
        self.exitcode = int(left > 0)
