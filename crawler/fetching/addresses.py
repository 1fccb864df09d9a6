"""Which addresses may be connected to: public ones, and the networks that the user admits."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(entries: Iterable[str]) -> tuple[Network, ...]:
    """Read networks in CIDR form.

    Raises:
        ValueError: an entry is not a network.
    """
    return tuple(ipaddress.ip_network(entry) for entry in entries)


# Addresses that a gateway turns into the IPv4 address in their last four bytes.
# https://www.rfc-editor.org/rfc/rfc6052#section-2.1, https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5.1
_GATEWAYS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


def _find_inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it stands for one."""
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    is_behind = int(ip) > 1 and any(ip in network for network in _GATEWAYS)
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if is_behind else None


def is_admitted(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Return whether a numeric address may be connected to: not loopback, private, link-local or otherwise special."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _find_inner(ip) or ip
    is_public = ip.is_global and not ip.is_multicast
    return is_public or any(ip.version == network.version and ip in network for network in allowed)
