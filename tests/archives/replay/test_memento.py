"""The Memento protocol, spoken by a client that other people wrote.

`NEWSREEL_MEMENTO` names the Python of a virtual environment that holds memento-client: it is from 2017, and its
dependencies are none of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from archives.replay.app import ReplayApp
from archives.replay.lookup import OpenIndexes, Single
from archives.replay.server import ReplayServer
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer

if TYPE_CHECKING:
    from archives.storage.collection import Collection

MEMENTO = os.environ.get("NEWSREEL_MEMENTO", "")
SCRIPT = """
import datetime, json, sys
from memento_client import MementoClient
gate, original = sys.argv[1:]
client = MementoClient(timegate_uri=gate, check_native_timegate=False)
at = datetime.datetime(2026, 3, 6, 1, 2, 3)
found = client.get_memento_info(original, at)
again = client.get_memento_info(found["mementos"]["closest"]["uri"][0], at)
print(json.dumps([found, again], default=str))
"""


class Original(BaseHTTPRequestHandler):
    """The client wants the original to be there."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815 (the base class calls it so)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.mark.skipif(not MEMENTO, reason="NEWSREEL_MEMENTO does not name a Python that has memento-client")
def test_a_memento_client_finds_its_way(collection: Collection) -> None:
    indexes = OpenIndexes(Single(collection))
    with HTTPServer(("127.0.0.1", 0), Original) as original, ReplayServer(ReplayApp(indexes)) as server:
        url = f"http://127.0.0.1:{original.server_address[1]}/"
        with build_writer(collection) as writer:
            for day in range(5):
                writer.write(build_exchange(day, url=url, began_at=BEGAN_AT + timedelta(days=day)))
        threads = [threading.Thread(target=each.serve_forever) for each in (original, server)]
        for thread in threads:
            thread.start()
        environment = {"PATH": "", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        command = [MEMENTO, "-c", SCRIPT, f"{server.url}news/", url]
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
        finally:
            for each in (original, server):
                each.shutdown()
            for thread in threads:
                thread.join()
    indexes.close()
    assert done.returncode == 0, done.stderr
    found, again = json.loads(done.stdout)
    closest = f"{server.url}news/20260306022111/{url}"
    assert found["mementos"]["closest"]["uri"] == [closest]
    assert found["original_uri"] == url
    assert found["timegate_uri"] == f"{server.url}news/{url}"
    assert again["mementos"]["closest"]["uri"] == [closest]
    assert again["original_uri"] == url
