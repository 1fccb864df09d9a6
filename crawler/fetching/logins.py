"""Logs in before the first page, and again when the session has expired.

The log-in is a few ordinary requests: in scope or to the log-in's own host, captured like all others, the secrets
starred out. A log-in that fails is logged once; then the crawl continues without a session.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode, urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html
from scrapy import Request
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK

from crawler.fetching.pauses import META_WAITS
from crawler.fetching.robots import META_ROBOTS
from crawler.sessions.session import META_LOGIN, SourceSession
from pipelines.page.encodings import decode_page
from pipelines.page.page import Page

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from crawler.sources.model import Login

logger = logging.getLogger(__name__)

META_SESSION: Final = "session"
META_RENEWALS: Final = "session_renewals"
_PRIORITY: Final = 900
_MOST_RENEWALS: Final = 2
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


class LoginFailed(Exception):
    """A log-in that did not work; the sentence says why."""


class LoginMiddleware:
    """Keeps a source logged in.

    Sets `request.meta["session"]`, the number of the log-in under which a request is sent.

    Stats: `session/logins`, `session/login_failed`, `session/lapsed`, `session/refused` (pages that stayed closed after
    a new log-in), `session/secret_in_address` (links that are not followed because they hold a secret).
    """

    def __init__(self, crawler: Crawler, session: SourceSession) -> None:
        self._crawler = crawler
        self._session = session
        self._login: asyncio.Task[bool] | None = None
        self._number = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run.

        Raises:
            NotConfigured: the source has no session.
        """
        session = getattr(crawler.spider, "session", None)
        if not isinstance(session, SourceSession):
            raise NotConfigured
        return cls(crawler, session)

    async def process_request(self, request: Request) -> None:
        """Let a request pass once we are logged in, or raise `IgnoreRequest`."""
        if META_LOGIN not in request.meta and self._session.secrets.is_in(request.url.encode()):
            self._crawler.stats.inc_value("session/secret_in_address")
            raise IgnoreRequest("an address that holds a secret of the session is not requested")
        if not self._concerns(request):
            return
        if self._login is None:
            self._login = asyncio.ensure_future(self._log_in())
        await asyncio.shield(self._login)
        request.meta[META_SESSION] = self._number

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        """Pass a page on, or ask for it again under a new log-in where the old one has lapsed."""
        login = self._session.login
        if login is None or self._login is None or not self._concerns(request):
            return response
        has_failed = self._login.done() and not self._login.result()
        if has_failed or not has_lapsed(response, login):
            return response
        renewals = request.meta.get(META_RENEWALS, 0)
        if renewals >= _MOST_RENEWALS:
            self._crawler.stats.inc_value("session/refused")
            return response
        if request.meta.get(META_SESSION) == self._number:
            self._crawler.stats.inc_value("session/lapsed")
            self._number += 1
            self._login = asyncio.ensure_future(self._log_in())
        return request.replace(dont_filter=True, meta=request.meta | {META_RENEWALS: renewals + 1})

    def _concerns(self, request: Request) -> bool:
        is_own = META_LOGIN in request.meta or META_ROBOTS in request.meta
        return self._session.login is not None and not is_own and self._session.admits(request.url)

    async def _log_in(self) -> bool:
        assert self._session.login is not None
        try:
            await self._try_login(self._session.login)
        except Exception as error:  # noqa: BLE001 - whatever it was, the crawl continues without a log-in
            self._crawler.stats.inc_value("session/login_failed")
            logger.error("The log-in of source %s failed: %s; the crawl continues without it", self._name, error)
            return False
        self._crawler.stats.inc_value("session/logins")
        return True

    @property
    def _name(self) -> str:
        return self._session.source.name

    async def _try_login(self, login: Login) -> None:
        fields = self._session.load_login_fields()
        if login.send == "form":
            page = await self._ask(Request(login.url))
            request = build_form_request(page, login, fields)
        elif login.send == "json":
            headers = {"Content-Type": "application/json"}
            request = Request(login.url, method="POST", headers=headers, body=json.dumps(fields))
        else:
            request = Request(login.url, method="POST", headers={"Content-Type": _FORM_TYPE}, body=urlencode(fields))
        answer = await self._ask(request)
        if answer.status >= 400:
            raise LoginFailed(f"it was answered {answer.status}")
        if login.check is not None and not login.check.find_all(read_page(answer)):
            raise LoginFailed("the page after it does not look logged in, by session.login.check")
        if login.lapsed is not None and login.lapsed.find_all(read_page(answer)):
            raise LoginFailed("the page behind it asks to log in, by session.login.lapsed")

    async def _ask(self, request: Request) -> Response:
        engine = self._crawler.engine
        login = self._session.login
        assert engine is not None
        assert login is not None
        meta = {META_LOGIN: login.url, META_WAITS: True, "download_maxsize": 4 * 1024 * 1024}
        own = request.replace(meta=meta, priority=_PRIORITY, callback=NO_CALLBACK, dont_filter=True)
        return await engine.download_async(own)


def read_page(response: Response) -> Page:
    """Return a response as expressions read it."""
    kind = response.headers.get(b"Content-Type") or b""
    return Page(decode_page(response.body, content_type=kind), response.url)


def has_lapsed(response: Response, login: Login) -> bool:
    """Return whether a response is that of a logged-out user: 401, a redirect to the log-in, or a match of a rule."""
    if response.status == 401:
        return True
    if 300 <= response.status < 400:
        target = urljoin(response.url, (response.headers.get(b"Location") or b"").decode("latin-1"))
        return target.partition("?")[0].partition("#")[0] == login.url.partition("?")[0]
    is_page = response.status == 200 and b"html" in (response.headers.get(b"Content-Type") or b"").lower()
    if login.lapsed is None or not is_page:
        return False
    return bool(login.lapsed.find_all(read_page(response)))


def build_form_request(response: Response, login: Login, fields: dict[str, str]) -> Request:
    """Return the request that sends the form of a page, its hidden fields as the page has them.

    Raises:
        LoginFailed: there is no such form, it lacks a field, or it would go to another host or an unsafe place.
    """
    form = _find_form(response, login)
    missing = [name for name in fields if name not in form.fields]
    if missing:
        raise LoginFailed(f"the form at {response.url} has no field {missing[0]!r}")
    values = [(name, value) for name, value in form.form_values() if name not in fields] + list(fields.items())
    url = urljoin(response.url, (form.get("action") or "").strip())
    here, there = urlsplit(response.url), urlsplit(url)
    if there.netloc != here.netloc or there.scheme not in (here.scheme, "https"):
        raise LoginFailed(f"the form at {response.url} would be sent to {there.scheme}://{there.netloc}")
    if (form.get("method") or "get").lower() != "post":
        raise LoginFailed(f"the form at {response.url} would put the fields into an address; only POST is sent")
    return Request(url, method="POST", headers={"Content-Type": _FORM_TYPE}, body=urlencode(values))


def _find_form(response: Response, login: Login) -> Any:
    # Not as articles are parsed, which leaves out attributes as long as a token may be.
    try:
        root = lxml_html.document_fromstring(read_page(response).text)
    except (etree.ParserError, ValueError):
        raise LoginFailed(f"{response.url} is not a page with a form") from None
    if login.form is not None:
        found = [element for element in login.form.compiled(root) if getattr(element, "tag", "") == "form"]
    else:
        found = [form for form in root.iter("form") if form.xpath('.//input[@type="password"]')]
    if not found:
        raise LoginFailed(f"{response.url} has no such form; say which by session.login.form")
    return found[0]
