"""The proxy through which a request goes: its address, and what it wants to know of us.

Spec: RFC 9110 §11.7.1 (Proxy-Authorization); RFC 7617 (Basic); RFC 1928, RFC 1929 (SOCKS5).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from crawler.sessions.secret_values import load_value
from crawler.sources.model import SourceError

if TYPE_CHECKING:
    from crawler.sources.model import Source

_PORTS: Final = {"http": 80, "https": 443, "socks4": 1080, "socks5": 1080, "socks5h": 1080}
_KEY: Final = "proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """What is between us and the origin.

    Attributes:
        scheme: `http` and `https` of the connection to it; `socks4`, `socks5`, `socks5h`.
        authorization: value of the Proxy-Authorization field; of SOCKS, too, which speaks it in its own way.
    """

    scheme: str
    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS rather than HTTP."""
        return self.scheme.startswith("socks")


def parse_proxy(url: str, authorization: bytes = b"") -> Proxy:
    """Read the address of a proxy.

    Raises:
        ValueError: it is none, or of a kind that we do not speak.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"its proxy is none of {', '.join(sorted(_PORTS))}")
    return Proxy(
        scheme=parts.scheme,
        host=unquote(parts.hostname),
        port=parts.port or _PORTS[parts.scheme],
        authorization=authorization,
    )


def open_proxy(source: Source, encoding: str) -> Proxy | None:
    """Return the proxy that the definition of a source names; None if it names none.

    Args:
        encoding: of name and password.

    Raises:
        SourceError: its address is not where the definition says, or is none. The message never repeats it.
    """
    if not source.proxy:
        return None
    url = load_value(source.proxy, beside=source.path, key=_KEY).strip()
    try:
        parts = urlsplit(url)
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
        token = base64.b64encode(f"{name}:{password}".encode(encoding))
        return parse_proxy(url, b"Basic " + token if name or password else b"")
    except ValueError:
        words = f"{source.proxy} does not hold the address of a proxy, such as socks5://name:password@host:port"
        raise SourceError(words, path=source.path, key=_KEY) from None
