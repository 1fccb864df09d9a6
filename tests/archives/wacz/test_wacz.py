"""A packed collection is a valid WACZ file and comes back to the byte; damage is reported, never obeyed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import resource
import stat
import subprocess
import tracemalloc
import zipfile
import zlib
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archives.captures.deduplication import Originals
from archives.errors import PackageError
from archives.index.catalogue import CollectionIndex
from archives.index.sidecars import rebuild
from archives.storage.collection import Collection
from archives.transfer.importing import add_file
from archives.verify.fixity import verify_collection
from archives.wacz import pack as wacz
from archives.wacz.pack import pack_collection, unpack_wacz
from archives.wacz.pages import Page
from archives.wacz.reader import Bundle
from archives.wacz.validate import validate_wacz
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer, count_ids, limit_file_size, write_file
from tests.archives.warc.mutants import build_record
from tests.project import run_module

if TYPE_CHECKING:
    from collections.abc import Callable

WACZ = os.environ.get("NEWSREEL_WACZ", "")
needs_wacz = pytest.mark.skipif(
    not WACZ, reason="NEWSREEL_WACZ does not name the bin directory of a py-wacz of its own"
)


@pytest.fixture
def packed(collection: Collection, tmp_path: Path) -> Path:
    """Three pages, one of them seen again."""
    with build_writer(collection, originals=Originals(collection)) as writer:
        for number in range(3):
            writer.write(build_exchange(number))
        writer.write(build_exchange(9, raw_response=build_exchange(0).raw_response))
        writer.write_resource("urn:newsreel:run", "text/plain", b"hello")
    target = tmp_path / "a.wacz"
    pack_collection(collection, target, created=BEGAN_AT)
    return target


def read_all(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def find_kinds(path: Path) -> set[str]:
    problems = validate_wacz(path)
    assert all(path.name in problem.message for problem in problems)
    return {problem.kind for problem in problems}


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None], *, is_honest: bool = True) -> None:
    """Change the files in a WACZ file; an honest change gets the digests that it needs."""
    files = read_all(path)
    change(files)
    if is_honest:
        package = json.loads(files["datapackage.json"])
        for resource in package["resources"]:
            data = files.get(resource["path"], b"")
            resource |= {"bytes": len(data), "hash": "sha256:" + hashlib.sha256(data).hexdigest()}
        files["datapackage.json"] = json.dumps(package).encode()
        digest = "sha256:" + hashlib.sha256(files["datapackage.json"]).hexdigest()
        files["datapackage-digest.json"] = json.dumps({"path": "datapackage.json", "hash": digest}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def test_a_packed_collection_is_what_the_standard_asks_for(collection: Collection, packed: Path) -> None:
    assert validate_wacz(packed) == []
    files = read_all(packed)
    (warc,) = collection.iter_warcs()
    assert files[f"archive/{warc.name}"] == warc.read_bytes()
    assert files["indexes/index.cdx"] == collection.sidecar_path(warc.name).read_bytes()
    package = json.loads(files["datapackage.json"])
    assert (package["profile"], package["wacz_version"], package["title"]) == ("data-package", "1.1.1", "news")
    assert package["created"] == "2026-03-04T02:21:11Z"
    assert {r["path"] for r in package["resources"]} | {"datapackage.json", "datapackage-digest.json"} == set(files)
    header, *pages = map(json.loads, files["pages/pages.jsonl"].splitlines())
    assert header["format"] == "json-pages-1.0"
    assert (pages[0]["url"], pages[0]["ts"]) == ("http://example.com/0", "2026-03-04T02:21:11.123456Z")
    with zipfile.ZipFile(packed) as archive:
        assert archive.getinfo(f"archive/{warc.name}").compress_type == zipfile.ZIP_STORED


def test_headers_in_the_zip_are_as_long_as_its_directory_says(packed: Path) -> None:
    """ReplayWeb.page takes it from there, and finds no file of a ZIP where the two differ."""
    with zipfile.ZipFile(packed) as archive, packed.open("rb") as stream:
        for info in archive.infolist():
            stream.seek(info.header_offset + 28)
            assert int.from_bytes(stream.read(2), "little") == len(info.extra) == 0


def test_a_file_that_outgrows_its_header_is_reported(
    collection: Collection, packed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10_000)
    monkeypatch.setattr(wacz, "iter_page_lines", lambda *_: iter([b"x" * 20_000]))
    with pytest.raises(PackageError, match=r"pages/pages.jsonl has grown past"):
        pack_collection(collection, tmp_path / "b.wacz")
    assert not (tmp_path / "b.wacz").exists()


def test_packing_twice_gives_the_same_bytes(collection: Collection, packed: Path, tmp_path: Path) -> None:
    again = tmp_path / "b.wacz"
    pack_collection(collection, again, created=BEGAN_AT)
    assert again.read_bytes() == packed.read_bytes()


def test_it_comes_back_to_the_byte(collection: Collection, packed: Path, tmp_path: Path) -> None:
    other = Collection(tmp_path / "other")
    (added,) = unpack_wacz(packed, other)
    (warc,) = collection.iter_warcs()
    assert added.path.read_bytes() == warc.read_bytes()
    assert list(CollectionIndex(other).iter_entries()) == list(CollectionIndex(collection).iter_entries())
    assert verify_collection(other) == []
    pack_collection(other, tmp_path / "b.wacz", title="news", created=BEGAN_AT)
    assert (tmp_path / "b.wacz").read_bytes() == packed.read_bytes()


def test_a_long_index_is_packed_in_blocks(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wacz, "MAX_PLAIN_LINES", 10)
    monkeypatch.setattr("archives.index.zipnum.LINES_IN_BLOCK", 7)
    for number in range(2):
        write_file(collection, 20, token=f"t{number}", new_id=count_ids(1000 * number + 1))
    target = tmp_path / "a.wacz"
    assert pack_collection(collection, target).captures == 40
    assert validate_wacz(target) == []
    files = read_all(target)
    lines = gzip.decompress(files["indexes/index.cdx.gz"]).splitlines()
    assert (len(lines), lines) == (40, sorted(lines))
    meta, *blocks = files["indexes/index.idx"].decode().splitlines()
    assert meta == '!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}'
    assert len(blocks) == 6
    for number, block in enumerate(blocks):
        key, timestamp, place = block.split(" ", 2)
        fields = json.loads(place)
        data = files["indexes/index.cdx.gz"][fields["offset"] : fields["offset"] + fields["length"]]
        assert gzip.decompress(data).splitlines() == lines[number * 7 : number * 7 + 7]
        assert lines[number * 7].decode().startswith(f"{key} {timestamp} ")
        assert fields["digest"] == "sha256:" + hashlib.sha256(data).hexdigest()


def test_more_files_than_a_process_may_hold_open(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with build_writer(collection, max_bytes=1) as writer:
        for number in range(60):
            writer.write(build_exchange(number * 37 % 60))
    monkeypatch.setattr(wacz, "MAX_OPEN_FILES", 7)
    spare = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 20
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
    try:
        pack_collection(collection, tmp_path / "a.wacz")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines = read_all(tmp_path / "a.wacz")["indexes/index.cdx"].splitlines()
    sidecars = (path.read_bytes() for path in collection.iter_sidecars())
    assert lines == sorted(line for data in sidecars for line in data.splitlines())
    assert validate_wacz(tmp_path / "a.wacz") == []


def test_a_list_of_pages_that_is_there_is_packed(collection: Collection, tmp_path: Path) -> None:
    write_file(collection)
    pages = b'{"format": "json-pages-1.0", "id": "pages"}\n{"url": "http://a/", "ts": "2026-01-01T00:00:00Z"}\n'
    (collection.pages_dir / "pages.jsonl").write_bytes(pages)
    pack_collection(collection, tmp_path / "a.wacz")
    assert read_all(tmp_path / "a.wacz")["pages/pages.jsonl"] == pages


def read_pages(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in read_all(path)["pages/pages.jsonl"].splitlines()]


def test_pages_that_are_given_are_listed_with_their_titles(
    collection: Collection, packed: Path, tmp_path: Path
) -> None:
    with CollectionIndex(collection) as index:
        (entry,) = index.iter_captures("http://example.com/1")
    pages = iter([Page(entry=entry, title="Première 頁")])
    pack_collection(collection, packed, pages=pages)
    header, page = read_pages(packed)
    assert header["format"] == "json-pages-1.0"
    name = entry.record_id.removeprefix("<urn:uuid:").removesuffix(">")
    assert page == {"id": name, "url": entry.url, "ts": "2026-03-04T02:21:12.123456Z", "title": "Première 頁"}
    assert validate_wacz(packed) == []


def test_the_list_of_pages_says_what_is_masked(collection: Collection, tmp_path: Path, corpus: Path) -> None:
    target = tmp_path / "a.wacz"
    for number, mask in enumerate((True, False)):
        write_file(collection, token=f"t{number}", new_id=count_ids(100 * (number + 1)), mask=mask)
    pack_collection(collection, target)
    assert read_pages(target)[0]["maskedRequestHeaders"] == "Authorization, Cookie, Proxy-Authorization; none"
    add_file(collection, corpus / "webrecorder__warcio__example.warc.gz")
    pack_collection(collection, target)
    assert read_pages(target)[0]["maskedRequestHeaders"].endswith("; none; not stated")


def test_what_cannot_be_packed_is_reported(collection: Collection, corpus: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.wacz"
    with pytest.raises(PackageError, match="no closed WARC file"):
        pack_collection(collection, target)
    add_file(collection, corpus / "webrecorder__pywb__example.arc")
    path = write_file(collection)
    assert pack_collection(collection, target).left_out == ["webrecorder__pywb__example.arc"]
    collection.sidecar_path(path.name).unlink()
    target.unlink()
    with pytest.raises(PackageError, match="no sidecar"):
        pack_collection(collection, target)
    assert [path.name for path in tmp_path.iterdir()] == ["collections"]


def test_a_full_disk_leaves_no_file(collection: Collection, tmp_path: Path) -> None:
    write_file(collection, 50)
    with limit_file_size(2000), pytest.raises(OSError, match="too large"):
        pack_collection(collection, tmp_path / "a.wacz")
    assert [path.name for path in tmp_path.iterdir()] == ["collections"]


# Signatures


def test_a_signed_file_says_so_and_holds(collection: Collection, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    write_file(collection)
    key, target = tmp_path / "key.pem", tmp_path / "a.wacz"
    for _ in range(2):
        pack_collection(collection, target, key_file=key)
        assert validate_wacz(target) == []
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    signed = json.loads(read_all(target)["datapackage-digest.json"])["signedData"]
    assert set(signed) == {"hash", "signature", "publicKey", "created", "software"}
    assert len(base64.b64decode(signed["signature"])) == 96


@pytest.mark.parametrize("field", ["signature", "publicKey", "hash"])
def test_a_signature_that_does_not_hold(collection: Collection, tmp_path: Path, field: str) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    write_file(collection)
    key, target = tmp_path / "key.pem", tmp_path / "a.wacz"
    pack_collection(collection, target, key_file=key)

    def spoil(files: dict[str, bytes]) -> None:
        proof = json.loads(files["datapackage-digest.json"])
        value = proof["signedData"][field]
        proof["signedData"][field] = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
        files["datapackage-digest.json"] = json.dumps(proof).encode()

    rewrite(target, spoil, is_honest=False)
    assert find_kinds(target) == {"signature"}


def test_a_browsers_signature_holds(corpus: Path, tmp_path: Path) -> None:
    """Two numbers on a larger curve; and a domain's, whose certificates are not ours to judge."""
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    for name in ("webrecorder__replayweb.page__iframetest.wacz", "webrecorder__py-wacz__invalid_signed_example_1.wacz"):
        assert validate_wacz(corpus / name) == []


