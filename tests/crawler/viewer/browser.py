"""A headless Chromium as the tests use it: pages opened, clicked and photographed over its debugging pipe.

Everything that the browser asks of the network, its own errands aside, is in its log; `list_requests` reads it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import select
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), "")
TIMEOUT_S = 120.0
_FLAGS = (
    "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--no-sandbox",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--disable-domain-reliability", "--disable-client-side-phishing-detection", "--no-pings",
    "--metrics-recording-only",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-pipe", "--no-default-browser-check", "--password-store=basic", "--mute-audio",
)  # fmt: skip
# What Chromium asks on its own account, whatever page is open.
_OWN_ERRANDS = re.compile(r"(?:^|\.)(?:google|googleapis|gvt1|gstatic|chromium)\.(?:com|org)$|^~notfound$")


@dataclass
class Page:
    """One tab."""

    browser: Browser
    session: str
    target: str

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def open(self, url: str, *, settle_s: float = 0.6) -> Self:
        """Go to an address, wait until it is loaded, then a while for what it may still try."""
        self.browser.forget_events("Page.loadEventFired")
        self.call("Page.navigate", url=url)
        self.browser.wait_for("Page.loadEventFired", self.session)
        time.sleep(settle_s)
        self.browser.drain()
        return self

    def follow(self, x: int, y: int) -> None:
        """Click where a link is, and wait until the page that it leads to is loaded."""
        self.browser.forget_events("Page.loadEventFired")
        self.click(x, y, settle_s=0)
        self.browser.wait_for("Page.loadEventFired", self.session)

    def read_html(self) -> str:
        """The document as the browser has it, frames of other origins left out."""
        root = self.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        return str(self.call("DOM.getOuterHTML", nodeId=root)["outerHTML"])

    def read_url(self) -> str:
        return str(self.call("Page.getFrameTree")["frameTree"]["frame"]["url"])

    def click(self, x: int, y: int, *, settle_s: float = 1.0) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        time.sleep(settle_s)
        self.browser.drain()

    def press(self, key: str, code: int, *, settle_s: float = 0.8) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)
        time.sleep(settle_s)

    def evaluate(self, script: str) -> Any:
        """Return what a script gives, where the page's own policy would let none run."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def resize(self, width: int, height: int, *, is_dark: bool = False, media: str = "screen") -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def take_picture(self, path: Path) -> Path:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
        return path

    def measure_overflow(self) -> float:
        """By how many pixels the page is wider than the window."""
        metrics = self.call("Page.getLayoutMetrics")
        return float(metrics["cssContentSize"]["width"] - metrics["cssLayoutViewport"]["clientWidth"])


@dataclass
class Browser:
    """A browser with its own profile below `folder`."""

    folder: Path
    _events: list[dict[str, Any]] = field(default_factory=list)
    _number: int = 0
    _rest: bytes = b""

    def __enter__(self) -> Self:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        self.log = self.folder / "net.json"
        shell = f'exec "$0" "$@" 3<&{read_commands} 4>&{write_answers}'
        command = ["bash", "-c", shell, CHROMIUM, *_FLAGS, f"--user-data-dir={self.folder / 'profile'}",
                   f"--log-net-log={self.log}", "--net-log-capture-mode=Everything", "about:blank"]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self._process = subprocess.Popen(
            command, pass_fds=(read_commands, write_answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment,
        )  # fmt: skip
        os.close(read_commands)
        os.close(write_answers)
        os.set_blocking(self._answers, False)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(TIMEOUT_S)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._commands)
            os.close(self._answers)

    def new_page(self, width: int = 1200, height: int = 850) -> Page:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "DOM", "Runtime"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        return page

    def list_pages(self) -> list[str]:
        """The addresses of all tabs."""
        return [t["url"] for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]

    def list_workers(self) -> list[str]:
        targets = self.call("Target.getTargets")["targetInfos"]
        return [t["url"] for t in targets if t["type"] in {"service_worker", "shared_worker", "worker"}]

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        number = self._number
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            for answer in self._read():
                if answer.get("id") == number:
                    assert "error" not in answer, (method, answer["error"])
                    return dict(answer.get("result", {}))
        raise AssertionError(f"{method} was not answered within {TIMEOUT_S} s")

    def wait_for(self, name: str, session: str) -> dict[str, Any]:
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            for event in self._events:
                if event.get("method") == name and event.get("sessionId") == session:
                    self._events.remove(event)
                    return event
            self._read()
        raise AssertionError(f"{name} did not happen within {TIMEOUT_S} s")

    def forget_events(self, name: str) -> None:
        self.drain()
        self._events = [event for event in self._events if event.get("method") != name]

    def drain(self) -> None:
        while self._read(wait_s=0.01):
            pass

    def list_events(self, name: str) -> list[dict[str, Any]]:
        self.drain()
        return [event for event in self._events if event.get("method") == name]

    def _read(self, wait_s: float = 0.05) -> list[dict[str, Any]]:
        assert self._process.poll() is None, "the browser has died"
        try:
            self._rest += os.read(self._answers, 1 << 20)
        except BlockingIOError:
            select.select([self._answers], [], [], wait_s)
            return []
        *messages, self._rest = self._rest.split(b"\0")
        found = [json.loads(message) for message in messages]
        self._events += [message for message in found if "method" in message]
        return found


def list_requests(log: Path) -> list[str]:
    """Every address that was requested and every name that was looked up, from the log of a browser that has ended."""
    text = log.read_text("utf-8", "replace")
    urls = re.findall(r'"url":"((?:https?|wss?|ftp):[^"]*)"', text)
    urls += [f"http://{host}/" for host in re.findall(r'"host":"(?:https?://)?([^"/:]+)', text)]
    return sorted({url for url in urls if not _OWN_ERRANDS.search(urlsplit(url).hostname or "")})
