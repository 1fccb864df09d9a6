"""The package `surt`, which writes the keys of other tools' indexes, agrees with ours; it is AGPL and stays outside.

It is not asked about `..` above the root, which no browser sends, nor about session ids in paths, which it keeps.
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

from archives.urls import surt_key
from tests.interop.test_bundle import WACZ, needs_wacz

HOSTS = (
    "example.com",
    "www.example.com",
    "www3.Example.COM",
    "user:pass@news.example.co.uk",
    "127.0.0.1",
    "example.com.",
)
PORTS = ("", ":80", ":443", ":8080")
SEGMENTS = (
    "",
    "a",
    "A b",
    "%7Euser",
    "%C3%A9",
    "é",
    ".",
    "index.html",
    "新闻",
    "a//b",
    "%25",
    "x,y",
)
QUERIES = (
    "",
    "?",
    "?b=2&a=1",
    "?utm_source=x&a",
    "?a=%20b+c",
    "?PHPSESSID=" + "f" * 32 + "&q=1",
    "?A=B&a=b",
    "?q=新",
    "?x=1&x=0&",
)
ASK = "import json, sys, surt; print(json.dumps([surt.surt(url) for url in json.load(sys.stdin)]))"


def list_addresses(count: int = 4000) -> list[str]:
    """The same addresses each time, put together from what makes keys differ."""
    pick = random.Random(16)
    return [
        f"{pick.choice(('http', 'https', 'HTTP'))}://{pick.choice(HOSTS)}{pick.choice(PORTS)}"
        f"/{'/'.join(pick.choices(SEGMENTS, k=pick.randint(0, 4)))}{pick.choice(QUERIES)}{pick.choice(('', '#top'))}"
        for _ in range(count)
    ]


@needs_wacz
def test_keys_are_those_of_the_package_surt() -> None:
    urls = list_addresses()
    done = subprocess.run(
        [Path(WACZ, "python"), "-c", ASK], input=json.dumps(urls), capture_output=True, text=True, check=True
    )
    theirs = dict(zip(urls, json.loads(done.stdout), strict=True))
    assert {url: surt_key(url) for url in urls if surt_key(url) != theirs[url]} == {}
