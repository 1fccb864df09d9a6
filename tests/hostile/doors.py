"""Runs every door of `python -m archives` on one file or collection, in a process whose memory and time are bounded.

Run as `python -m tests.hostile.doors KIND PATH SCRATCH`; prints a line a door: its name and its exit code.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

from archives.__main__ import main
from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.replay.app import ReplayApp
from archives.replay.lookup import OpenIndexes, Single
from archives.replay.server import ReplayServer
from archives.storage.collection import Collection

MEMORY_BYTES = 2 * 1024**3
CPU_SECONDS = 8
TIMEOUT_S = 30
FILE_BYTES = 800 * 1024**2


def list_doors(kind: str, path: Path, scratch: Path) -> list[list[str]]:
    collection = str(path)
    if kind == "wacz":
        other = str(scratch / "unpacked")
        return [["validate", collection], ["validate", "--json", collection], ["unpack", collection, "-o", other]]
    if kind == "cdxj":
        return [["verify", collection], ["pack", collection, "-o", str(scratch / "out.wacz")]]
    (scratch / "other" / "archive").mkdir(parents=True)
    files = [str(file) for file in sorted((path / "archive").iterdir())]
    return [
        ["index", collection],
        ["verify", collection],
        ["verify", "--json", "--notes", collection],
        ["add", str(scratch / "other"), *files],
        ["pack", collection, "-o", str(scratch / "out.wacz")],
        ["recover", collection],
    ]


def read_all(path: Path) -> None:
    """Ask for each capture as the viewer does: found in the catalogue, resolved, decoded."""
    index = CollectionIndex(Collection(path))
    try:
        for entry in list(index.iter_captures("http://a.example/page"))[:20]:
            with contextlib.suppress(ArchiveError):
                read_resolved(index, entry).decode()
    finally:
        index.close()


def look_at_all(path: Path) -> None:
    """Ask a viewer for every page that a reader could come to; none may fail for what the archive holds."""
    indexes = OpenIndexes(Single(Collection(path)))
    name, url = path.name, "http://a.example/page"
    targets = ["/", f"/{name}/", f"/{name}/cdx?url={url}", f"/{name}/cdx?url=a.example&matchType=domain"]
    targets += [
        f"/{name}/*/{url}",
        f"/{name}/2026*/{url}",
        f"/{name}/timemap/link/{url}",
        f"/{name}/timemap/json/{url}",
    ]
    targets += [f"/{name}/{url}", *(f"/{name}/20260304100000{form}/{url}" for form in ("", "mp_", "id_"))]
    with ReplayServer(ReplayApp(indexes)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for target in targets:
            connection = HTTPConnection("127.0.0.1", server.server_port, timeout=TIMEOUT_S)
            connection.request("GET", target)
            response = connection.getresponse()
            response.read()
            connection.close()
            if response.status == 500:
                sys.stderr.write(f"door viewer{target}: 500\n")
        server.shutdown()
    indexes.close()


def run() -> None:
    kind, path, scratch = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    for door in list_doors(kind, path, scratch):
        code = main(door)
        sys.stdout.flush()
        sys.stderr.write(f"door {door[0]}: {code}\n")
    if kind != "wacz":
        read_all(path)
        sys.stderr.write("door read: 0\n")
        look_at_all(path)
        sys.stderr.write("door viewer: 0\n")


if __name__ == "__main__":
    run()
