"""Reads cookies as exported by browser extensions, or as a Cookie header line.

Spec: RFC 6265 §4.2.1 (the line); the Netscape file has none, curl's documentation of it is what everybody follows.
"""

from __future__ import annotations

import json
from http.cookiejar import Cookie
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COLUMNS: Final = 7
_HTTP_ONLY: Final = "#HttpOnly_"


def load_cookies(text: str, domains: Sequence[str]) -> list[Cookie]:
    """Return the cookies of a text.

    Args:
        text: a cookies.txt, JSON (a list of cookies, or an object with a list `cookies`), or `name=value; other=value`.
        domains: that cookies of such a line are for; one that begins with a dot stands for every name below it, too.

    Raises:
        ValueError: it is none of these.
    """
    stripped = text.strip()
    if stripped.startswith(("{", "[")):
        found = list(_iter_json(stripped))
    elif "\t" in stripped:
        found = list(_iter_lines(stripped))
    else:
        found = list(_iter_pairs(stripped, domains))
    if not found:
        raise ValueError("holds no cookie; export a cookies.txt or JSON, or give 'name=value; other=value'")
    return found


def _iter_json(text: str) -> Iterator[Cookie]:
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON; export the cookies again") from error
    entries = values.get("cookies") if isinstance(values, dict) else values
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not entry.get("name") or not entry.get("domain"):
            raise ValueError("holds an entry without name or domain; export the cookies again")
        expires = entry.get("expirationDate", entry.get("expires"))
        yield build_cookie(
            str(entry["name"]),
            str(entry.get("value", "")),
            domain=str(entry["domain"]),
            path=str(entry.get("path") or "/"),
            is_secure=bool(entry.get("secure")),
            expires=int(expires) if isinstance(expires, (int, float)) and expires > 0 else None,
        )


def _iter_lines(text: str) -> Iterator[Cookie]:
    for raw in text.splitlines():
        line = raw.removeprefix(_HTTP_ONLY)
        if not line.strip() or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != _COLUMNS:
            raise ValueError(f"holds a line of {len(columns)} columns instead of 7; export the cookies again")
        domain, is_wide, path, is_secure, expires, name, value = columns
        if is_wide.upper() == "TRUE" and not domain.startswith("."):
            domain = "." + domain
        yield build_cookie(
            name,
            value,
            domain=domain,
            path=path,
            is_secure=is_secure.upper() == "TRUE",
            expires=int(expires) if expires.isdecimal() and int(expires) else None,
        )


def _iter_pairs(text: str, domains: Sequence[str]) -> Iterator[Cookie]:
    for part in text.split(";"):
        name, is_pair, value = part.strip().partition("=")
        if is_pair and name:
            for domain in domains:
                yield build_cookie(name, value, domain=domain)


def build_cookie(
    name: str, value: str, *, domain: str, path: str = "/", is_secure: bool = False, expires: int | None = None
) -> Cookie:
    """Return a cookie.

    Args:
        domain: one that begins with a dot stands for every name below it, too.
        expires: seconds since 1970; None for the end of the run.
    """
    # The standard library writes a host without a dot as `localhost.local`.
    full = domain if "." in domain.lstrip(".") else f"{domain}.local"
    return Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain=full.lower(),
        domain_specified=domain.startswith("."),
        domain_initial_dot=domain.startswith("."),
        path=path,
        path_specified=True,
        secure=is_secure,
        expires=expires,
        discard=expires is None,
        comment=None,
        comment_url=None,
        rest={},
    )
