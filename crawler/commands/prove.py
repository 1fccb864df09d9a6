"""`scrapy prove`: check a citation with nothing but the WARC files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.replay.citations import load_citation, prove_citation
from crawler.projects.command import NewsreelCommand

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Looks for the records that citations name in WARC files, and for the sentences in them.

    Exit codes: 0 every citation holds, 1 one does not, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("citations.jsonl finews-20260304050607.warc.gz",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "CITATIONS.jsonl FILE…"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Check citations with nothing but the WARC files"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 (Scrapy's signature)
        """Check the citations of the first file of `args` against the others."""
        if len(args) < 2:
            raise UsageError("name a file of citations, - for standard input, and WARC files", print_help=False)
        try:
            text = sys.stdin.read() if args[0] == "-" else Path(args[0]).read_text("utf-8")
            citations = [load_citation(json.loads(line)) for line in text.splitlines() if line.strip()]
            faults = [prove_citation(citation, map(Path, args[1:])) for citation in citations]
        except (OSError, ValueError) as error:
            raise UsageError(f"{args[0]} cannot be checked: {error}", print_help=False) from error
        if not citations:
            raise UsageError(f"{args[0]} holds no citation", print_help=False)
        for citation, fault in zip(citations, faults, strict=True):
            verdict = f"does not hold: {fault}" if fault else "holds"
            print(f"{citation.url} of {citation.captured_at}: {verdict}")  # noqa: T201
        self.exitcode = int(any(faults))
