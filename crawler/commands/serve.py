"""`scrapy serve`: posts, runs and archived pages in a browser."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.transfer.registry import find_url
from crawler.commands._collection import find_data_dir
from crawler.commands._process import build_options
from crawler.projects.command import NewsreelCommand, refuse_arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


class Command(NewsreelCommand):
    """Serves the viewer until it is interrupted.

    Exit codes: 0 stopped by the user, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("", "--port 8081")

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Show posts, runs and archived pages in a browser"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes any that is free")
        parser.add_argument("--name", action="append", default=[], metavar="HOST", help="another host name to accept")
        control = parser.add_argument_group("control: start and stop crawls from a browser")
        control.add_argument(
            "--control", type=int, metavar="PORT", help="serve the control page on this port, protected by a token"
        )
        control.add_argument("--control-host", metavar="HOST", default="127.0.0.1", help="default: 127.0.0.1")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Serve."""
        refuse_arguments(args)
        # Scrapy loads every command before it runs one, and the viewer is slow to load.
        from archives.replay.serving import serve  # noqa: PLC0415
        from crawler.viewer.app import ViewerApp  # noqa: PLC0415

        assert self.settings is not None
        player = self.settings.get("VIEWER_REPLAYWEB_DIR")
        app = ViewerApp(
            find_data_dir(self.settings),
            player_dir=Path(player) if player else None,
            searches=self.settings.getdict("SEARCHES"),
            schedule=find_url(self.settings["CATALOGUE_URL"]),
        )
        try:
            control = None if opts.control is None else partial(self._serve_control, opts)
            self.exitcode = serve(app, host=opts.host, port=opts.port, hosts=opts.name, beside=control)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        finally:
            app.close()

    @contextmanager
    def _serve_control(self, opts: argparse.Namespace, viewer: str) -> Iterator[None]:
        """Serve the control page beside the viewer, and print its address with the token."""
        from crawler.control.access import Access, find_token  # noqa: PLC0415
        from crawler.control.actions import Actions  # noqa: PLC0415
        from crawler.control.app import ControlApp  # noqa: PLC0415
        from crawler.control.server import serve_control  # noqa: PLC0415

        assert self.settings is not None
        token = find_token()
        folder = find_data_dir(self.settings) / "schedule"
        app = ControlApp(Access(token), Actions(folder, build_options(opts)), viewer=viewer)
        with serve_control(app, host=opts.control_host, port=opts.control) as server:
            print(f"{server.url}login?token={quote(token)}", flush=True)  # noqa: T201
            yield
