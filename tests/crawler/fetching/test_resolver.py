"""No spelling of a private address is connected to, linked or redirected to."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from crawler.fetching.addresses import is_admitted, parse_networks
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

SPIDER = str(Path(__file__).with_name("plain.py"))


@pytest.mark.parametrize("mode", ["capture", "off"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0"])
def test_every_spelling_of_loopback_is_refused(data: Data, tmp_path: Path, host: str, mode: str) -> None:
    with WireServer({"/": build_response(b"secret")}) as server:
        url = f"http://{host}:{urlsplit(server.base_url).port}/"
        done = run_scrapy(
            "runspider",
            SPIDER,
            "-a",
            f"urls={url}",
            "-a",
            f"saw={tmp_path / 'saw'}",
            data=data,
            settings=LOOPBACK | {"RESOLVER_ALLOW": "", "RETRY_ENABLED": False, "ARCHIVE_MODE": mode},
        )
        assert server.exchanges == []
    assert "which is not a public address; add its network to RESOLVER_ALLOW" in done.stderr
    assert "failed" in json.loads((tmp_path / "saw").read_text("utf-8"))


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fd00::1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_addresses(address: str, is_allowed: bool) -> None:
    assert is_admitted(address) is is_allowed
    assert is_admitted(address, parse_networks(["0.0.0.0/0", "::/0"]))
