"""Serialises a request, and determines the route on which it is sent.

Spec: RFC 9112 §3 (request line), §3.2.2 (absolute-form, to a proxy); RFC 9110 §7.2 (Host).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.utils.httpobj import urlparse_cached

from crawler.fetching.wire.proxies import Proxy, parse_proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapy import Request

_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_UNSAFE: Final = re.compile(rb"[\r\n\x00]+")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HAS_BODY: Final = frozenset({b"POST", b"PUT", b"PATCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What two requests must share for one connection to serve both."""

    is_tls: bool
    host: str
    port: int
    proxy: Proxy | None = None
    local_address: tuple[str, int] | None = None


def find_route(
    request: Request, local_address: tuple[str, int] | None = None, source_proxy: Proxy | None = None
) -> Route:
    """Return the route of a request: `meta["proxy"]` and `meta["bindaddress"]` count.

    Args:
        source_proxy: takes the place of what `meta["proxy"]` says.

    Raises:
        UnsupportedURLSchemeError: its address, or that of its proxy, is none that we can connect to.
    """
    parts = urlparse_cached(request)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UnsupportedURLSchemeError(f"{request.url} names no host that HTTP could reach")
    proxy, proxy_url = source_proxy, request.meta.get("proxy")
    bind = request.meta.get("bindaddress") or local_address
    try:
        if proxy is None and proxy_url:
            proxy = parse_proxy(proxy_url, request.headers.get(b"Proxy-Authorization") or b"")
        return Route(
            is_tls=parts.scheme == "https",
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            proxy=proxy,
            local_address=(bind, 0) if isinstance(bind, str) else bind,
        )
    except ValueError as error:
        raise UnsupportedURLSchemeError(f"{request.url} cannot be connected to: {error}") from error


def build_request(request: Request, route: Route, fields: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """Return what is sent for a request; no value of a field can add its own line.

    Args:
        fields: name and value of header fields that take the place of the request's own.
    """
    is_proxied = route.proxy is not None and not route.proxy.is_socks and not route.is_tls
    method, headers = request.method.encode("ascii"), request.headers
    lines = [b"%s %s HTTP/1.1" % (method, _build_target(request.url, is_absolute=is_proxied))]
    if b"Host" not in headers:
        lines.append(b"Host: " + _build_host(route))
    replaced = {name.lower() for name, _ in fields}
    own = [(name, values) for name, values in headers.items() if name.lower() not in replaced]
    for name, values in (*own, *((name, [value]) for name, value in fields)):
        key = name.lower()
        if (key == b"proxy-authorization" and not is_proxied) or key in {b"content-length", b"transfer-encoding"}:
            continue
        if _NAME.fullmatch(name):
            lines += (b"%s: %s" % (name, _UNSAFE.sub(b" ", value)) for value in values)
    if request.body or method in _HAS_BODY:
        lines.append(b"Content-Length: %d" % len(request.body))
    return b"\r\n".join((*lines, b"", request.body))


def _build_target(url: str, *, is_absolute: bool) -> bytes:
    """Return the request target; what may not be in a line is percent-encoded."""
    url = url.partition("#")[0]
    start = url.index("//") + 2
    end = _AUTHORITY_END.search(url, start)
    at = end.start() if end else len(url)
    path = url[at:] if url[at : at + 1] == "/" else "/" + url[at:]
    target = url[:at] + path if is_absolute else path
    return re.sub(rb"[\x00-\x20\x7f-\xff]", lambda found: b"%%%02X" % found[0][0], target.encode("utf-8"))


def _build_host(route: Route) -> bytes:
    host = f"[{route.host}]" if ":" in route.host else route.host
    port = "" if route.port == _PORTS["https" if route.is_tls else "http"] else f":{route.port}"
    return (host + port).encode("utf-8")
