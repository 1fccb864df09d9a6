"""A site seen as a browser sees it: served on loopback, every page opened in headless Chromium, its DOM read."""

from __future__ import annotations

import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")

_HARNESS = """<!DOCTYPE html><meta charset="utf-8"><title>harness</title><body><script>
const texts = (page, selector) => [...page.querySelectorAll(selector)].map(e => e.textContent);
(async () => {
  const found = [];
  for (const path of PATHS) {
    const frame = document.createElement('iframe');
    await new Promise(done => { frame.onload = done; frame.src = path; document.body.append(frame); });
    const page = frame.contentDocument;
    const handlers = [...page.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/.test(a.name));
    found.push({path, title: page.title, h1: texts(page, 'h1'), shown: texts(page, 'small.date'),
      tags: texts(page, 'ul.tags li'), sections: texts(page, 'p.sections a').slice(0, -1),
      links: [...page.querySelectorAll('main li a')].map(e => [e.getAttribute('href'), e.textContent]),
      text: page.querySelector('main').innerText, scripts: page.scripts.length, handlers: handlers.length,
      danger: [...page.querySelectorAll('a[href]')].filter(a => /^javascript:/i.test(a.href)).length});
    frame.remove();
  }
  document.body.textContent = JSON.stringify(found);
  document.title = 'read';
})();
</script>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; gives its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def read_pages(site: Path, paths: list[str]) -> list[dict[str, Any]]:
    """Open pages of a site in a browser that reaches nothing but the site; return what it shows."""
    assert CHROMIUM is not None
    (site / "harness.html").write_text(_HARNESS.replace("PATHS", json.dumps([quote(path) for path in paths])), "utf-8")
    with serve(site) as address, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--virtual-time-budget=120000"]
        command += ["--dump-dom", f"{address}/harness.html"]
        environment = os.environ | {"HOME": profile}
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)
    (site / "harness.html").unlink()
    match = re.search(r"<body>(.*)</body>", done.stdout, re.DOTALL)
    assert match and "<title>read</title>" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(html.unescape(match[1]))
    return found
