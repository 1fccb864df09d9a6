"""The project as its users meet it: commands typed in its folder, and the folders they leave behind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import pytest

from tests.forkserver import ForkedProcess, can_fork

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
# Data directories that earlier versions made, the oldest first.
EARLIER_DATA = sorted((ROOT / "tests/crawler/upgrades").glob("data-*.tar.xz"))
# How the tests' own papers write an article; to be appended to a definition.
ARTICLE_PARSER = """
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "time"
articleBody = "html:div"
"""

Process = ForkedProcess | subprocess.Popen[str]

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no corpus at {SHARED}")


@dataclass(frozen=True, slots=True)
class Data:
    """A data directory made by a test."""

    path: Path

    def collection(self, name: str) -> Path:
        return self.path / "collections" / name

    def posts(self, name: str) -> Path:
        return self.path / "_posts" / name

    def warcs(self, name: str) -> list[Path]:
        return sorted((self.collection(name) / "archive").glob("*.warc.gz"))

    def read_manifests(self, name: str) -> list[dict[str, Any]]:
        """The run manifests of a collection, the earliest first; two runs may begin within the second of a name."""
        paths = (self.collection(name) / "runs").glob("*.json")
        return sorted((json.loads(path.read_text("utf-8")) for path in paths), key=lambda run: run["began_at"])


def unpack_data(folder: Path, archive: Path = EARLIER_DATA[-1]) -> None:
    """Unpack a data directory that an earlier version made."""
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it since 3.11.4
        packed.extractall(folder)  # noqa: S202


def start_module(
    module: str,
    *arguments: object,
    cwd: Path = ROOT,
    environment: Mapping[str, str | None] | None = None,
    stdin: IO[str] | int = subprocess.DEVNULL,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
) -> Process:
    """Start `python -m module arguments`.

    Args:
        environment: set beside our variables, or removed where None; a proxy holds only where it is named here.
    """
    ours = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    clean = {name: value for name, value in (ours | dict(environment or {})).items() if value is not None}
    words = [*map(str, arguments)]
    if can_fork(clean):
        return ForkedProcess(module, *words, cwd=cwd, environment=clean, stdin=stdin, stdout=stdout, stderr=stderr)
    command = [sys.executable, "-m", module, *words]
    return subprocess.Popen(command, cwd=cwd, env=clean, text=True, stdin=stdin, stdout=stdout, stderr=stderr)


def start_script(
    script: str,
    folder: Path,
    *arguments: object,
    environment: Mapping[str, str | None] | None = None,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
) -> Process:
    """Start a script, which is kept in a folder that is its first argument, as `start_module` starts modules."""
    (folder / "script.py").write_text(script, "utf-8")
    path = {"PYTHONPATH": str(ROOT)} | dict(environment or {})
    return start_module("script", folder, *arguments, cwd=folder, environment=path, stdout=stdout, stderr=stderr)


def run_module(
    module: str,
    *arguments: object,
    cwd: Path = ROOT,
    environment: Mapping[str, str | None] | None = None,
    stdin: str = "",
    timeout_s: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments` as `start_module` starts it; it is killed when it takes too long."""
    with TemporaryFile("w+") as source, TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        source.write(stdin)
        source.seek(0)
        process = start_module(
            *(module, *arguments), cwd=cwd, environment=environment, stdin=source, stdout=output, stderr=errors
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(process.args, code, output.read(), errors.read())


def start_scrapy(
    *arguments: str,
    data: Data | Path | None = None,
    settings: Mapping[str, object] | None = None,
    environment: Mapping[str, str | None] | None = None,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
) -> Process:
    """Start one command in the project's folder; the only proxy it knows is one that the environment names."""
    words = _build_words(arguments, data, settings)
    return start_module("scrapy", *words, environment=environment, stdout=stdout, stderr=stderr)


def run_scrapy(
    *arguments: str,
    data: Data | Path | None = None,
    settings: Mapping[str, object] | None = None,
    proxy: str = "",
    stdin: str = "",
    timeout_s: float = 300,
    environment: Mapping[str, str | None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one command in the project's folder; the only proxy it knows is the one that is given."""
    proxies = {"http_proxy": proxy, "https_proxy": proxy} if proxy else {}
    return run_module(
        *("scrapy", *_build_words(arguments, data, settings)),
        environment=proxies | dict(environment or {}),
        stdin=stdin,
        timeout_s=timeout_s,
    )


def _build_words(
    arguments: tuple[str, ...], data: Data | Path | None, settings: Mapping[str, object] | None
) -> list[str]:
    path = data.path if isinstance(data, Data) else data
    options: dict[str, object] = ({"DATA_DIR": path} if path else {}) | dict(settings or {})
    return [*arguments, *(word for name, value in options.items() for word in ("-s", f"{name}={value}"))]


LOOPBACK: dict[str, object] = {
    "RESOLVER_ALLOW": "127.0.0.0/8",
    "AUTOTHROTTLE_ENABLED": False,
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": False,
}


def hash_tree(folder: Path, pattern: str = "*.md") -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its relative name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
    }
