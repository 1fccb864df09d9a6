"""The session of one source in one run: what it adds to requests and masks in captures.

Secrets are added where a request becomes bytes and nowhere before, so they are in no request that is stored, logged
or handed to anybody. What is recorded is starred out before it becomes a record, with its length kept.
"""

from __future__ import annotations

import base64
import re
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy.http.cookies import WrappedRequest, WrappedResponse

from archives.errors import RecordError
from archives.warc.content_codings import decode_body
from archives.warc.http_responses import load_head
from archives.warc.messages import cut_payload, find_head_size, split_head, split_interim
from crawler.sessions.cookie_files import load_cookies
from crawler.sessions.secret_values import SecretValues, load_value
from crawler.sources.model import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.cookiejar import Cookie

    from crawler.sources.model import Source

META_LOGIN: Final = "login"
_MOST_BYTES: Final = 32 * 1024 * 1024
_SET_COOKIE: Final = re.compile(rb"(?im)^(set-cookie2?[ \t]*:[ \t]*[^=;\r\n]*=)([^;\r\n]*)")
# Shorter ones are counters, dates and languages, which are on pages as well.
_LEAST_COOKIE: Final = 16


class SourceSession:
    """What a source knows us by, with the secrets read.

    Attributes:
        secrets: what must stay out of everything that is kept.
        jar: the cookies of this source only.

    Raises:
        SourceError: a secret is not where the definition says.
    """

    def __init__(self, source: Source) -> None:
        assert source.session is not None
        self.source = source
        self.login = source.session.login
        self.secrets = SecretValues()
        self.jar = CookieJar(DefaultCookiePolicy(rfc2965=False))
        self._login_host = urlsplit(self.login.url).netloc if self.login else ""
        self._is_plain = all(seed.startswith("http://") for seed in source.seeds)
        self._headers = self._load_headers()
        if source.session.cookies:
            self._load_cookies(source.session.cookies)

    def _load(self, text: str, key: str) -> str:
        value = load_value(text, beside=self.source.path, key=key)
        if value != text:
            self.secrets.add(value)
        return value

    def _load_headers(self) -> dict[str, tuple[str, bool]]:
        """Return each field's value, and whether it is secret."""
        session = self.source.session
        assert session is not None
        found = {}
        for name, text in session.headers.items():
            value = self._load(text, f"session.headers.{name}")
            found[name] = (value, value != text)
        if session.basic:
            user, password = (
                self._load(text, f"session.basic.{name}")
                for name, text in zip(("user", "password"), session.basic, strict=True)
            )
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.secrets.add(token)
            found["Authorization"] = (f"Basic {token}", True)
        return found

    def _load_cookies(self, reference: str) -> None:
        text = load_value(reference, beside=self.source.path, key="session.cookies")
        domains = [urlsplit(prefix).hostname or "" for prefix in self.source.scope.prefixes]
        try:
            cookies = load_cookies(text, list(dict.fromkeys(filter(None, domains))))
        except ValueError as error:
            raise SourceError(str(error), path=self.source.path, key="session.cookies") from error
        for cookie in cookies:
            self.jar.set_cookie(cookie)
            self._hide(cookie)

    def _hide(self, cookie: Cookie) -> None:
        if cookie.value and len(cookie.value) >= _LEAST_COOKIE:
            self.secrets.add(cookie.value)

    def load_login_fields(self) -> dict[str, str]:
        """Return what goes into the fields of the log-in form.

        Raises:
            SourceError: a secret is not where the definition says.
        """
        fields: Mapping[str, str] = self.login.fields if self.login else {}
        return {name: self._load(text, f"session.login.fields.{name}") for name, text in fields.items()}

    def admits(self, url: str) -> bool:
        """Return whether an address may learn who we are: one in the scope of the source, or that of its log-in."""
        parts = urlsplit(url)
        if parts.scheme == "http" and not self._is_plain:
            return False
        return self.source.admits(url) or (parts.netloc != "" and parts.netloc == self._login_host)

    def list_fields(self, url: str) -> list[tuple[bytes, bytes, bool]]:
        """Return the header fields that a request gets: name, value, whether it is secret. None without a session.

        Content codings are not requested, because nothing can be starred out of coded bytes.
        """
        if not self.admits(url):
            return []
        fields = [(name.encode(), value.encode(), is_secret) for name, (value, is_secret) in self._headers.items()]
        fields.append((b"Accept-Encoding", b"identity", False))
        probe = Request(url)
        self.jar.add_cookie_header(WrappedRequest(probe))  # type: ignore[arg-type]
        cookie = probe.headers.get(b"Cookie")
        return [*fields, (b"Cookie", cookie, True)] if cookie else fields

    def note_response(self, url: str, raw_response: bytes, *, is_login: bool) -> None:
        """Keep the cookies that a response sets, if it comes from where we are known.

        Args:
            is_login: it belongs to a log-in, so that its cookies are as good as a password.
        """
        if not self.admits(url):
            return
        head = load_head(_cut_head(raw_response))
        values = head.get_all(b"Set-Cookie")
        if values:
            response = Response(url, headers=Headers({"Set-Cookie": values}))
            made = self.jar.make_cookies(WrappedResponse(response), WrappedRequest(Request(url)))  # type: ignore[arg-type]
            for cookie in made:
                self.jar.set_cookie_if_ok(cookie, WrappedRequest(Request(url)))  # type: ignore[arg-type]
                if is_login:
                    self._hide(cookie)

    def mask_request(self, raw_request: bytes, *, is_login: bool) -> bytes:
        """Star secrets out of a request; of a log-in, all of its body."""
        if is_login:
            head, body = split_head(raw_request)
            raw_request = head + b"*" * len(body)
        return self.secrets.mask(raw_request)

    def mask_response(self, raw_response: bytes) -> bytes:
        """Star out of a response the values of its cookies, and every secret that is in it as it is."""
        size = len(_cut_head(raw_response))
        head = _SET_COOKIE.sub(lambda found: found[1] + b"*" * len(found[2]), raw_response[:size])
        return self.secrets.mask(head + raw_response[size:])

    def is_leaking(self, raw_response: bytes) -> bool:
        """Return whether a secret is in a response once its codings are undone, where no mask reaches it."""
        _, block = split_interim(raw_response)
        size = find_head_size(block)
        head = load_head(block[:size])
        codings = [
            coding for value in head.get_all(b"Content-Encoding") for coding in value.decode("latin-1").split(",")
        ]
        try:
            payload = decode_body(cut_payload(head.headers, block[size:]), codings, max_bytes=_MOST_BYTES)
        except RecordError:
            return bool(codings)  # unknown
        return self.secrets.is_in(payload)

    def iter_cookies(self) -> Iterator[Cookie]:
        """Yield the cookies as they are now."""
        yield from self.jar


def _cut_head(raw_response: bytes) -> bytes:
    """Return what stands before the body, interim responses included."""
    _, block = split_interim(raw_response)
    return raw_response[: len(raw_response) - len(block) + find_head_size(block)]


def open_session(source: Source) -> SourceSession | None:
    """Return the session of a source; None if its publisher does not know us.

    Raises:
        SourceError: a secret is not where the definition says.
    """
    if source.session is None:
        return None
    session = SourceSession(source)
    session.load_login_fields()
    return session
