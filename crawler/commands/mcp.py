"""`newsreel mcp`: the archive for assistants, by the Model Context Protocol over standard input and output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from crawler.assistants.server import ServerMissing, build_server
from crawler.assistants.tools import ArchiveTools
from crawler.projects.command import NewsreelCommand, refuse_arguments
from crawler.publishing.library import Library
from crawler.settings import NEWSREEL_VERSION

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Serves an assistant that started it: search, posts with evidence, versions, citations, changes; read-only.

    Exit codes: 0 the assistant has gone; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("-s DATA_DIR=/srv/news",)

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Serve the archive to AI assistants (MCP, over stdin and stdout)"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Serve until standard input ends."""
        del opts
        refuse_arguments(args)
        assert self.settings is not None
        data_dir = Path(self.settings["DATA_DIR"])
        if not data_dir.is_dir():
            raise UsageError(f"DATA_DIR {data_dir} is not there; crawl first, or set it", print_help=False)
        tools = ArchiveTools(Library(data_dir))
        try:
            build_server(tools, version=NEWSREEL_VERSION).run()
        except ServerMissing as error:
            raise UsageError(str(error), print_help=False) from error
        finally:
            tools.close()
