"""Each kind of problem is provoked by really damaging a file; a good collection has none."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import dump_line, load_line
from archives.index.sidecars import build_sidecar, rebuild, write_sidecar
from archives.storage.collection import WARC_SUFFIXES
from archives.verify.fixity import Problem, verify_collection
from archives.warc.members import Member, iter_members
from archives.warc.records import Truncated
from tests.archives.conftest import CORPUS, build_exchange, build_writer, count_ids, write_file
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archives.storage.collection import Collection


def read_members(path: Path) -> list[Member]:
    with path.open("rb") as stream:
        return list(iter_members(stream))


def rewrite(path: Path, change: Callable[[bytes], bytes], number: int = 1) -> None:
    """Change what member `number` (the first response, by default) inflates to."""
    parts = [member.data for member in read_members(path)]
    assert change(parts[number]) != parts[number]
    parts[number] = change(parts[number])
    path.write_bytes(b"".join(zlib.compress(part, 6, 31) for part in parts))


def reindex(collection: Collection, path: Path) -> None:
    write_sidecar(collection, path.name, map(dump_line, build_sidecar(path)))


def find_kinds(collection: Collection) -> set[str]:
    problems = verify_collection(collection)
    for problem in problems:
        assert problem.path.name in problem.message or problem.kind == "missing-sidecar"
        assert "; " in problem.message
    return {problem.kind for problem in problems}


def test_a_good_collection_has_no_problems(collection: Collection) -> None:
    names: list[str] = []
    path = write_file(collection)
    write_file(collection, token="t1", new_id=count_ids(100))
    assert verify_collection(collection, progress=names.append) == []
    assert names == [path.name, path.name.replace("t0", "t1")]


def test_padding_between_members_is_noted(collection: Collection) -> None:
    path = write_file(collection)
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(512))
    notes: list[Problem] = []
    assert verify_collection(collection, on_note=notes.append) == []
    assert [(note.kind, note.offset) for note in notes] == [("padding", len(whole))]


def test_a_draft_needs_no_date_but_an_address(collection: Collection) -> None:
    first, second = (
        build_record(f"http://{number}.example/", b"<p>", number=number).replace(b"WARC/1.1", b"WARC/0.18")
        for number in range(2)
    )
    first = first.replace(b"2026-01-01T", b"2026-13-77T")
    second = second.replace(b"WARC-Target-URI: http://1.example/\r\n", b"")
    (collection.archive_dir / "a.warc").write_bytes(first + second)
    rebuild(collection)
    notes: list[Problem] = []
    problems = verify_collection(collection, on_note=notes.append)
    assert [(problem.kind, problem.offset) for problem in problems] == [("bad-record", len(first))]
    assert ("undated", 0) in [(note.kind, note.offset) for note in notes]


def test_what_may_be_read_otherwise_than_it_was_meant_is_noted(collection: Collection) -> None:
    records = [
        build_record(f"http://{number}.example/", b"<p>", number=number, has_digest=False) for number in range(3)
    ]
    records[0] = re.sub(rb"WARC-Date: [^\r]+", b"WARC-Date: 2026-01-05 10:00:00", records[0])
    records[1] = records[1].replace(b"WARC-Type:", b"WARC-Segment-Number: 1\r\nWARC-Type:")
    path = collection.archive_dir / "a.warc"
    path.write_bytes((b"\r\n" * 9).join(records))
    reindex(collection, path)
    notes: list[Problem] = []
    assert verify_collection(collection, on_note=notes.append) == []
    assert [note.kind for note in notes] == ["odd-date", "trailer", "segment", "trailer"]
    with CollectionIndex(collection) as index:
        truncated = {entry.offset: entry.truncated for entry in index.iter_entries()}
    assert [truncated[offset] for offset in sorted(truncated)] == [None, Truncated.UNSPECIFIED, None]


def test_records_that_no_index_lists_because_of_their_type_are_named(collection: Collection) -> None:
    records = [build_record(f"http://{number}.example/", b"<p>", number=number) for number in range(3)]
    records[0] = records[0].replace(b"WARC-Type: response\r\n", b"")
    records[1] = records[1].replace(b"WARC-Type: response", b"WARC-Type: hologram")
    records[2] = records[2].replace(b"WARC-Type: response", b"WARC-Type: Response")
    path = collection.archive_dir / "a.warc"
    path.write_bytes(b"".join(records))
    reindex(collection, path)
    assert collection.sidecar_path(path.name).read_text("utf-8").count("\n") == 1
    notes: list[Problem] = []
    (problem,) = verify_collection(collection, on_note=notes.append)
    assert (problem.kind, problem.offset) == ("bad-record", 0)
    assert [note.kind for note in notes] == ["unknown-type"]
    assert "'hologram'" in notes[0].message


def test_a_wrong_digest_is_compared_with_one_of_its_own_kind(collection: Collection) -> None:
    record = build_record("http://a.example/", b"<p>", number=1).replace(b"sha1:", b"sha256:" + b"0" * 32)
    path = collection.archive_dir / "a.warc"
    path.write_bytes(record)
    reindex(collection, path)
    (problem,) = verify_collection(collection)
    assert "bytes give sha256:" in problem.message


def test_an_empty_collection_has_no_problems(collection: Collection) -> None:
    assert verify_collection(collection) == []


def test_a_living_writer_is_no_problem(collection: Collection) -> None:
    with build_writer(collection) as writer:
        writer.write(build_exchange())
        assert verify_collection(collection) == []


def test_truncated_member(collection: Collection) -> None:
    path = write_file(collection)
    last = read_members(path)[-1]
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.path, problem.offset) == ("truncated-member", path, last.offset)


@pytest.mark.parametrize("at", [10, 40, -8, -1])
def test_damaged_member(collection: Collection, at: int) -> None:
    path = write_file(collection)
    member = read_members(path)[2]
    data = bytearray(path.read_bytes())
    data[member.offset + (at if at > 0 else member.length + at)] ^= 0x40
    path.write_bytes(data)
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.path, problem.offset) == ("damaged-member", path, member.offset)


def test_a_splice_is_found_and_what_follows_is_still_read(collection: Collection) -> None:
    path = write_file(collection)
    members = read_members(path)
    data = path.read_bytes()
    cut = members[3]
    path.write_bytes(data[: cut.offset + cut.length - 20] + data[cut.offset + cut.length :])
    problems = verify_collection(collection)
    assert {problem.kind for problem in problems} == {
        "damaged-member",
        "lost-capture",
        "index-mismatch",
        "unindexed-capture",
    }
    assert problems[0].offset == cut.offset
    assert all("restore the file from a copy" in problem.message for problem in problems)


def test_after_damage_nobody_is_asked_to_forget_what_a_copy_still_has(collection: Collection) -> None:
    """Rewriting the index would drop the line of each capture that cannot be read."""
    path = write_file(collection)
    entries = build_sidecar(path)
    whole = path.read_bytes()
    hurt = bytearray(whole)
    hurt[entries[1].offset + 40] ^= 0x40
    for damaged, kinds in (
        (bytes(hurt), ["damaged-member", "lost-capture"]),
        (whole[: entries[1].offset], ["lost-capture", "lost-capture"]),
        (whole[: entries[1].offset + 9], ["truncated-member", "lost-capture", "lost-capture"]),
    ):
        path.write_bytes(damaged)
        problems = verify_collection(collection)
        assert [problem.kind for problem in problems] == kinds
        assert problems[-1].record_id in {entry.record_id for entry in entries[1:]}
        assert all(problem.message.endswith("; restore the file from a copy") for problem in problems[-2:])
    path.write_bytes(whole)
    assert verify_collection(collection) == []


def test_a_file_that_is_gone_is_to_be_restored_before_its_index_is_dropped(collection: Collection) -> None:
    write_file(collection).unlink()
    (problem,) = verify_collection(collection)
    assert problem.kind == "foreign-sidecar"
    assert "restore that file from a copy, or else run" in problem.message


def test_bytes_between_members(collection: Collection) -> None:
    path = write_file(collection)
    end = read_members(path)[-1]
    path.write_bytes(path.read_bytes() + b"noise")
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.offset) == ("damaged-member", end.offset + end.length)


@pytest.mark.parametrize(("number", "field"), [(1, b"WARC-Block-Digest: sha1:"), (2, b"WARC-Block-Digest: sha1:")])
def test_wrong_block_digest(collection: Collection, number: int, field: bytes) -> None:
    path = write_file(collection)
    rewrite(path, lambda data: data.replace(field + data.split(field)[1][:4], field + b"AAAA"), number)
    reindex(collection, path)
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.offset) == ("block-digest", read_members(path)[number].offset)
    assert "header says sha1:AAAA" in problem.message


def test_wrong_payload_digest(collection: Collection) -> None:
    path = write_file(collection)
    field = b"WARC-Payload-Digest: sha1:"
    rewrite(path, lambda data: data.replace(field + data.split(field)[1][:4], field + b"AAAA"))
    reindex(collection, path)
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.record_id) == ("payload-digest", build_sidecar(path)[0].record_id)


def test_a_changed_body_is_found_by_both_digests(collection: Collection) -> None:
    path = write_file(collection)
    rewrite(path, lambda data: data.replace(b"\r\n\r\n00000", b"\r\n\r\n00001"))
    reindex(collection, path)
    assert find_kinds(collection) == {"block-digest", "payload-digest"}


@pytest.mark.parametrize("length", [b"1", b"99999", b"84", b"x", b"9" * 5000])
def test_wrong_content_length(collection: Collection, length: bytes) -> None:
    path = write_file(collection)
    head, separator, rest = read_members(path)[1].data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    changed = b"\r\n".join([*lines, b"Content-Length: " + length]) + separator + rest
    rewrite(path, lambda data: changed)
    # One byte more reaches into the line ends behind the block, where only the digest can tell.
    assert find_kinds(collection) & {"content-length", "block-digest" if length == b"84" else ""}


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n", b"\r\n\r\n\r\n"])
def test_other_line_ends_behind_a_record_are_a_habit(collection: Collection, end: bytes) -> None:
    path = write_file(collection)
    rewrite(path, lambda data: data[:-4] + end)
    reindex(collection, path)
    notes: list[Problem] = []
    assert verify_collection(collection, on_note=notes.append) == []
    assert [(note.kind, note.offset) for note in notes] == [("trailer", read_members(path)[1].offset)]


def test_unparseable_record(collection: Collection) -> None:
    path = write_file(collection)
    rewrite(path, lambda data: b"no record at all\r\n\r\n")
    assert "bad-record" in find_kinds(collection)


def test_a_record_without_a_date(collection: Collection) -> None:
    path = write_file(collection)
    rewrite(path, lambda data: data.replace(b"WARC-Date: 2026", b"WARC-Date: then"))
    assert "bad-record" in find_kinds(collection)


def test_two_records_in_one_member(collection: Collection) -> None:
    path = write_file(collection)
    parts = [member.data for member in read_members(path)]
    path.write_bytes(zlib.compress(b"".join(parts), 6, 31))
    assert "shared-member" in find_kinds(collection)


def test_duplicate_record_ids(collection: Collection) -> None:
    path = write_file(collection)
    copy = path.with_name("copy.warc.gz")
    copy.write_bytes(path.read_bytes())
    reindex(collection, copy)
    problems = verify_collection(collection)
    assert {problem.kind for problem in problems} == {"duplicate-record-id"}
    assert len(problems) == len(read_members(path))


def test_missing_sidecar(collection: Collection) -> None:
    path = write_file(collection)
    sidecar = collection.sidecar_path(path.name)
    sidecar.unlink()
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.path) == ("missing-sidecar", sidecar)


def test_foreign_sidecar(collection: Collection) -> None:
    path = write_file(collection)
    path.unlink()
    assert find_kinds(collection) == {"foreign-sidecar"}


def change_lines(collection: Collection, change: Callable[[list[str]], list[str]]) -> Path:
    path = write_file(collection)
    sidecar = collection.sidecar_path(path.name)
    sidecar.write_text("".join(line + "\n" for line in change(sidecar.read_text().splitlines())))
    return path


def test_unsorted_sidecar(collection: Collection) -> None:
    change_lines(collection, lambda lines: lines[::-1])
    assert find_kinds(collection) == {"unsorted-sidecar"}


def test_foreign_index_line(collection: Collection) -> None:
    change_lines(collection, lambda lines: [dump_line(replace(load_line(lines[0]), filename="b.warc.gz")), *lines])
    assert "foreign-index-line" in find_kinds(collection)


def test_bad_index_line(collection: Collection) -> None:
    change_lines(collection, lambda lines: ["a line", *lines])
    assert find_kinds(collection) == {"bad-index-line"}


def test_duplicate_index_line(collection: Collection) -> None:
    change_lines(collection, lambda lines: [lines[0], *lines])
    assert find_kinds(collection) == {"duplicate-index-line"}


def test_unindexed_capture(collection: Collection) -> None:
    path = change_lines(collection, lambda lines: lines[1:])
    (problem,) = verify_collection(collection)
    first = build_sidecar(path)[0]
    assert (problem.kind, problem.path, problem.offset) == ("unindexed-capture", path, first.offset)
    assert problem.record_id == first.record_id


@pytest.mark.parametrize(
    "change",
    [{"offset": 0}, {"offset": 3}, {"length": 1}, {"status": 404}, {"digest": "sha1:AAAA"}, {"url": "http://x/"}],
)
def test_index_mismatch(collection: Collection, change: dict[str, object]) -> None:
    change_lines(collection, lambda lines: [dump_line(replace(load_line(lines[0]), **change)), *lines[1:]])
    assert find_kinds(collection) == {"index-mismatch", "unindexed-capture"}


def test_stale_open(collection: Collection) -> None:
    path = collection.archive_dir / "dead.warc.gz.open"
    path.write_bytes(b"")
    (problem,) = verify_collection(collection)
    assert problem == Problem(kind="stale-open", path=path, message=problem.message)
    assert "recover" in problem.message


def test_unreadable(collection: Collection) -> None:
    (collection.archive_dir / "dir.warc.gz").mkdir()
    assert "unreadable" in find_kinds(collection)


def test_uncompressed_files_are_read_too(collection: Collection) -> None:
    path = write_file(collection)
    plain = path.with_name("plain.warc")
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    collection.sidecar_path(path.name).unlink()
    reindex(collection, plain)
    assert verify_collection(collection) == []
    plain.write_bytes(plain.read_bytes()[:-40])
    assert "bad-record" in find_kinds(collection)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n"])
def test_a_file_without_a_record_is_named(collection: Collection, data: bytes) -> None:
    (collection.archive_dir / "nothing.warc").write_bytes(data)
    rebuild(collection)
    assert find_kinds(collection) == {"empty-file"}


# What each file of the corpus is called, with the reason; files not named here are good and nothing is said of them.
BROKEN = {
    "chatnoir-eu__chatnoir-resiliparse__clipped.warc.gz": {"truncated-member"},  # the gzip stream is cut
    "local__truncated-tail.warc.gz": {"truncated-member"},  # cut behind its sixteenth record
    "webrecorder__pywb__bad.arc": {"bad-record"},  # lengths of -1 and of "abc"
    "webrecorder__pywb__example-bad.warc.gz": {"shared-member"},  # six records in one gzip member
    "webrecorder__pywb__example-extra.warc": {"duplicate-record-id", "payload-digest"},  # copied, one copy changed
    "webrecorder__warcio__example-digest.warc": {"duplicate-record-id", "payload-digest"},  # wrong on purpose
    "webrecorder__warcio__example-trunc.warc": {"bad-record"},  # a body is short
    "webrecorder__warcio__example-wrong-chunks.warc.gz": {"block-digest"},  # and a record is in three members
}
NOTED = {
    # A draft of the format: dates of its own kind, payload digests over whole blocks.
    "chatnoir-eu__chatnoir-resiliparse__clueweb-quirk.warc.gz": {"mendable", "payload-digest", "undated"},
    # A record of a type outside the standard.
    "chatnoir-eu__chatnoir-resiliparse__block-sized-records.warc": {"unknown-type"},
    "chatnoir-eu__chatnoir-resiliparse__block-sized-records.warc.gz": {"unknown-type"},
    # Pages stored decoded, or without their chunks, under the head of what came; digests of other bytes.
    "webrecorder__py-wacz__example-warcinfo-metadata.warc": {"mendable"},
    "webrecorder__pywb__iana.warc.gz": {"mendable"},
    "webrecorder__warcio__example-digest.warc": {"mendable"},
    # Their originals are in other files, and they do not say in full which.
    "iipc__warc-specifications__20130729-heritrix-revisit-with-http-headers.warc.gz": {"dangling-revisit"},
    "iipc__warc-specifications__20141124-heritrix-server-not-modified.warc.gz": {"dangling-revisit", "trailer"},
    "local__interop-matrix.warc.gz": {"dangling-revisit", "mendable", "payload-digest"},
    "local__truncated-tail.warc.gz": {"dangling-revisit"},
    "webrecorder__pywb__dupes.warc.gz": {"dangling-revisit"},
    "webrecorder__pywb__example-url-agnostic-revisit.warc.gz": {"dangling-revisit", "trailer"},
    # Payload digests over the body as framed, chunks and all.
    "webrecorder__warcio__example-iana.org-chunked.warc": {"payload-digest"},
    # Records that are parted by more or fewer line ends than two.
    "webrecorder__pywb__example-extra.warc": {"trailer"},
    "webrecorder__pywb__example-url-agnostic-orig.warc.gz": {"trailer"},
    "webrecorder__warcio__example-trunc.warc": {"trailer"},
    "webrecorder__warcio__example-wrong-chunks.warc.gz": {"trailer"},
    # Two resources of one id, from a tool that has since been mended.
    "webrecorder__pywb__example-wget-1-14.warc.gz": {"duplicate-record-id"},
}


def list_corpus() -> list[Path]:
    """Files of the corpus; one of them has a suffix that hides it from other tools."""
    return sorted(path for path in CORPUS.glob("*") if path.name.endswith((*WARC_SUFFIXES, ".bad")))


@pytest.mark.parametrize("path", list_corpus(), ids=lambda path: path.name)
def test_verdicts_on_files_of_other_tools(collection: Collection, path: Path) -> None:
    name = path.name.removesuffix(".bad")
    (collection.archive_dir / name).write_bytes(path.read_bytes())
    rebuild(collection)
    notes: list[Problem] = []
    problems = verify_collection(collection, on_note=notes.append)
    assert {str(problem.kind) for problem in problems} == BROKEN.get(name, set())
    assert {str(note.kind) for note in notes} == NOTED.get(name, set())


def test_the_corpus_is_there(corpus: Path) -> None:
    assert {path.name.removesuffix(".bad") for path in list_corpus()} >= BROKEN.keys() | NOTED.keys()


def test_every_file_that_the_corpus_calls_broken_is_caught(corpus: Path) -> None:
    """WACZ files have their verdicts in test_wacz.py; LZ4 is refused by the reader, in words."""
    rows = [line.split("\t") for line in (corpus / "MANIFEST.tsv").read_text("utf-8").splitlines()[1:]]
    assert {row[0] for row in rows} == {path.name for path in corpus.iterdir()} - {"MANIFEST.tsv"}
    others = {row[0] for row in rows} - {path.name for path in list_corpus()}
    assert {name.rpartition(".")[2] for name in others} == {"lz4", "wacz"}
    broken = {row[0].removesuffix(".bad") for row in rows if row[-1].strip('"').startswith("BROKEN")}
    assert len(broken) > 3
    assert broken <= BROKEN.keys()


def test_an_original_in_another_file_ends_a_revisits_dangling(collection: Collection, corpus: Path) -> None:
    for name in ("orig", "revisit"):
        path = corpus / f"webrecorder__pywb__example-url-agnostic-{name}.warc.gz"
        (collection.archive_dir / path.name).write_bytes(path.read_bytes())
    rebuild(collection)
    notes: list[Problem] = []
    assert verify_collection(collection, on_note=notes.append) == []
    assert {note.kind for note in notes} == {"trailer"}
