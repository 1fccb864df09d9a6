"""The project as its users meet it: commands typed in its folder, and the folders they leave behind."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

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


def run_scrapy(
    *arguments: str,
    data: Data | Path | None = None,
    settings: dict[str, object] | None = None,
    proxy: str = "",
    stdin: str | None = None,
    timeout_s: float = 120,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one command in the project's folder; the only proxy it knows is the one that is given."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    if proxy:
        clean |= {"http_proxy": proxy, "https_proxy": proxy}
    command = [sys.executable, "-m", "scrapy", *arguments]
    path = data.path if isinstance(data, Data) else data
    options: dict[str, object] = {"DATA_DIR": path} if path else {}
    for name, value in (options | (settings or {})).items():
        command += ["-s", f"{name}={value}"]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=clean | (environment or {}),
        capture_output=True,
        text=True,
        input=stdin if stdin is not None else "",
        timeout=timeout_s,
        check=False,
    )


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
