"""One headless Chromium per run, started for the first page and restarted after a crash.

No request of it leaves but through a page's proxy: names resolve to nothing, the browser's background requests are
off, and what has no proxy has one that leads nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from typing import TYPE_CHECKING, Any, Final

from crawler.rendering.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Browser as ChromiumBrowser

logger = logging.getLogger(__name__)

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_START_S: Final = 60.0
_CLOSE_S: Final = 5.0
_NOWHERE: Final = "http://127.0.0.1:9"
_FLAGS: Final = (
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-features=CertificateTransparencyComponentUpdater,DnsOverHttps,MediaRouter,OptimizationHints,Translate",
    "--disable-quic",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--proxy-bypass-list=<-loopback>",
)


def driver_error() -> type[Exception]:
    """Return what the driver raises; known where a page is open, since the driver is installed there."""
    from playwright.async_api import Error  # noqa: PLC0415 (an extra)

    error: type[Exception] = Error
    return error


class BrowserMissing(Exception):
    """There is no browser, or nothing to drive it; the sentence says what to install."""


class Browser:
    """Starts Chromium, and starts it again.

    Args:
        path: of the browser; '' looks for one.
        arguments: further flags.
    """

    def __init__(self, *, path: str = "", arguments: Sequence[str] = ()) -> None:
        self.authority = Authority()
        self.starts = 0
        self._path = path
        self._arguments = arguments
        self._driver: Any = None
        self._running: ChromiumBrowser | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> ChromiumBrowser:
        """Return the browser, started if it is not running.

        Raises:
            BrowserMissing: there is none, or it does not start.
        """
        async with self._turn:
            if self._running is None or not self._running.is_connected():
                self._running = await self._start()
            return self._running

    async def _start(self) -> ChromiumBrowser:
        try:
            from playwright.async_api import Error, async_playwright  # noqa: PLC0415 (an extra)
        except ImportError:
            raise BrowserMissing("a browser needs the extra 'browser': pip install 'newsreel[browser]'") from None
        path = self._path or next(filter(None, map(shutil.which, _NAMES)), "")
        if not path:
            raise BrowserMissing("there is no Chromium; install it, or name it by RENDER_BROWSER")
        if self._driver is None:
            self._driver = await async_playwright().start()
        flags = [*_FLAGS, f"--ignore-certificate-errors-spki-list={self.authority.fingerprint}", *self._arguments]
        try:
            browser: ChromiumBrowser = await self._driver.chromium.launch(
                executable_path=path,
                args=flags,
                chromium_sandbox=os.geteuid() != 0,  # root has none
                proxy={"server": _NOWHERE, "bypass": "<-loopback>"},
                timeout=_START_S * 1000,
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except Error as error:
            raise BrowserMissing(f"{path} does not start: {str(error).splitlines()[0]}") from error
        self.starts += 1
        return browser

    async def give_up(self, browser: ChromiumBrowser) -> None:
        """Close a browser that does not answer, so that the next page starts another."""
        if self._running is browser:
            self._running = None
        with contextlib.suppress(Exception):
            await asyncio.wait_for(browser.close(), _CLOSE_S)

    async def close(self) -> None:
        """End the browser and its driver."""
        running, self._running = self._running, None
        if running is not None:
            await self.give_up(running)
        driver, self._driver = self._driver, None
        if driver is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(driver.stop(), _CLOSE_S)
