"""A resolver that returns public addresses only, so that no link or redirect reaches an internal network.

The check sits where a name has just become the address that is connected to: a check of the name alone would be
blind to the many spellings of 127.0.0.1 and to names that answer differently the second time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from scrapy.exceptions import CannotResolveHostError
from scrapy.settings import SETTINGS_PRIORITIES

from crawler.fetching.addresses import Network, is_admitted, parse_networks

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

# The system's resolver does not tell for how long an answer holds.
_KEPT_S: Final = 300.0
_THREADS: Final = 16


@dataclass(frozen=True, slots=True)
class Address:
    """A numeric address that may be connected to.

    Attributes:
        where: what `socket.connect` takes.
    """

    family: int
    where: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    until: float
    addresses: tuple[Address, ...]


class PublicResolver:
    """Resolves names by the system's resolver, refusing loopback, private, link-local and other special addresses.

    `RESOLVER_ALLOW` lists networks in CIDR form that are admitted all the same; so are proxies, which a user names. A
    project of somebody else's that says nothing of it, not even that the list is empty, is not guarded.
    Answers are kept for five minutes, at most `DNSCACHE_SIZE` of them, unless `DNSCACHE_ENABLED` is off.

    Raises:
        ValueError: an entry of `RESOLVER_ALLOW` is not a network.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.allowed: tuple[Network, ...] = parse_networks(settings.getlist("RESOLVER_ALLOW"))
        self._is_guarding = (settings.getpriority("RESOLVER_ALLOW") or 0) > SETTINGS_PRIORITIES["default"]
        self._timeout_s = settings.getfloat("DNS_TIMEOUT")
        self._most = settings.getint("DNSCACHE_SIZE") if settings.getbool("DNSCACHE_ENABLED") else 0
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="resolver")
        self._answers: dict[tuple[str, int], _Answer] = {}
        self._asked: dict[tuple[str, int], asyncio.Future[tuple[Address, ...]]] = {}

    async def resolve(self, host: str, port: int, *, is_trusted: bool = False) -> tuple[Address, ...]:
        """Return the addresses of a host that may be connected to, in the order in which to try them.

        Args:
            is_trusted: a user named the host, so that it may be anywhere.

        Raises:
            CannotResolveHostError: it has none; the message says which were refused.
        """
        addresses = await self._look_up(host, port)
        if is_trusted or not self._is_guarding:
            return addresses
        admitted = tuple(address for address in addresses if is_admitted(_strip(address), self.allowed))
        if not admitted:
            message = (
                f"{host} resolves to {_strip(addresses[0])}, which is not a public address; "
                "add its network to RESOLVER_ALLOW if it is meant to be crawled"
            )
            logger.warning(message)
            raise CannotResolveHostError(message)
        return admitted

    def close(self) -> None:
        """End the threads; what they still ask for is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, port: int) -> tuple[Address, ...]:
        key = (host, port)
        loop = asyncio.get_running_loop()
        answer = self._answers.get(key)
        if answer is not None and loop.time() < answer.until:
            return answer.addresses
        if key not in self._asked:
            asked = asyncio.ensure_future(self._ask(host, port))
            self._asked[key] = asked
            asked.add_done_callback(lambda _: self._asked.pop(key, None))
        # Shielded, because others may wait for the same answer.
        addresses = await asyncio.shield(self._asked[key])
        if self._most:
            self._answers.pop(key, None)
            while len(self._answers) >= self._most:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = _Answer(loop.time() + _KEPT_S, addresses)
        return addresses

    async def _ask(self, host: str, port: int) -> tuple[Address, ...]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s or None):
                found = await loop.run_in_executor(self._threads, _get_addresses, host, port)
        except TimeoutError:
            raise CannotResolveHostError(f"{host} was not resolved within {self._timeout_s:g} s") from None
        except (OSError, UnicodeError) as error:
            raise CannotResolveHostError(f"{host} cannot be resolved: {error}") from error
        return _alternate(found)


def _get_addresses(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(Address(family, where) for family, _, _, _, where in found))


def _alternate(addresses: list[Address]) -> tuple[Address, ...]:
    """Put the families in turn, so that one that does not work costs one attempt. Spec: RFC 8305 §4."""
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    mixed: list[Address] = []
    for number in range(max(len(first), len(others))):
        mixed += first[number : number + 1] + others[number : number + 1]
    return tuple(mixed)


def _strip(address: Address) -> str:
    """Return the numeric address without its scope."""
    return str(address.where[0]).partition("%")[0]
