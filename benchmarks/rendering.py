"""What a page costs that scripts draw: CPU seconds and memory beside scrapy-playwright, on the same pages.

`python -m benchmarks.rendering --playwright ENVIRONMENT/bin/python`: that environment has scrapy-playwright, both use
the same Chromium, and each has two pages open at a time. A job is counted with all its processes, the browser included.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.crawler.rendering.scripted import APP, DEFINITION, SHELL, answer_with, describe
from tests.wire import WireServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wire import Route

_ROOT = Path(__file__).resolve().parent.parent
_SPIDER = Path(__file__).with_name("with_playwright.py")
_AT_ONCE = 2
_LOOK_EVERY_S = 0.1
_PACE = {"ROBOTSTXT_OBEY": False, "AUTOTHROTTLE_ENABLED": False, "DOWNLOAD_DELAY": 0, "LOG_LEVEL": "ERROR"}


def list_routes(stories: int) -> dict[str, Route]:
    """A list, and stories that are empty until a script has fetched their text."""
    links = "".join(f'<a href="/story/{number}">Story {number}</a> ' for number in range(1, stories + 1))
    routes: dict[str, Route] = {
        "/": answer_with(f"<html><body><p>News of the day</p>{links}</body></html>", "text/html"),
        "/app.js": answer_with(
            APP.replace("addEventListener('beforeunload'", "void ('beforeunload'"), "text/javascript"
        ),
    }
    for number in range(1, stories + 1):
        routes[f"/story/{number}"] = answer_with(SHELL, "text/html")
        routes[f"/api/story/{number}"] = answer_with(json.dumps(describe(number)), "application/json")
    return routes


def run_ours(url: str, stories: int, folder: Path) -> dict[str, float]:
    """Crawl with `[render]`; a post for every story, and everything archived."""
    definition = DEFINITION.format(base=url.rstrip("/"), when="shell", seconds=60)
    definition = definition.partition("scroll")[0]
    source = folder / "source.toml"
    source.write_text(definition, "utf-8")
    settings = _PACE | {"DATA_DIR": folder, "RESOLVER_ALLOW": "127.0.0.0/8", "RENDER_CONCURRENCY": _AT_ONCE}
    command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *_list_options(settings)]
    figures = _watch(command, cwd=_ROOT)
    _check(sum(1 for _ in folder.rglob("*.md")), stories, "newsreel")
    return figures


def run_playwright(python: str, url: str, stories: int, folder: Path) -> dict[str, float]:
    """Crawl with scrapy-playwright; an item for every story, and nothing archived."""
    handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
    launch = {"executable_path": shutil.which("chromium") or "", "chromium_sandbox": False}
    settings = _PACE | {
        "DOWNLOAD_HANDLERS": json.dumps({"http": handler, "https": handler}),
        "PLAYWRIGHT_LAUNCH_OPTIONS": json.dumps(launch),
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": _AT_ONCE,
        "CONCURRENT_REQUESTS": _AT_ONCE,
    }
    items = folder / "items.jsonl"
    command = [python, "-m", "scrapy", "runspider", str(_SPIDER), "-a", f"url={url}", "-o", str(items)]
    figures = _watch([*command, *_list_options(settings)], cwd=folder)
    lines = items.read_text("utf-8").splitlines() if items.exists() else []
    _check(sum(bool(json.loads(line)["headline"]) for line in lines), stories, "scrapy-playwright")
    return figures


def _list_options(settings: dict[str, object]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]


def _check(got: int, wanted: int, name: str) -> None:
    if got != wanted:
        sys.exit(f"{name} gave {got} articles of {wanted}")


def _watch(command: list[str], *, cwd: Path) -> dict[str, float]:
    """Run a command; return the CPU seconds of all its processes, and the most memory that they held together."""
    began = time.monotonic()
    cpu_s: dict[int, float] = {}
    peak = 0
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        held = 0
        with suppress(psutil.Error):
            root = psutil.Process(process.pid)
            for one in (root, *root.children(recursive=True)):
                with suppress(psutil.Error):
                    times = one.cpu_times()
                    cpu_s[one.pid] = times.user + times.system
                    held += one.memory_full_info().pss
        peak = max(peak, held)
        time.sleep(_LOOK_EVERY_S)
    return {"cpu_s": sum(cpu_s.values()), "peak_mb": peak / (1 << 20), "wall_s": time.monotonic() - began}


def main() -> None:
    """Measure both in turn, and print the medians, one JSON object each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--playwright", metavar="PYTHON", help="of an environment with scrapy-playwright")
    parser.add_argument("--stories", type=int, default=40, metavar="N", help="default: 40")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: 3")
    options = parser.parse_args()
    jobs: dict[str, Callable[[str, int, Path], dict[str, float]]] = {"newsreel": run_ours}
    if options.playwright:
        jobs["scrapy-playwright"] = lambda url, stories, folder: run_playwright(
            options.playwright, url, stories, folder
        )
    found: dict[str, list[dict[str, float]]] = {name: [] for name in jobs}
    with WireServer(list_routes(options.stories)) as server:
        for _ in range(options.rounds):
            for name, run in jobs.items():
                with tempfile.TemporaryDirectory() as folder:
                    found[name].append(run(server.url("/"), options.stories, Path(folder)))
    for name, rounds in found.items():
        figures = {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}
        figures["cpu_s_a_page"] = round(figures["cpu_s"] / options.stories, 3)
        print(json.dumps({"job": name, "stories": options.stories, **figures}))


if __name__ == "__main__":
    main()
