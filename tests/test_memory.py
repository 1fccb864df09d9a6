"""One record of 300 MB: every command that passes over it stays below 200 MB."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from itertools import repeat
from pathlib import Path
from typing import Final

import pytest

from tests.project import ROOT

MOST_KB: Final = 200 * 1024
LARGE: Final = "http://mirror.example/2026/01/01/large.html"
SMALL: Final = "http://paper.example/2026/01/01/small.html"
# Peak memory of the program itself: what the kernel counts for a child begins with what its parent had.
RUN: Final = """
import atexit, pathlib, re, sys
def say():
    print("peak", re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1], file=sys.stderr)
atexit.register(say)
from scrapy.cmdline import execute
execute(["scrapy", *sys.argv[1:]])
"""


def build_member(url: str, number: int, text: bytes, times: int) -> bytes:
    """A page that says the same as often as asked, in one gzip member."""
    size = len(text) * times
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % size
    header = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(head) + size}\r\n\r\n"
    )
    member = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = (header.encode() + head, *repeat(text, times), b"\r\n\r\n")
    return b"".join(map(member.compress, parts)) + member.flush()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    page = b"<title>Small</title><article><h1>Small</h1><p>" + b"It was said in the town on Monday. " * 30
    # Commands look at the first record of a file for what it says of the others.
    members = (build_member(LARGE, 2, b"<p>text" * 150_000, 300), build_member(SMALL, 1, page, 1))
    (folder / "a.warc.gz").write_bytes(b"".join(members))
    return folder


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_record_of_300_mb_takes_less_than_200_mb(folder: Path) -> None:
    """The page is named where pages are read, and none of the commands that copy or check it minds."""
    for arguments, exit_code in (
        (("import", str(folder / "a.warc.gz"), "--collection", "large"), 1),
        (("index", "large"), 0),
        (("verify", "large"), 0),
        (("reparse", "large"), 1),
        (("cite", LARGE, "It was said in the town on Monday."), 1),
        (("pack", "large", "--output", str(folder / "a.wacz")), 0),
    ):
        command = [sys.executable, "-c", RUN, *arguments, "-s", f"DATA_DIR={folder / 'data'}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        peak = re.search(r"^peak (\d+)$", done.stderr, re.MULTILINE)
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert peak is not None, done.stderr
        assert int(peak[1]) < MOST_KB, arguments
        assert exit_code == 0 or re.search("more than the (33554432|16777216) that are read here", done.stderr)
