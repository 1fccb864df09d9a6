"""The signed log proves what it says, and nothing that was changed passes."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from archives.__main__ import main
from archives.erasure.register import Erasure, load_register
from archives.erasure.tombstones import erase_records
from archives.errors import SignatureError
from archives.index.sidecars import rebuild
from archives.signed_log.keys import SigningKey, load_public
from archives.signed_log.log import LOG_NAME, LogWriter, extend_log, read_log
from archives.signed_log.timestamps import add_timestamp
from archives.storage.collection import Collection
from archives.transfer.importing import add_file
from archives.verify.fixity import Problem, verify_collection
from archives.verify.log_checks import Trust
from tests.archives.conftest import write_file
from tests.archives.signed_log.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.load(tmp_path / "key.pem", create=True)


@pytest.fixture
def signed(collection: Collection, key: SigningKey) -> Collection:
    """A file in the log."""
    write_file(collection, token="t0")
    assert extend_log(collection, key) == 1
    return collection


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with Authority(tmp_path_factory.mktemp("tsa") / "authority") as running:
        yield running


def check(collection: Collection, **trust: object) -> tuple[list[str], list[str]]:
    """The kinds of the problems and of the notes on the log."""
    notes: list[Problem] = []
    problems = verify_collection(collection, on_note=notes.append, trust=Trust(**trust))  # type: ignore[arg-type]
    return [problem.kind for problem in problems], [note.kind for note in notes]


def list_lines(collection: Collection) -> list[bytes]:
    return (collection.path / LOG_NAME).read_bytes().splitlines(keepends=True)


def write_lines(collection: Collection, lines: list[bytes]) -> None:
    (collection.path / LOG_NAME).write_bytes(b"".join(lines))


def test_each_file_is_logged_once_and_a_good_log_says_nothing(
    signed: Collection, key: SigningKey, tmp_path: Path
) -> None:
    assert extend_log(signed, key) == 0
    assert check(signed, key=key.public) == ([], [])
    assert check(signed) == ([], ["log-key"])
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    assert load_public(tmp_path / "key.pem") == key.public
    source = write_file(Collection.open(tmp_path / "other", "x", create=True), token="t9", prefix="other")
    add_file(signed, source)
    assert "unlogged-file" in check(signed, key=key.public)[1]
    (signed.path / "imports.jsonl").write_text(json.dumps({"file": source.name, "from": "elsewhere"}) + "\n")
    assert extend_log(signed, key) == 1
    assert [entry.fields["event"] for entry in read_log(signed)] == ["closed", "taken-in"]


def test_whatever_byte_of_the_log_is_changed_is_found(signed: Collection, key: SigningKey) -> None:
    with LogWriter(signed, key) as writer:
        writer.append({"event": "note"})
    lines = list_lines(signed)
    whole = b"".join(lines)
    for at in range(0, len(whole), 7):
        (signed.path / LOG_NAME).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert check(signed, key=key.public)[0] == ["log-broken"], at
    for changed in (lines[1:], lines[::-1], [lines[0], lines[0]], [lines[0], b"\n", lines[1]], [whole[:-1]]):
        write_lines(signed, changed)
        assert check(signed, key=key.public)[0] == ["log-broken"]
    (signed.path / LOG_NAME).unlink()
    assert check(signed, key=key.public)[0] == ["log-missing"]


def test_another_file_in_the_place_of_one_is_found(signed: Collection, key: SigningKey, tmp_path: Path) -> None:
    (warc,) = signed.iter_warcs()
    (tmp_path / "kept").write_bytes(warc.read_bytes())
    warc.unlink()
    rebuild(signed)
    assert check(signed)[0] == ["missing-file"]
    write_file(signed, 4, token="t0")
    assert check(signed)[0] == ["changed-file"], "whole by itself, and with an index of its own"


def test_what_was_erased_is_logged_as_such(signed: Collection, key: SigningKey) -> None:
    (warc,) = signed.iter_warcs()
    erased = erase_records(warc, lambda record: record.url.endswith("/1"), at="2026-03-05T00:00:00Z", reason="")
    assert erased is not None
    load_register(signed).add(Erasure(at="2026-03-05T00:00:00Z", files=(erased,)))
    rebuild(signed)
    problems, notes = check(signed, key=key.public)
    assert (problems, notes) == ([], ["unlogged-erasure"])
    assert extend_log(signed, key) == 1 and extend_log(signed, key) == 0
    assert check(signed, key=key.public) == ([], [])
    last = list(read_log(signed))[-1].fields
    assert (last["event"], last["sha256"], last["sha256-before"]) == ("erased-from", erased.after, erased.before)


def test_a_new_key_is_announced_by_the_old_one(signed: Collection, key: SigningKey, tmp_path: Path) -> None:
    new = SigningKey.load(tmp_path / "new.pem", create=True)
    with pytest.raises(SignatureError, match="another key"):
        extend_log(signed, new)
    with LogWriter(signed, key) as writer:
        writer.announce_key(new)
    with LogWriter(signed, new) as writer:
        writer.append({"event": "note"})
    assert check(signed, key=new.public)[0] == check(signed, key=key.public)[0] == []
    stranger = SigningKey.load(tmp_path / "stranger.pem", create=True)
    assert check(signed, key=stranger.public)[0] == ["log-broken"]


def test_a_torn_last_line_is_cut_by_the_next_entry(signed: Collection, key: SigningKey) -> None:
    lines = list_lines(signed)
    write_lines(signed, [*lines, b'{"number": 2, "ev'])
    assert check(signed)[0] == ["log-broken"]
    with LogWriter(signed, key) as writer:
        writer.append({"event": "note"})
    assert check(signed, key=key.public)[0] == [] and list_lines(signed)[0] == lines[0]


def test_a_time_stamp_is_checked_offline(
    signed: Collection, key: SigningKey, authority: Authority, tmp_path: Path
) -> None:
    stamped = list_lines(signed)[-1].rstrip(b"\n")
    with LogWriter(signed, key) as writer:
        add_timestamp(writer, authority.url)
    assert check(signed, key=key.public) == ([], ["unchecked-time-stamp"])
    assert check(signed, key=key.public, roots=authority.root) == ([], ["time-stamp"])
    token = base64.b64decode(list(read_log(signed))[-1].fields["token"])
    assert authority.check(stamped, token), "OpenSSL says the same of the line before"
    assert not authority.check(stamped + b" ", token)

    stranger = Authority(tmp_path / "stranger")
    assert check(signed, key=key.public, roots=stranger.root)[0] == ["time-stamp"]
    with LogWriter(signed, key) as writer:  # the stamp of another entry, signed with the right key
        fields = {name: writer.entries[-1].fields[name] for name in ("event", "authority", "token")}
        writer.append(fields)
    assert check(signed, key=key.public, roots=authority.root)[0] == ["time-stamp"]


def test_mistakes_are_reported_in_a_sentence(
    signed: Collection, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str], authority: Authority
) -> None:
    path = str(signed.path)
    (tmp_path / "none.pem").write_text("no key")
    for options, words in (
        (("--key", str(tmp_path / "none.pem")), "holds no private key"),
        (("--key", str(tmp_path / "key.pem"), "--timestamp", "ftp://x"), "not an address of a time-stamp authority"),
        (("--key", str(tmp_path / "key.pem"), "--timestamp", "http://127.0.0.1:1/"), "cannot be asked"),
    ):
        assert main(["sign", path, *options]) == 1
        assert words in capsys.readouterr().err
    assert main(["sign", path, "--key", str(tmp_path / "key.pem"), "--timestamp", authority.url]) == 0
    roots = ("--timestamp-roots", str(authority.root), "--log-key", str(tmp_path / "key.pem"))
    assert main(["verify", path, "--notes", *roots]) == 0
    assert "proves the" in capsys.readouterr().err
    assert main(["verify", path, "--timestamp-roots", str(tmp_path / "none.pem")]) == 1
    assert "holds no certificates" in capsys.readouterr().err
