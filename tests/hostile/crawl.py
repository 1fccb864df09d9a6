"""One crawl of a hostile site in its own process, with what it cost."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.project import LOOPBACK, ROOT, Data

SETTINGS: dict[str, object] = LOOPBACK | {
    "RESOLVER_ALLOW": "127.0.0.1/32",
    "CONCURRENT_REQUESTS": 32,
    "DOWNLOAD_TIMEOUT": 20,
    "RETRY_ENABLED": False,
    "BOUNDS_PAGE_SECONDS": 1,
    "BOUNDS_HOPS": 20,
    "BOUNDS_HOST_PAGES": 600,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """The results of a crawl.

    Attributes:
        peak_bytes: the most memory that the process had, as the system tells.
        stats: Scrapy's, but for what is not a literal.
    """

    exit_code: int
    seconds: float
    peak_bytes: int
    log: str
    stats: dict[str, Any]


def crawl_hostile(toml: str, data: Data, **settings: object) -> Crawl:
    """Crawl a source with 32 requests at a time; no test may take longer than two minutes here."""
    source = data.path.parent / "hostile.toml"
    source.write_text(toml, "utf-8")
    command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}"]
    for name, value in (SETTINGS | {"DATA_DIR": data.path} | settings).items():
        command += ["-s", f"{name}={value}"]
    log = data.path.parent / "log"
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    began = time.monotonic()
    peak = 0
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, env=clean, stdout=stream, stderr=stream)
        while process.poll() is None:
            peak = max(peak, read_peak(process.pid))
            time.sleep(0.02)
    text = log.read_text("utf-8", "replace")
    return Crawl(
        exit_code=process.returncode,
        seconds=time.monotonic() - began,
        peak_bytes=peak,
        log=text,
        stats=_read_stats(text),
    )


def read_peak(pid: int) -> int:
    """The most memory that a living process has had, in bytes; 0 if the system does not tell.

    Not what `wait4` tells: that begins with what the process had that it was forked from.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _read_stats(log: str) -> dict[str, Any]:
    found = re.search(r"Dumping Scrapy stats:\n(\{.*?\})\n", log, re.DOTALL)
    pairs = re.findall(r"'([^'\n]+)': (\d+(?:\.\d+)?)[,}]", found[1]) if found else []
    return {name: ast.literal_eval(number) for name, number in pairs}


def read_posts(data: Data) -> dict[str, str]:
    """The post files of the crawl by name."""
    return {path.name: path.read_text("utf-8") for path in sorted(Path(data.posts("hostile")).glob("*.md"))}
