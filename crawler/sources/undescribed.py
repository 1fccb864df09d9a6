"""Generates the definition of a site without one from its address, to be archived like any other.

A reparse needs nothing but the archive, so what a run believed of a site must be there, too.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from urllib.parse import urlsplit

from crawler.sources import Source, SourceError, load_source
from pipelines.page.addresses import join_url

# Endings of countries that most of their users are not in.
_BORROWED = frozenset(("ai", "bz", "cc", "co", "fm", "gg", "io", "la", "ly", "me", "sh", "so", "to", "tv", "vc", "ws"))
# Whatever the table lists for their far ends, one time is the law or nearly everybody's.
_ONE_TIME = {"cn": "Asia/Shanghai", "de": "Europe/Berlin", "uk": "Europe/London", "nz": "Pacific/Auckland"}
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def build_definition(url: str, *, zone: str = "", language: str = "", requisites: tuple[str, ...] = ()) -> Source:
    """Return the source that a site is without its own definition.

    Args:
        url: a page of it, mostly its front page.
        zone: IANA name; without it the one of the country in whose name the site stands, if it has but one.
        language: BCP 47 tag; without it each page tells.
        requisites: kinds of page requisites to capture, too.

    Raises:
        SourceError: that is not an address, or there is no such zone or kind.
    """
    seed = join_url(url, url)
    host = urlsplit(seed).netloc.rpartition("@")[2].lower()
    if not seed or not host:
        raise SourceError("is not an address to start from; give -a url=https://host/", path=url)
    bare = host.removeprefix("www.")
    known = zone or find_country_zone(host)
    is_name = not bare.partition(":")[0].replace(".", "").isdigit() and "[" not in bare
    lines = [
        "# Generated from the site's address.",
        f"name = {json.dumps(_NO_NAME.sub('-', bare).strip('-')[:64])}",
        f"title = {json.dumps(bare)}",
        f"timezone = {json.dumps(known or 'UTC')}",
        *([f"language = {json.dumps(language)}"] if language else []),
        f"scope = [{json.dumps(f'//.{bare}/' if is_name else f'//{host}/')}]",
        f"seeds = [{json.dumps(seed)}]",
        "",
        "[discovery]",
        *([] if known else ["zone_is_guess = true"]),
        *(["", "[requisites]", f"kinds = {json.dumps(requisites)}"] if requisites else []),
    ]
    return load_source("\n".join(lines) + "\n", path=url)


def find_country_zone(host: str) -> str:
    """Return the time zone of the country in whose name a host stands, or '' where it has several or is none."""
    ending = host.partition(":")[0].rpartition(".")[2]
    if ending in _ONE_TIME or ending in _BORROWED or len(ending) != 2:
        return _ONE_TIME.get(ending, "")
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    zones = [row[2] for row in rows if row[0].lower() == ending]
    return zones[0] if len(zones) == 1 else ""