def test_a_key_of_another_kind_is_refused(collection: Collection, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    write_file(collection)
    key = tmp_path / "key.pem"
    key.write_text("no key")
    with pytest.raises(PackageError, match="holds no private key"):
        pack_collection(collection, tmp_path / "a.wacz", key_file=key)


# What others made


VERDICTS = {
    "local__interop-matrix.wacz": set(),
    "webrecorder__py-wacz__invalid_signed_example_1.wacz": set(),  # signed by a test authority, otherwise good
    "webrecorder__py-wacz__valid_example_2.wacz": set(),
    "webrecorder__pywb__invalid_example_1.wacz": {"version", "unlisted", "missing", "archive", "index", "pages"},
    "webrecorder__pywb__valid_example_1.wacz": set(),  # version 1.0.0
    "webrecorder__replayweb.page__iframetest.wacz": set(),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts_on_files_of_other_tools(corpus: Path, tmp_path: Path, name: str) -> None:
    assert find_kinds(corpus / name) == VERDICTS[name]
    collection = Collection(tmp_path)
    if VERDICTS[name]:
        with pytest.raises(PackageError, match="holds no WARC file"):
            unpack_wacz(corpus / name, collection)
    else:
        assert sum(added.captures for added in unpack_wacz(corpus / name, collection)) > 0
        assert verify_collection(collection) == []


def drop(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        for found in [path for path in files if path.startswith(name)]:
            del files[found]
        package = json.loads(files.get("datapackage.json", b"{}"))
        package["resources"] = [r for r in package.get("resources", []) if r["path"] in files]
        if "datapackage.json" in files:
            files["datapackage.json"] = json.dumps(package).encode()

    return change


def edit(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return change


def reverse_index(files: dict[str, bytes]) -> None:
    files["indexes/index.cdx"] = b"".join(sorted(files["indexes/index.cdx"].splitlines(keepends=True), reverse=True))


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "no archive": (drop("archive/"), "archive index-line"),
    "no index": (drop("indexes/"), "index"),
    "no pages": (drop("pages/"), "pages"),
    "an empty index": (lambda files: files.update({"indexes/index.cdx": b""}), "index"),
    "an unsorted index": (reverse_index, "unsorted-index"),
    "an index that points outside": (edit("indexes/index.cdx", b'"offset": "', b'"offset": "99999'), "index-line"),
    "an index that points into a record": (edit("indexes/index.cdx", b'"offset": "3', b'"offset": "2'), "index-line"),
    "an index of another file": (edit("indexes/index.cdx", b'"filename": "', b'"filename": "x'), "index-line"),
    "an index line without JSON": (edit("indexes/index.cdx", b"{", b"["), "index-line"),
    "an index line without url": (edit("indexes/index.cdx", b'"url"', b'"uri"'), "index-line"),
    "a page without a time": (edit("pages/pages.jsonl", b'"ts"', b'"at"'), "pages"),
    "a page that is no JSON": (edit("pages/pages.jsonl", b'{"id"', b'{"id'), "pages"),
    "another profile": (edit("datapackage.json", b"data-package", b"table-schema"), "datapackage"),
    "a future version": (edit("datapackage.json", b"1.1.1", b"9.9.9"), "version"),
    "a stranger": (lambda files: files.update({"runs/secret.json": b"{}"}), "unlisted"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_validation_finds_what_other_validators_pass(packed: Path, name: str) -> None:
    """Each file is consistent in itself: only the fault that is named is in it."""
    change, kind = CHANGES[name]
    rewrite(packed, change)
    assert find_kinds(packed) == set(kind.split())


def test_changed_bytes_are_found(packed: Path) -> None:
    rewrite(packed, edit("pages/pages.jsonl", b"example.com", b"example.org"), is_honest=False)
    assert find_kinds(packed) == {"resource-digest"}
    rewrite(
        packed, lambda files: files.update({"pages/pages.jsonl": files["pages/pages.jsonl"] + b"\n"}), is_honest=False
    )
    assert find_kinds(packed) == {"resource-digest", "resource-size"}
    rewrite(packed, edit("datapackage.json", b'"news"', b'"olds"'), is_honest=False)
    assert "digest" in find_kinds(packed)


def test_a_compressed_archive_is_found(packed: Path) -> None:
    files = read_all(packed)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert find_kinds(packed) == {"compressed"}


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wacz"
    path.write_bytes(data)
    assert find_kinds(path) >= {"not-a-zip"} or find_kinds(path) >= {"archive", "index", "pages", "datapackage"}


def test_every_cut_is_refused_in_words(packed: Path, tmp_path: Path) -> None:
    data = packed.read_bytes()
    path = tmp_path / "cut.wacz"
    for size in range(0, len(data), 97):
        path.write_bytes(data[:size])
        assert find_kinds(path) == {"not-a-zip"}


# What wants to do harm


def build_info(name: str, *, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.external_attr = mode << 16
    return info


HARM: dict[str, list[tuple[zipfile.ZipInfo, bytes]]] = {
    "a way up": [(build_info("archive/../../../evil.warc"), b"WARC/1.0\r\n")],
    "an absolute name": [(build_info("/evil.warc"), b"WARC/1.0\r\n")],
    "another system's way up": [(build_info("archive\\..\\evil.warc"), b"WARC/1.0\r\n")],
    "a drive": [(build_info("C:/evil.warc"), b"WARC/1.0\r\n")],
    "a link": [(build_info("archive/evil.warc", mode=stat.S_IFLNK | 0o777), b"/etc/passwd")],
    "a device": [(build_info("archive/evil.warc", mode=stat.S_IFCHR | 0o666), b"")],
    "one name twice": [(build_info("archive/a.warc"), b"1"), (build_info("archive/A.warc"), b"2")],
}


@pytest.mark.parametrize("name", HARM)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_harmful_entries_are_refused_before_anything_is_written(packed: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(packed, "a") as archive:
        for info, data in HARM[name]:
            archive.writestr(info, data)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert find_kinds(packed) == {"unsafe-entry"}
    with pytest.raises(PackageError, match="is not read"):
        unpack_wacz(packed, Collection(tmp_path / "other"))
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_bomb_is_refused(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/bomb.warc", bytes(80_000_000))
    assert find_kinds(packed) == {"unsafe-entry"}
    with pytest.raises(PackageError, match="would grow from"):
        unpack_wacz(packed, Collection(tmp_path / "other"))


def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    """One set of bytes under many names grows to any size."""
    path = tmp_path / "a.wacz"
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/a.warc", b"x" * 1000)
        archive.writestr("archive/b.warc", b"x" * 1000)
    data = bytearray(stream.getvalue())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = (0).to_bytes(4, "little")
    path.write_bytes(data)
    assert find_kinds(path) == {"unsafe-entry"}


def test_an_index_that_would_fill_the_memory_is_refused(packed: Path) -> None:
    """A small file that inflates to one line of 200 MB; and a page list without line ends."""

    def swell(files: dict[str, bytes]) -> None:
        inflated = zlib.compressobj(9, zlib.DEFLATED, 31)
        parts = [inflated.compress(bytes(16 * 1024 * 1024)) for _ in range(12)]
        del files["indexes/index.cdx"]
        files["indexes/index.cdx.gz"] = b"".join(parts) + inflated.flush()
        files["pages/pages.jsonl"] = b" " * (8 * 1024 * 1024)
        package = json.loads(files["datapackage.json"])
        package["resources"] = [{"path": name} for name in files if name.startswith(("archive/", "indexes/", "pages/"))]
        files["datapackage.json"] = json.dumps(package).encode()

    rewrite(packed, swell)
    tracemalloc.start()
    try:
        problems = validate_wacz(packed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {problem.kind for problem in problems} == {"index", "pages"}
    assert all("a line of more than" in problem.message for problem in problems if "empty" not in problem.message)
    assert peak < 64 * 1024 * 1024


def test_a_document_that_fills_the_memory_is_refused(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archives.wacz.reader._MAX_DOCUMENT_BYTES", 100)
    with Bundle(packed) as bundle, pytest.raises(PackageError, match="larger than 100 bytes"):
        bundle.load_document("datapackage.json")


# Commands and other tools


run = partial(run_module, "archives")


def test_pack_validate_unpack_add(collection: Collection, tmp_path: Path) -> None:
    write_file(collection)
    target, other = tmp_path / "a.wacz", tmp_path / "other"
    assert run("pack", collection.path, "-o", target, "--title", "News").stdout.endswith("1 WARC file, 3 captures\n")
    assert run("validate", target).stdout == "good\n"
    assert run("unpack", target, "-o", other).stdout.endswith(": 3 captures\n")
    assert run("add", other, target).stdout.endswith(": was there already\n")
    assert run("verify", other).stdout == "good\n"
    result = run("validate", "--json", collection.sidecar_path(next(collection.iter_warcs()).name))
    problem: dict[str, Any] = json.loads(result.stdout)
    assert (result.returncode, problem["kind"]) == (1, "not-a-zip")
    result = run("validate", tmp_path / "gone.wacz")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    result = run("add", collection.path, tmp_path / "page.html")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


@needs_wacz
def test_py_wacz_calls_it_valid(packed: Path) -> None:
    done = subprocess.run([Path(WACZ, "wacz"), "validate", "-f", packed], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rebuilding_keeps_what_was_added(collection: Collection, packed: Path, tmp_path: Path) -> None:
    other = Collection(tmp_path / "other")
    unpack_wacz(packed, other)
    before = list(CollectionIndex(other).iter_entries())
    rebuild(other)
    assert list(CollectionIndex(other).iter_entries()) == before


@pytest.mark.parametrize(("version", "kinds"), [("WARC/1.0", {"damaged-record"}), ("WARC/0.18", set())])
def test_a_record_without_a_readable_date_is_not_missing_in_the_index(
    tmp_path: Path, version: str, kinds: set[str]
) -> None:
    records = [build_record(f"http://{number}.example/", b"<p>", number=number) for number in range(2)]
    records[0] = records[0].replace(b"2026-01-01T", b"2026-13-77T").replace(b"WARC/1.1", version.encode())
    collection = Collection.open(tmp_path, "odd", create=True)
    (collection.archive_dir / "a.warc").write_bytes(b"".join(records))
    rebuild(collection)
    packed = pack_collection(collection, tmp_path / "odd.wacz", created=BEGAN_AT).path
    assert find_kinds(packed) == kinds
