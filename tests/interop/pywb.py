"""A pywb that serves a data directory, for the tests that ask what it makes of our files.

It is never installed beside us (it is GPL and pins old packages); `NEWSREEL_PYWB` names the `bin` directory of the
virtual environment that it has to itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PYWB = os.environ.get("NEWSREEL_PYWB", "")
TIMEOUT_S = 60.0

needs_pywb = pytest.mark.skipif(not PYWB, reason="NEWSREEL_PYWB does not name the bin directory of a pywb of its own")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run pywb over a data directory; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(PYWB, "wayback")), "-d", str(folder), "-b", "127.0.0.1", "-p", str(port)]
    log = folder / "pywb.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"pywb does not answer within {TIMEOUT_S} s: {log.read_text('utf-8', 'replace')}")


class _Unredirected(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def fetch(address: str) -> tuple[int, bytes]:
    """Return status and body of whatever is answered; redirects are not followed."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Unredirected)
    try:
        with opener.open(address, timeout=TIMEOUT_S) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def get(address: str) -> tuple[int, bytes]:
    """Status and body of an address, asked for without a proxy."""
    with _DIRECT.open(address, timeout=TIMEOUT_S) as response:
        return response.status, response.read()
