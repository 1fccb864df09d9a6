"""`scrapy demo`: crawl, rebuild and verify a small bundled newspaper, offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from crawler.environment import name_program
from crawler.monitoring.tables import open_console
from crawler.projects.command import NewsreelCommand, refuse_arguments

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

_COLLECTION = "newspaper"
_SHOWN_LINES = 12


class Command(NewsreelCommand):
    """Serves the newspaper, crawls two editions of it, reparses, verifies, and says what it made.

    Exit codes: 0 every step went well, 1 one did not.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("", "--dir demo")

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Demonstration: crawl, archive, reparse and verify a small newspaper, offline"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--dir", metavar="DIR", help="output folder (default: DATA_DIR/demo, replaced)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run every step and print a table of them."""
        refuse_arguments(args)
        assert self.settings is not None
        folder = Path(opts.dir or Path(self.settings["DATA_DIR"], "demo")).resolve()
        shutil.rmtree(folder / "collections" / _COLLECTION, ignore_errors=True)
        shutil.rmtree(folder / "_posts" / _COLLECTION, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.exitcode = Demonstration(folder, open_console()).run()


class Demonstration:
    """The steps of the demo, each a command that a user could type."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self.console = console
        self.table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("", "step", "result", "time"):
            self.table.add_column(heading, justify="right" if heading == "time" else "left")
        self.failed = 0

    def run(self) -> int:
        """Run the steps; return the exit code."""
        began = time.monotonic()
        from crawler.demo_site.server import Newspaper  # noqa: PLC0415 (Scrapy loads every command before it runs one)

        with Newspaper() as paper, self.console.status("printing the newspaper …") as status:
            source = self.folder / "newspaper.toml"
            source.write_text(paper.source_toml(), "utf-8")
            for edition in (1, 2):
                paper.publish(edition=edition)
                status.update(f"crawling edition {edition} of {paper.base_url} …")
                self._crawl(source, edition)
            status.update("rebuilding every post from the archive alone …")
            self._reparse()
            status.update("checking every byte …")
            self._verify()
        self.console.print()
        self.console.print(self.table)
        self._show_result(time.monotonic() - began)
        return 1 if self.failed else 0

    def _crawl(self, source: Path, edition: int) -> None:
        seconds, done = self._call("crawl", "category", "-a", f"source={source}", "-s", "RESOLVER_ALLOW=127.0.0.0/8")
        counts = self._read_manifest().get("counts", {})
        words = (
            f"{counts.get('archive/exchanges', 0)} exchanges captured; posts: {counts.get('posts/new', 0)} new, "
            f"{counts.get('posts/updated', 0)} updated, {counts.get('posts/unchanged', 0)} unchanged"
        )
        self._add(f"crawl edition {edition}", words, seconds, done)

    def _reparse(self) -> None:
        remade = self.folder / "remade"
        shutil.rmtree(remade, ignore_errors=True)
        seconds, done = self._call("reparse", _COLLECTION, "--out", str(remade))
        made, there = _read_tree(remade), _read_tree(self._posts_dir)
        same = sum(made.get(name) == data for name, data in there.items())
        is_equal = bool(there) and made == there
        self._add(
            "reparse, no network",
            f"{len(made)} posts rebuilt; {same} of {len(there)} identical",
            seconds,
            done if is_equal else _fail(done, "the posts differ from those of the crawl"),
        )
        shutil.rmtree(remade, ignore_errors=True)

    def _verify(self) -> None:
        seconds, done = self._call("verify", _COLLECTION, "--posts")
        self._add(
            "verify --posts",
            done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "",
            seconds,
            done,
        )

    def _call(self, *arguments: str) -> tuple[float, subprocess.CompletedProcess[str]]:
        command = [
            sys.executable,
            "-m",
            "scrapy",
            *arguments,
            "-s",
            f"DATA_DIR={self.folder}",
            "-s",
            "LOG_LEVEL=ERROR",
        ]
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment["SCRAPY_SETTINGS_MODULE"] = "crawler.settings"  # whatever the project folder says
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 (our own command)
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return time.monotonic() - began, done

    def _add(self, step: str, words: str, seconds: float, done: subprocess.CompletedProcess[str]) -> None:
        is_good = done.returncode == 0
        self.table.add_row(Text("✓", "green") if is_good else Text("✗", "red"), step, words, f"{seconds:.1f} s")
        if not is_good:
            self.failed += 1
            self.console.print(f"{step} failed:", style="red")
            self.console.print((done.stdout + done.stderr).strip())

    @property
    def _posts_dir(self) -> Path:
        return self.folder / "_posts" / _COLLECTION

    def _read_manifest(self) -> dict[str, Any]:
        paths = sorted((self.folder / "collections" / _COLLECTION / "runs").glob("*.json"))
        return dict(json.loads(paths[-1].read_text("utf-8"))) if paths else {}

    def _show_result(self, seconds: float) -> None:
        collection = self.folder / "collections" / _COLLECTION
        warcs = sorted((collection / "archive").glob("*.warc.gz"))
        size = sum(path.stat().st_size for path in warcs)
        posts = sorted(self._posts_dir.glob("*.md"))
        self.console.print()
        self.console.print(
            Text(f"{len(posts)} posts", "bold"), f"from {size / 1000:.0f} kB of archive in {seconds:.1f} s"
        )
        places = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        places.add_row("posts", _shorten(self._posts_dir))
        places.add_row("captures", _shorten(collection / "archive"))
        places.add_row("run records", _shorten(collection / "runs"))
        self.console.print(places)
        if posts:
            self._show_post(posts[len(posts) // 2])

    def _show_post(self, path: Path) -> None:
        lines = path.read_text("utf-8").splitlines()[:_SHOWN_LINES]
        text = Syntax("\n".join(lines), "html+jinja", background_color="default", word_wrap=True)
        self.console.print()
        self.console.print(
            Panel(
                text,
                title=path.name,
                title_align="left",
                border_style="dim",
                width=min(110, self.console.width),
            )
        )
        options = f"-s DATA_DIR={_shorten(self.folder)}"
        self.console.print("Try next:", style="dim")
        for command in (f"reparse {_COLLECTION} --diff", f"verify {_COLLECTION} --posts"):
            self.console.print(f"  {name_program()} {command} {options}", soft_wrap=True)
        serve = f"  {name_program()} serve {options}    shows it at http://127.0.0.1:8080/"
        self.console.print(serve, soft_wrap=True)


def _read_tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.md")}


def _fail(done: subprocess.CompletedProcess[str], why: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(done.args, done.returncode or 1, done.stdout, f"{done.stderr}\n{why}")


def _shorten(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
