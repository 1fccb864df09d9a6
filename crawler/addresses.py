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
        ValueError: an entry is no network.
    """
    return tuple(ipaddress.ip_network(entry) for entry in entries)


def is_admitted(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Tell whether a numeric address may be connected to: not loopback, private, link-local or otherwise special."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    is_public = ip.is_global and not ip.is_multicast
    return is_public or any(ip.version == network.version and ip in network for network in allowed)
