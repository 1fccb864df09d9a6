"""Consent cookies: what pages set while a definition's clicks are done, given to the pages that follow in the run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import BrowserContext

# A page may set hundreds, and each page that follows would be given them all.
_MOST_COOKIES: Final = 100


class ConsentCookies:
    """The consent cookies of one source in one run.

    They stay in memory. What a page sets by itself, such as a count of the articles read, is not among them.
    """

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Any] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    async def give_to(self, context: BrowserContext) -> None:
        """Set the cookies in the profile of a page, before it is opened."""
        if self._cookies:
            await context.add_cookies(list(self._cookies.values()))

    @asynccontextmanager
    async def watch(self, context: BrowserContext) -> AsyncIterator[None]:
        """Remember the cookies that are new or changed when the block ends."""
        before = {_find_key(cookie): cookie.get("value") for cookie in await context.cookies()}
        yield
        for cookie in await context.cookies():
            key = _find_key(cookie)
            is_room = key in self._cookies or len(self._cookies) < _MOST_COOKIES
            if is_room and before.get(key) != cookie.get("value"):
                self._cookies[key] = cookie


def _find_key(cookie: Any) -> tuple[str, str, str]:
    """Return what tells a cookie from others. Spec: RFC 6265 §5.3, step 11."""
    return cookie["name"], cookie["domain"], cookie["path"]
