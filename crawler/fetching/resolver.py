"""Names resolve to public addresses only, so that no link and no redirect can reach into the network we run in.

The check sits where a name has just become the address that is connected to: a check of the name alone would be
blind to the many spellings of 127.0.0.1 and to names that answer differently the second time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.resolver import CachingThreadedResolver
from twisted.internet.error import DNSLookupError

from crawler.fetching.addresses import Network, is_admitted, parse_networks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapy.crawler import Crawler
    from twisted.internet.base import ReactorBase
    from twisted.internet.defer import Deferred

logger = logging.getLogger(__name__)


class PublicResolver(CachingThreadedResolver):
    """Scrapy's resolver, refusing loopback, private, link-local and other special addresses.

    `RESOLVER_ALLOW` lists networks in CIDR form that are admitted all the same; so are the hosts of configured
    proxies.
    """

    allowed: tuple[Network, ...] = ()
    proxies: frozenset[str] = frozenset()

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> Self:
        """Build the resolver from the settings.

        Raises:
            ValueError: an entry of `RESOLVER_ALLOW` is not a network.
        """
        resolver = super().from_crawler(crawler, reactor)
        resolver.allowed = parse_networks(crawler.settings.getlist("RESOLVER_ALLOW"))
        resolver.proxies = frozenset(_find_host(url) for url in getproxies().values())
        return resolver

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:  # noqa: N802
        """Resolve a name, or fail with `DNSLookupError` saying which address was refused."""
        deferred: Deferred[Any] = super().getHostByName(name, timeout)
        return deferred.addCallback(self._check, name)

    def _check(self, address: str, name: str) -> str:
        if name in self.proxies or is_admitted(address, self.allowed):
            return address
        message = (
            f"{name} resolves to {address}, which is not a public address; "
            "add its network to RESOLVER_ALLOW if it is meant to be crawled"
        )
        logger.warning(message)  # Twisted tells its caller only that the name was not found
        raise DNSLookupError(message)


def _find_host(url: str) -> str:
    return urlsplit(url if "//" in url else f"//{url}").hostname or ""
