"""Shows shapes to a browser and records what runs, what is requested and what could run."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.crawler.viewer.browser import Browser, Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_TIMEOUT_S = 180
# `fire` is there before any script of a page; `tell` is how the browser hears of it.
_FIRE = "self.fire = number => { try { tell(String(number)) } catch {} }"
# Does to a document what a reader may do, and lists what could act in it, whatever names it has given to its elements.
_PROVOKE = """
const attributesOf = Object.getOwnPropertyDescriptor(Element.prototype, 'attributes').get;
const localName = Object.getOwnPropertyDescriptor(Element.prototype, 'localName').get;
function provoke(page, inside) {
  const found = [];
  for (const element of Document.prototype.querySelectorAll.call(page, '*')) {
    const name = localName.call(element);
    let isScript = false;
    for (const {name: key, value} of [...attributesOf.call(element)]) {
      if (/^on./i.test(key)) {
        found.push(`${name} ${key}`);
        try { element.dispatchEvent(new Event(key.slice(2).toLowerCase())) } catch {}
      }
      if (/^(href|xlink:href|src|action|formaction|data|to|values)$/i.test(key)) {
        let target = '';
        try { target = new URL(value, page.baseURI).protocol } catch {}
        isScript ||= target === 'javascript:' || target === 'vbscript:';
        const isPage = target === 'data:' && !/^\\s*data:(image|video|audio)/i.test(value);
        if (isScript || isPage) found.push(`${name} ${key}=${value}`);
      }
    }
    try { isScript ||= /^\\s*javascript:/i.test(element.href.animVal) } catch {}
    if (isScript) try {
      const click = () => EventTarget.prototype.dispatchEvent.call(
        element, new MouseEvent('click', {bubbles: true, cancelable: true}));
      name === 'form' ? HTMLFormElement.prototype.requestSubmit.call(element) : click();
    } catch {}
    if (inside.includes(name) && element.closest('main')) found.push(name);
  }
  return found;
}
"""
# What has no place in the text of a post.
ELEMENTS = [
    "script", "iframe", "frame", "frameset", "object", "embed", "applet", "base", "form", "input", "button", "select",
    "textarea", "style", "template", "svg", "math", "meta", "link", "portal", "dialog", "marquee", "noscript", "xmp",
]  # fmt: skip
_FRAMES = """<!doctype html><meta charset="utf-8"><title>waiting</title><body><main></main><script>
%(provoke)s
(async () => {
  const sources = await (await fetch('/stage.json')).json();
  const found = {};
  const frames = Object.entries(sources).map(([name, source]) => {
    const frame = document.createElement('iframe');
    const loaded = new Promise(done => { frame.onload = done; setTimeout(done, 60000); });
    for (const [key, value] of Object.entries(source)) frame[key] = value;
    document.body.append(frame);
    return [name, frame, loaded];
  });
  for (const [, , loaded] of frames) await loaded;
  await new Promise(done => setTimeout(done, %(settle)d));
  for (const [name, frame] of frames) try { found[name] = provoke(frame.contentDocument, %(elements)s) } catch {}
  await new Promise(done => setTimeout(done, %(settle)d));
  self.found = found;
  document.title = 'done';
})();
</script>"""


@dataclass
class Live:
    """A server that must not be asked for anything but pictures, and remembers what it was asked for."""

    asked: set[str] = field(default_factory=set)
    url: str = ""

    @contextmanager
    def open(self) -> Iterator[Live]:
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.add(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "1")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write(b"x")

            do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 (the names are the library's)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        with _serve(Handler) as self.url:
            yield self

    def take_numbers(self) -> set[int]:
        """The shapes that asked for what they must not, and forget them."""
        numbers = {int(path.split("/")[1]) for path in self.asked if path.split("/")[1].isdecimal()}
        self.asked.clear()
        return numbers


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; gives its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with _serve(functools.partial(Handler, directory=str(folder))) as url:
        yield url


@contextmanager
def _serve(handler: Any) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What happened when pages were shown.

    Attributes:
        fired: the shapes whose script has run.
        asked: the shapes that asked for something else than a picture.
        acting: by page, what could act in it.
    """

    fired: set[int]
    asked: set[int]
    acting: dict[str, list[str]]


@dataclass
class Stage:
    """One browser tab, and the ear beside it."""

    page: Page
    live: Live

    @classmethod
    def build(cls, browser: Browser, live: Live) -> Stage:
        page = browser.new_page()
        page.call("Runtime.addBinding", name="tell")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=_FIRE)
        return cls(page, live)

    def show_in_frames(self, folder: Path, frames: dict[str, dict[str, str]], *, settle_ms: int = 700) -> Seen:
        """Show many pages at once, each in a frame of one page that is in the folder.

        Args:
            frames: by name, the properties of each frame: `src` or `srcdoc`.
        """
        values = {"provoke": _PROVOKE, "settle": settle_ms, "elements": json.dumps(ELEMENTS)}
        (folder / "stage.html").write_text(_FRAMES % values, "utf-8")
        (folder / "stage.json").write_text(json.dumps(frames), "utf-8")
        with serve_folder(folder) as url:
            self.page.open(f"{url}/stage.html", settle_s=0)
            self._wait_for_title()
            acting = self.evaluate("JSON.stringify(self.found)")
        self.page.open("about:blank", settle_s=0)  # what moves on a page costs time as long as it is open
        return self._look(acting)

    def show_each(self, urls: Iterable[str]) -> Seen:
        """Show pages one after the other."""
        acting: dict[str, list[str]] = {}
        for url in urls:
            self.page.open(url, settle_s=0)
            acting[url] = json.loads(self.evaluate(f"{_PROVOKE}; JSON.stringify(provoke(document, []))"))
            assert self.page.read_url() == url
        return self._look(json.dumps(acting))

    def evaluate(self, script: str) -> str:
        answer = self.page.call("Runtime.evaluate", expression=f"(() => {{ {_last(script)} }})()", returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return str(answer["result"].get("value"))

    def _wait_for_title(self) -> None:
        until = time.monotonic() + _TIMEOUT_S
        while self.evaluate("document.title") != "done":
            assert time.monotonic() < until, "the pages were not all shown in time"
            self.page.browser.drain()
            time.sleep(0.1)

    def _look(self, acting: str) -> Seen:
        events = self.page.browser.list_events("Runtime.bindingCalled")
        self.page.browser.forget_events("Runtime.bindingCalled")
        fired = {int(event["params"]["payload"]) for event in events}
        found = {name: things for name, things in json.loads(acting).items() if things}
        return Seen(fired=fired, asked=self.live.take_numbers(), acting=found)


def _last(script: str) -> str:
    """The script with its last statement's value returned."""
    before, _, last = script.rpartition("; ")
    return f"{before}; return {last}" if before else f"return {last}"
