"""`scrapy serve`: posts, runs and archived pages in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.transfer.registry import find_url
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Serves the viewer until it is interrupted.

    Exit codes: 0 somebody stopped it, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "[options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Show posts, runs and archived pages in a browser"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes any that is free")
        parser.add_argument(
            "--name", action="append", default=[], metavar="HOST", help="another host name to be asked for under"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Serve."""
        if args:
            raise UsageError
        # Scrapy loads every command before it runs one, and the viewer is slow to load.
        from archives.replay.serving import serve  # noqa: PLC0415
        from crawler.viewer.app import ViewerApp  # noqa: PLC0415

        assert self.settings is not None
        player = self.settings.get("VIEWER_REPLAYWEB_DIR")
        app = ViewerApp(
            find_data_dir(self.settings),
            player_dir=Path(player) if player else None,
            schedule=find_url(self.settings["CATALOGUE_URL"]),
        )
        try:
            self.exitcode = serve(app, host=opts.host, port=opts.port, hosts=opts.name)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        finally:
            app.close()
