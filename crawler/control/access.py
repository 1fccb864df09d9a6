"""Access control: crawls may be started and stopped with the token, from this port's own pages or by a program.

A browser shows the token once and then a cookie that is derived from it. Cookies do not tell ports apart, so a form of
another page on this host would be sent with it: each form therefore holds a key as well, and the headers `Origin` and
`Sec-Fetch-Site` must name this port. A program sends the token itself, which no page can make a browser do.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archives.replay.http import Request

VARIABLE: Final = "NEWSREEL_CONTROL_TOKEN"
_LEAST: Final = 16
_COOKIE: Final = "newsreel_control"


class Access:
    """Checks requests against a token; every comparison takes constant time."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.form_key = self._derive("form")

    @property
    def cookie(self) -> str:
        """What the browser is to keep: not for scripts, and not for forms of other sites."""
        return f"{_COOKIE}={self._derive('cookie')}; Path=/; HttpOnly; SameSite=Lax"

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token."""
        return _is_same(text, self._token)

    def is_program(self, request: Request) -> bool:
        """Return whether a request brings the token itself. Spec: RFC 6750 §2.1."""
        scheme, _, credentials = request.get("authorization").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(credentials.strip())

    def may_read(self, request: Request) -> bool:
        """Return whether a request may see the pages."""
        try:
            morsel = SimpleCookie(request.get("cookie")).get(_COOKIE)
        except CookieError:
            morsel = None
        return self.is_program(request) or (morsel is not None and _is_same(morsel.value, self._derive("cookie")))

    def may_act(self, request: Request, form: Mapping[str, str]) -> bool:
        """Return whether a form may be acted upon: from a program, or from a page of ours in a browser with the token.

        Spec: Fetch Metadata Request Headers (W3C) §2.3; RFC 6454 §7.
        """
        if self.is_program(request):
            return True
        is_ours = request.get("origin") in {"", f"http://{request.host}"}
        is_ours = is_ours and request.get("sec-fetch-site") in {"", "same-origin"}
        return self.may_read(request) and is_ours and _is_same(form.get("key", ""), self.form_key)

    def _derive(self, purpose: str) -> str:
        return hmac.new(self._token.encode(), f"newsreel control {purpose}".encode(), hashlib.sha256).hexdigest()


def find_token() -> str:
    """Return the token of the environment, or else a new one.

    Raises:
        CollectionError: that of the environment is too short.
    """
    token = os.environ.get(VARIABLE, "")
    if token and len(token) < _LEAST:
        raise CollectionError(f"{VARIABLE} must have at least {_LEAST} characters; without it a token is made")
    return token or secrets.token_urlsafe(24)


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
