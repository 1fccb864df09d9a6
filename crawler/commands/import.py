"""`scrapy import`: import archives of other tools and make posts from them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.storage.collection import Collection
from archives.terminal import complain, count_words, say
from archives.wacz.intake import take_in
from crawler.addon import place_collection
from crawler.commands.reparse import replace_posts
from crawler.projects.collector import spare_imports
from crawler.projects.command import NewsreelCommand
from crawler.publishing.erasing import enforce
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.imported import describe_hosts
from crawler.runs.signing import sign_files
from crawler.sources import SourceError

if TYPE_CHECKING:
    import argparse

    from archives.wacz.intake import Taken


class Command(NewsreelCommand):
    """Copies files into a collection, lists their captures and makes their posts.

    Exit codes: 0 good, 1 a file was not taken in or is damaged, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("crawl.warc.gz site.wacz --collection mine",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "PATH… --collection NAME"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Import WARC, ARC and WACZ files of any tool and make their posts"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", help="output folder; created if missing")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Import the files and folders named in `args`."""
        assert self.settings is not None
        if not args or not opts.collection:
            raise UsageError("name files or folders, and the collection with --collection NAME", print_help=False)
        paths = [Path(argument) for argument in args]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise UsageError(f"there is no file or folder {', '.join(missing)}", print_help=False)
        try:
            collection = Collection.open(Path(self.settings["DATA_DIR"]), opts.collection, create=True)
            place_collection(self.settings, collection.name, priority="cmdline")
            self.exitcode = self._take_in(collection, paths)
        except (ArchiveError, SourceError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error

    def _take_in(self, collection: Collection, paths: list[Path]) -> int:
        new: list[str] = []
        code = 0
        for taken in take_in(collection, paths):
            code = max(code, _report(taken))
            new += [added.path.name for added in taken.added if added.is_new]
        if not new:
            say(f"{collection.name}: nothing new")
            return code
        if again := enforce(collection, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")):
            say(f"{collection.name}: what was erased before was erased from {again} of the files again")
        for source in describe_hosts(collection, new):
            say(f"{collection.name}: {source.name} is read without a definition of its own")
        assert self.settings is not None
        sign_files(collection, self.settings)
        spare_imports()
        contents = CollectionContents(collection)
        if not contents.list_source_names():
            say(f"{collection.name}: no page in it, so no posts")
            return code
        return max(code, replace_posts(contents, Path(self.settings["POSTS_DIR"])))


def _report(taken: Taken) -> int:
    """Say the outcome of a file; return 1 where something in it is missing."""
    for added in taken.added:
        words = count_words(added.captures, "capture") if added.is_new else "was there already"
        say(f"{taken.source.name}: {words}, as {added.path.name}")
        for error in added.damage:
            complain(str(error))
    if taken.is_passed:
        say(f"{taken.fault}; it is passed over")
    elif taken.fault:
        complain(taken.fault)
    return int(bool(taken.fault and not taken.is_passed) or any(added.damage for added in taken.added))
