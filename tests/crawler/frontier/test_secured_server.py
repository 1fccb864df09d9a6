"""A frontier's server behind TLS and a password: used when both are right, refused in a sentence when one is not."""

from __future__ import annotations

import gzip
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme

from crawler.frontier.streams import FrontierError, StreamTable
from tests.crawler.frontier.redis_server import RedisServer
from tests.crawler.manypapers import ManyPapers
from tests.project import LOOPBACK, Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "p4ss-w0rd-0f-the-crew"
USER = f"worker:{PASSWORD}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """A server that asks for a user, and the file with the authority that its certificate is of."""

    server: RedisServer
    authority: Path

    def build_url(self, user: str = USER, *, authority: Path | None = None) -> str:
        address = self.server.url.replace("//", f"//{user}@")
        return f"{address}?ssl_ca_certs={authority or self.authority}"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    # The rights of a worker: its own keys, the scripts and what they do, and the facts that are checked at the start.
    rights = [
        "on",
        f">{PASSWORD}",
        "~newsreel:*",
        "-@all",
        *("+@read", "+@write", "+@scripting", "+@connection", "+info", "+time"),
    ]
    options = ["--requirepass", "p4ss-w0rd-0f-the-default-user", "--user", "worker", *rights]
    with RedisServer(folder, *options, certificate=folder / "server.pem") as server:
        yield Secured(server=server, authority=folder / "authority.pem")


def crawl(data: Data, papers: ManyPapers, url: str, **settings: object) -> tuple[int, str]:
    source = data.path.parent / "many.toml"
    source.write_text(papers.source_toml(), "utf-8")
    done = run_scrapy(
        *("crawl", "category", "-a", f"source={source}"),
        data=data,
        settings=LOOPBACK | {"LOG_LEVEL": "DEBUG"} | settings,
        environment={"NEWSREEL_FRONTIER_URL": url},
    )
    return done.returncode, done.stdout + done.stderr


def find_secrets(data: Data) -> list[Path]:
    """The files that hold the password, compressed or not."""
    paths = [path for path in data.path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".gz" for path in paths)
    texts = ((path, path.read_bytes()) for path in paths)
    return [
        path for path, text in texts if PASSWORD.encode() in (gzip.decompress(text) if path.suffix == ".gz" else text)
    ]


def test_a_crawl_over_tls_with_a_password_leaves_no_trace_of_it(data: Data, secured: Secured) -> None:
    """Neither in a log line at any level nor in manifests, WARC files or databases, whichever the authority is."""
    with ManyPapers(2, 3) as papers:
        code, words = crawl(data, papers, secured.build_url())
        assert code == 0, words
        assert papers.tally == dict.fromkeys(papers.pages, 1)
    runs = data.read_manifests("many")
    assert len(runs) == 2
    assert PASSWORD not in words
    assert find_secrets(data) == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("password", "invalid username-password pair"),
        ("no password", "Authentication required"),
        ("authority", "CERTIFICATE_VERIFY_FAILED"),
        ("no such authority", "No such file"),
        ("no TLS", "Connection"),
        ("options of TLS without TLS", "ssl_ca_certs"),
    ],
)
def test_what_is_not_right_is_refused_in_a_sentence(tmp_path: Path, secured: Secured, fault: str, reason: str) -> None:
    url = build_faulty_url(tmp_path, secured, fault)
    with pytest.raises(FrontierError) as caught:
        StreamTable(url, "job")
    name = secured.server.url.replace("rediss:", url.partition("//")[0])
    assert str(caught.value).startswith(f"the frontier's server {name} cannot be used (")
    assert reason in str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("fault", ["password", "authority"])
def test_a_crawl_that_is_refused_says_so_and_nothing_else(data: Data, secured: Secured, fault: str) -> None:
    with ManyPapers(1, 1) as papers:
        code, words = crawl(data, papers, build_faulty_url(data.path.parent, secured, fault))
        assert (code, papers.log) == (2, [])
    assert len([line for line in words.splitlines() if "FRONTIER_URL" in line]) == 1
    assert "Traceback" not in words
    assert PASSWORD not in words


def build_faulty_url(folder: Path, secured: Secured, fault: str) -> str:
    stranger = folder / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    url = secured.build_url()
    return {
        "password": secured.build_url(f"worker:not-{PASSWORD}"),
        "no password": url.replace(f"{USER}@", ""),
        "authority": secured.build_url(authority=stranger),
        "no such authority": secured.build_url(authority=folder / "none.pem"),
        "no TLS": url.replace("rediss:", "redis:").partition("?")[0],
        "options of TLS without TLS": url.replace("rediss:", "redis:"),
    }[fault]
