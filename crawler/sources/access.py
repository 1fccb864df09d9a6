"""The `[session]` and `[render]` tables of a definition, and its `proxy`.

A definition is archived with the captures and shown to people, so it never holds a secret itself. It says where one is:
`env:NEWSREEL_SECRET_…` for a variable of the environment, `file:NAME` for a file beside the definition. No other
variable and no other folder can be named, because a definition may come from somebody else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, UnsetType

from crawler.sources import model
from crawler.sources.faults import Fault, at_key
from crawler.sources.keys import Table, describe
from pipelines.rules.expressions import compile_expression

if TYPE_CHECKING:
    from pipelines.rules.expressions import Expression
    from pipelines.rules.links import Scope

_REFERENCE: Final = r"^(?:env:NEWSREEL_SECRET_[A-Z0-9_]+|file:[A-Za-z0-9][A-Za-z0-9._-]*)$(?!\n)"
_REFERENCE_WORDS: Final = (
    "env:NEWSREEL_SECRET_NAME for a variable of the environment, or file:NAME for a file beside the definition"
)
Reference = Annotated[str, Meta(pattern=_REFERENCE, extra={"words": _REFERENCE_WORDS, "is_secret": True})]
_PROXY: Final = rf"{_REFERENCE}|^(?:https?|socks4|socks5h?)://[^/?#@\s]+$(?!\n)"
_PROXY_WORDS: Final = (
    "http://host:port (or https, socks4, socks5, socks5h) without a password, env:NEWSREEL_SECRET_NAME or file:NAME"
)
ProxyAddress = Annotated[str, Meta(pattern=_PROXY, extra={"words": _PROXY_WORDS, "is_secret": True})]
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
_HTTP: Final = r"^\s*[Hh][Tt][Tt][Pp][Ss]?:"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_NAMES: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_OURS: Final = frozenset({"accept-encoding", "connection", "content-length", "host", "te", "transfer-encoding"})

_Line = Annotated[str, Meta(extra_json_schema={"pattern": _LINE})]


class Basic(Table, frozen=True):
    """A name and a password that are sent with every request (RFC 7617)."""

    user: Annotated[Reference, describe("User", "Reference to the user name.", "env:NEWSREEL_SECRET_PAPER_USER")]
    password: Annotated[
        Reference, describe("Password", "Reference to the password.", "env:NEWSREEL_SECRET_PAPER_PASSWORD")
    ]


class Login(Table, frozen=True):
    """How to log in: which form, and what goes into its fields."""

    url: Annotated[
        str,
        describe(
            "Address",
            "The page with the log-in form; if `send` is not form, the address that receives the fields.",
            "https://paper.example/login",
            pattern=_HTTP,
        ),
    ]
    fields: Annotated[
        dict[str, str],
        describe(
            "Fields",
            "Values of the form's fields, or references to them. Hidden fields keep the page's values.",
            {"email": "env:NEWSREEL_SECRET_PAPER_USER", "password": "file:paper.password"},
        ),
    ]
    send: Annotated[
        Literal["form", "fields", "json"],
        describe(
            "Way",
            "form: fill in the page's form; fields: send the fields form-encoded; json: send them as JSON.",
        ),
    ] = "form"
    form: Annotated[
        str,
        describe(
            "Form",
            "Selector of the form (CSS or xpath:); by default the first form with a password field.",
            "form#login",
        ),
    ] = ""
    check: Annotated[
        str,
        describe("Check", "Selector that matches only on pages of a logged-in session.", "a.log-out"),
    ] = ""
    lapsed: Annotated[
        str,
        describe("Lapsed", "Selector that matches only on pages of an expired session.", "div.please-log-in"),
    ] = ""


class Session(Table, frozen=True):
    """How requests identify a user. Secrets are in the environment or in files, never here."""

    cookies: (
        Annotated[
            Reference,
            describe(
                "Cookies",
                "A cookies.txt or JSON file exported from a browser, or a variable such as 'name=value; other=value'.",
                "file:paper.cookies.txt",
            ),
        ]
        | UnsetType
    ) = UNSET
    headers: Annotated[
        dict[str, _Line],
        describe(
            "Headers",
            "Header fields of every request; values may be references.",
            {"X-Client": "reader", "Authorization": "env:NEWSREEL_SECRET_PAPER_TOKEN"},
        ),
    ] = {}
    basic: Annotated[Basic, describe("Basic", "User name and password of HTTP basic authentication.")] | UnsetType = (
        UNSET
    )
    login: (
        Annotated[Login, describe("Log-in", "How to log in, and how to detect that the session has expired.")]
        | UnsetType
    ) = UNSET


class Click(Table, frozen=True):
    """An element to click: found by its text, by its role and name, or by a CSS selector."""

    text: Annotated[str, describe("Text", "Text of the element, ignoring case.", "Accept all")] = ""
    role: Annotated[str, describe("Role", "ARIA role, such as button or link.", "button")] = ""
    name: Annotated[str, describe("Name", "Accessible name, together with role.", "Load more")] = ""
    css: Annotated[str, describe("CSS", "CSS selector; it also searches open shadow trees.", "#more")] = ""
    times: Annotated[
        Annotated[int, Meta(ge=1)], describe("Times", "Maximum number of clicks, while the element is there.")
    ] = 1


class Render(Table, frozen=True):
    """When a page is opened in a browser, and what is done there before it is read."""

    when: Annotated[
        Literal["never", "shell", "always"],
        describe("When", "shell: only pages whose text is drawn by a script; always: every page."),
    ] = "shell"
    scope: Annotated[
        str | tuple[str, ...],
        describe(
            "Scope",
            "URL prefixes that pages may fetch from, in addition to the source's own scope.",
            ["//api.paper.example/"],
            words="a URL prefix such as 'https://host/' or '//host/path/', or a list of them",
        ),
    ] = ()
    wait: Annotated[str, describe("Wait", "CSS selector of an element to wait for.", "article p")] = ""
    clicks: Annotated[
        tuple[Click, ...], describe("Clicks", "Elements to click, in this order, if they are there.")
    ] = ()
    scroll: Annotated[
        Annotated[int, Meta(ge=0)], describe("Scroll", "Maximum number of scrolls to the end, while the page grows.")
    ] = 0
    screenshot: Annotated[bool, describe("Screenshot", "Archive a screenshot of the page as it is read.")] = False
    seconds: Annotated[Annotated[int, Meta(ge=1)], describe("Seconds", "Time limit for one page, in seconds.")] = 30
    max_requests: Annotated[
        Annotated[int, Meta(ge=1)], describe("Requests", "Maximum number of requests of one page.")
    ] = 200
    max_bytes: Annotated[
        Annotated[int, Meta(ge=1)], describe("Bytes", "Maximum number of bytes fetched by one page.")
    ] = 50_000_000


def is_reference(text: str) -> bool:
    """Return whether a text says where a secret is."""
    return re.match(_REFERENCE, text) is not None


def check_proxy(text: str) -> str:
    """Return the address of a proxy, or the reference of one.

    Raises:
        Fault: its host or port is none.
    """
    try:
        parts = None if is_reference(text) else urlsplit(text)
        if parts is None or (parts.hostname and parts.port != 0):
            return text
    except ValueError:
        pass
    raise Fault("proxy", f"must be {_PROXY_WORDS}")


def build_session(session: Session) -> model.Session:
    """Return a session as a crawl uses it.

    Raises:
        Fault: what no type can say is wrong: a header that is none, a secret in the file, an expression.
    """
    for name, value in session.headers.items():
        _check_header(name, value)
    return model.Session(
        cookies=session.cookies or "",
        headers=session.headers,
        basic=(session.basic.user, session.basic.password) if session.basic else None,
        login=_build_login(session.login) if session.login else None,
    )


def _check_header(name: str, value: str) -> None:
    key = f"session.headers.{name}"
    if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
        raise Fault(key, "cannot be set; give the name of a field that does not frame the message")
    if not is_reference(value) and name.lower() in _SECRET_NAMES:
        raise Fault(key, f"must be {_REFERENCE_WORDS}, because definitions are archived")
    _check_value(key, value)


def _check_value(key: str, value: str) -> None:
    """Refuse what was meant as a reference and is none, and what would break a line."""
    if value.startswith(("env:", "file:")) and not is_reference(value):
        raise Fault(key, f"must be {_REFERENCE_WORDS}")
    if not re.match(_LINE, value) or value.endswith("\n"):
        raise Fault(key, "must be a line of text without control characters")


def _build_login(login: Login) -> model.Login:
    try:
        parts = urlsplit(login.url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Fault("session.login.url", "must be an http or https URL without a name or password")
    for name, value in login.fields.items():
        if "password" in name.lower() and not is_reference(value):
            raise Fault(f"session.login.fields.{name}", f"must be {_REFERENCE_WORDS}, because definitions are archived")
        if value.startswith(("env:", "file:")) and not is_reference(value):
            raise Fault(f"session.login.fields.{name}", f"must be {_REFERENCE_WORDS}")
    form = _compile("session.login.form", login.form)
    if form is not None and form.language not in ("css", "xpath"):
        raise Fault("session.login.form", "must be a CSS selector, or an XPath expression after xpath:")
    return model.Login(
        url=login.url.strip(),
        fields=login.fields,
        send=login.send,
        form=form,
        check=_compile("session.login.check", login.check),
        lapsed=_compile("session.login.lapsed", login.lapsed),
    )


def _compile(key: str, text: str) -> Expression | None:
    if not text:
        return None
    with at_key(key):
        return compile_expression(text)


def build_render(render: Render, scope: Scope) -> model.Render:
    """Return how pages are rendered.

    Args:
        scope: as converted.

    Raises:
        Fault: a click says nothing to click, or two things.
    """
    for number, click in enumerate(render.clicks):
        given = [bool(click.text), bool(click.role), bool(click.css)]
        if sum(given) != 1 or (click.name and not click.role):
            raise Fault(f"render.clicks[{number}]", "must have one of text, role and css; name goes with role")
    return model.Render(
        when=render.when,
        scope=scope,
        wait=render.wait,
        clicks=tuple(
            model.Click(text=click.text, role=click.role, name=click.name, css=click.css, times=click.times)
            for click in render.clicks
        ),
        scroll=render.scroll,
        screenshot=render.screenshot,
        seconds=render.seconds,
        max_requests=render.max_requests,
        max_bytes=render.max_bytes,
    )
