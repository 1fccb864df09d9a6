"""The Containerfile: its steps run one by one, and its health check tells a running schedule from a dead one."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.crawler.projects.test_projects import SOURCE
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_NETWORK = re.compile("dial tcp|no such host|timeout|TLS|connection|pull|toomanyrequests|retries", re.IGNORECASE)
ENGINES = ("podman", "docker")
LENT = sysconfig.get_path("purelib")
TEXT = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", " ")


def list_steps(word: str) -> list[str]:
    return [line.removeprefix(f"{word} ").strip() for line in TEXT.splitlines() if line.startswith(f"{word} ")]


def find_engine() -> str:
    """A container engine that answers, or ''."""
    for name in ENGINES:
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:
            return name
    return ""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the RUN steps leave, below a folder that stands for the root of the image."""
    root = tmp_path_factory.mktemp("image")
    shutil.copytree(ROOT, root / "src", ignore=shutil.ignore_patterns(*list_ignored(), ".*_cache", ".hypothesis"))
    (root / "opt").mkdir()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    steps = list_steps("RUN")
    assert len(steps) == 3
    for step in steps:
        # Its packages are lent by this environment, and no user is made on this machine.
        here = step.replace("--no-cache-dir -c", "-q --no-deps --no-build-isolation -c")
        here = re.sub(r"useradd [^&]*&& |&& chown .*", "", here)
        here = re.sub(r"(?<![\w.])/(opt|src|news)\b", rf"{root}/\1", here)
        environment["PYTHONPATH"] = LENT if "pip" in here else ""
        done = subprocess.run(["sh", "-euc", here], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, here + done.stdout + done.stderr
        if step.startswith("python -m venv"):
            lend_packages(root / "opt" / "newsreel")
    return root


def list_ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line.removeprefix("**/") for line in lines if line and not line.startswith("#")]


def lend_packages(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(LENT + "\n", "utf-8")


def find_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def settings(installed: Path) -> Iterator[dict[str, str]]:
    """The environment that ENV makes, with a port that is free here."""
    (line,) = list_steps("ENV")
    made = dict(word.split("=", 1) for word in line.replace("$PATH", os.environ["PATH"]).split(" ") if "=" in word)
    made["PATH"] = made["PATH"].replace("/opt/", f"{installed}/opt/")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPY_")}
    yield clean | made | {"NEWSREEL_SCHEDULE_METRICS": f"127.0.0.1:{find_port()}"}


def test_the_steps_make_a_schedule_whose_health_is_checked(
    installed: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    assert not (installed / "src").exists()
    (check,) = list_steps("HEALTHCHECK")
    command = check.partition("CMD ")[2].replace("127.0.0.1:9410", settings["NEWSREEL_SCHEDULE_METRICS"])

    def is_healthy() -> bool:
        done = subprocess.run(["sh", "-c", command], env=settings, capture_output=True, check=False)
        return done.returncode == 0

    made = subprocess.run(["newsreel", "init", "."], cwd=tmp_path, env=settings, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    (tmp_path / "sources" / "harbour.toml").write_text(SOURCE + '[schedule]\ncron = "0 0 29 2 *"\n', "utf-8")
    (words,) = list_steps("CMD")
    assert words == '["newsreel", "schedule"]'
    assert not is_healthy()
    with subprocess.Popen(["newsreel", "schedule"], cwd=tmp_path, env=settings, stderr=subprocess.PIPE) as schedule:
        try:
            until = time.monotonic() + 60
            while not is_healthy():
                assert schedule.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        finally:
            schedule.terminate()
    assert schedule.returncode == 0
    assert not is_healthy()


def test_an_engine_builds_it() -> None:
    engine = find_engine()
    if not engine:
        pytest.skip("no podman or docker answers here; the steps are run by the other test")
    form = ["--format", "docker"] if engine == "podman" else []
    build = [engine, "build", "-q", *form, "-f", "Containerfile", "."]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode and _NO_NETWORK.search(built.stderr):
        pytest.skip(f"{engine} cannot reach a registry: {built.stderr[-200:]}")
    assert built.returncode == 0, built.stderr
    inspect = [engine, "image", "inspect", built.stdout.split()[-1]]
    (image,) = json.loads(subprocess.run(inspect, capture_output=True, text=True, check=True).stdout)
    assert "urlopen" in str(image.get("Healthcheck") or image["Config"]["Healthcheck"])
