"""What a crawl may do, and who may read what it leaves: no more than is needed."""

from __future__ import annotations

import ast
import gzip
import os
import pickle
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from scrapy.settings import Settings

from crawler.frontier.leases import LeaseTable
from crawler.publishing.outbox import Outbox
from crawler.scheduling.schedule import ScheduleTable
from tests.project import LOOPBACK, ROOT, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

UNPICKLING = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
PAGE = b"<html><body><h1>A ferry</h1><p>It came in at noon, and nobody was surprised.</p></body></html>"
SOURCE = """
name = "private"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{seed}"]
[links]
article = ['/a/(?P<id>[^/?]+)\\.html']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
articleBody = "html:p"
[politeness]
delay = 0
"""


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def read_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


STATE: dict[str, Callable[[Path], object]] = {
    "frontier": lambda path: LeaseTable(path, job="job"),
    "schedule": lambda path: ScheduleTable(path, "machine/test"),
    "webhooks": Outbox,
}


@pytest.mark.parametrize("name", STATE)
@pytest.mark.usefixtures("open_umask")
def test_what_holds_state_is_its_owners_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.sqlite"
    path.touch()
    assert read_mode(path) == 0o644
    table = STATE[name](path)
    try:
        made = [file for file in tmp_path.iterdir() if file.suffix != ".lock"]
        assert {file.name: oct(read_mode(file)) for file in made} == {file.name: "0o600" for file in made}
    finally:
        getattr(table, "close", lambda: None)()


def test_no_control_plane_is_open_and_certificates_are_verified() -> None:
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")


def test_neither_a_server_nor_a_second_client_is_loaded() -> None:
    script = """
import sys
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.settings import Settings
from scrapy.utils.misc import load_object
settings = Settings()
settings.setmodule("crawler.settings", priority="project")
for name in settings.get_component_priority_dict_with_base("EXTENSIONS"):
    load_object(name)
RetryMiddleware(settings)
print(*sorted(sys.modules))
"""
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "scrapy.extensions.corestats" in loaded
    assert {"aiohttp", "scrapy.core.downloader.handlers.http11"}.isdisjoint(loaded)


def test_nothing_of_ours_unpickles() -> None:
    found = []
    for path in [path for name in ("archives", "crawler", "pipelines") for path in (ROOT / name).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in UNPICKLING]
    assert found == []


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self._path), "w")


def test_what_stands_in_jobdir_is_not_unpickled(data: Data, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "spider.state").write_bytes(pickle.dumps(Trap(tmp_path / "owned")))
    with WireServer({"/": build_response(PAGE)}) as origin:
        source = tmp_path / "private.toml"
        source.write_text(SOURCE.format(base=origin.base_url, seed=origin.url("/")), "utf-8")
        done = run_scrapy(
            "crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK | {"JOBDIR": jobs}
        )
    assert done.returncode == 1, done.stderr
    assert not (tmp_path / "owned").exists()


# Secrets


SECRETS = {
    "NEWSREEL_FRONTIER_URL": "redis://:hushfrontier@127.0.0.1:9/0",
    "NEWSREEL_CATALOGUE_URL": "postgresql://u:hushcatalogue@127.0.0.1:9/d",
    "AWS_SECRET_ACCESS_KEY": "hushaws",
    "HOOK_SECRET": "hushwebhook",
}
HEADERS = '{"Authorization": "Bearer hushauthorization", "Cookie": "s=hushcookie", "Proxy-Authorization": "hushproxy"}'


def read_all(folder: Path) -> bytes:
    """Every byte below a folder, of compressed files also what they hold."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    packed = [gzip.decompress(path.read_bytes()) for path in files if path.suffix == ".gz"]
    return b"".join([path.read_bytes() for path in files] + packed)


@pytest.mark.parametrize("reached", ["all", "none"])
def test_a_crawl_with_secrets_everywhere_tells_none(reached: str, data: Data, tmp_path: Path) -> None:
    """Every byte that was written or printed is looked at; once what the secrets lead to cannot be reached."""
    routes = {"/": build_response(b"<a href=/a/1.html>x</a>"), "/a/1.html": build_response(PAGE)}
    exports = tmp_path / "exports.toml"
    exports.write_text('[[webhook]]\nurl = "http://127.0.0.1:9/hook"\nsecret_env = "HOOK_SECRET"\n', "utf-8")
    environment = {name: text for name, text in SECRETS.items() if reached == "none" or "URL" not in name}
    with WireServer(routes) as origin:
        source = tmp_path / "private.toml"
        source.write_text(SOURCE.format(base=origin.base_url, seed=origin.url("/")), "utf-8")
        settings = LOOPBACK | {"DEFAULT_REQUEST_HEADERS": HEADERS, "EXPORTS_FILE": exports}
        crawl = ("crawl", "category", "-a", f"source={source}", "-L", "DEBUG")
        done = run_scrapy(*crawl, data=data, settings=settings, environment=environment)
    outcome = run_scrapy("runs", "--json", data=data), run_scrapy("export", "jsonl", "-o", "-", data=data)
    told = done.stdout + done.stderr + "".join(other.stdout + other.stderr for other in outcome)
    written = read_all(data.path)
    if reached == "all":
        assert done.returncode == 0, done.stderr
        assert b"Authorization: *" in written
        assert b"Cookie: *" in written
    assert re.findall(r".*hush.*", told) == []
    assert re.findall(rb".{0,40}hush.{0,40}", written) == []


@pytest.mark.parametrize("way", ["link", "redirect"])
def test_a_password_in_an_address_is_neither_sent_nor_told(way: str, data: Data, tmp_path: Path) -> None:
    """The page that shows it is kept as it came; nothing else has it."""
    with WireServer({"/a/1.html": build_response(PAGE), "/a/2.html": build_response(PAGE)}) as origin:
        address = origin.url("/a/2.html").replace("//", "//reader:hushlink@")
        answer = build_response(status="302 Found", headers=[("Location", address)])
        odd = f'<a href="{address}">two</a>' if way == "link" else "<a href=/a/3.html>three</a>"
        origin.routes |= {"/": build_response(f"<a href=/a/1.html>one</a>{odd}".encode()), "/a/3.html": answer}
        source = tmp_path / "private.toml"
        source.write_text(SOURCE.format(base=origin.base_url, seed=origin.url("/")), "utf-8")
        crawl = ("crawl", "category", "-a", f"source={source}", "-L", "INFO")
        done = run_scrapy(*crawl, data=data, settings=LOOPBACK)
        asked = {exchange.received.split()[1].decode() for exchange in origin.exchanges}
    assert done.returncode == 0, done.stderr
    assert "/a/1.html" in asked
    assert "/a/2.html" not in asked
    assert "hushlink" not in done.stdout + done.stderr
    written = read_all(data.path)
    assert re.findall(rb"WARC-Target-URI: [^\r]*hushlink", written) == []
    posts = b"".join(path.read_bytes() for path in data.posts("private").rglob("*.md"))
    assert b"hushlink" not in posts
