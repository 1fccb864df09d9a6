"""Command line of the archive alone: no crawler, settings or network.

A time-stamp alone is requested over the network, where an address is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archives.captures.recovery import salvage
from archives.errors import ArchiveError, CollectionError
from archives.index.catalogue import rebuild_catalogue
from archives.index.cold import COLD_NAME, write_cold_index
from archives.index.sidecars import rebuild
from archives.mending.copies import mend_collection
from archives.mending.summary import count_left, describe_file
from archives.replay.serving import serve_collection
from archives.signed_log.keys import load_public
from archives.signed_log.signing import sign_collection
from archives.storage.collection import Collection
from archives.terminal import complain, count_words, say
from archives.transfer.importing import Added
from archives.verify.findings import Notes
from archives.verify.fixity import Problem, verify_collection
from archives.verify.log_checks import Trust
from archives.wacz.intake import take_in
from archives.wacz.pack import pack_collection, unpack_wacz
from archives.wacz.parts import describe_part, pack_part
from archives.wacz.selection import add_part_options, build_selection, find_files_of
from archives.wacz.validate import validate_wacz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 good, 1 problems found, 2 usage."""
    options = _build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except CollectionError as error:
        return _fail(str(error), 2)
    except (ArchiveError, OSError) as error:
        return _fail(str(error), 1)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m archives",
        description="Work on a collection: a directory that holds WARC files below archive/.",
        epilog="Exit codes: 0 good, 1 problems found, 2 usage.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int], words: str, *, path: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        command.add_argument("path", type=Path, metavar=path)
        command.set_defaults(run=run)
        return command

    index = add("index", _run_index, "rebuild every index file from the WARC files", path="COLLECTION_DIR")
    index.add_argument("--cold", action="store_true", help="also write the index as one Parquet file")
    verify = add("verify", _run_verify, "read every byte and list what is not as it was written", path="COLLECTION_DIR")
    verify.add_argument("--json", action="store_true", help="one JSON object a problem, on stdout")
    verify.add_argument("--notes", action="store_true", help="also tell, on stderr, what is unusual but harmless")
    verify.add_argument("--log-key", type=Path, metavar="KEY.pem", help="the key that has to have signed the log")
    verify.add_argument("--timestamp-roots", type=Path, metavar="CERTS.pem", help="authorities that are believed")
    sign = add("sign", _run_sign, "log every closed file, signed and time-stamped", path="COLLECTION_DIR")
    sign.add_argument("--key", type=Path, required=True, metavar="KEY.pem", help="Ed25519; made if it is not there")
    sign.add_argument("--timestamp", default="", metavar="URL", help="an authority (RFC 3161) that stamps the log")
    sign.add_argument("--next-key", type=Path, metavar="KEY.pem", help="later entries are signed with this one")
    add("recover", _run_recover, "close the files of writers that died, cut to whole records", path="COLLECTION_DIR")
    intake = add("add", _run_add, "copy WARC, ARC and WACZ files or folders in and index them", path="COLLECTION_DIR")
    intake.add_argument("files", type=Path, nargs="+", metavar="PATH")
    mend = add("mend", _run_mend, "write repaired copies of files whose writer was wrong", path="COLLECTION_DIR")
    mend.add_argument("-o", "--output", type=Path, required=True, metavar="COLLECTION_DIR", help="made if missing")
    pack = add("pack", _run_pack, "write closed files, index and pages to one WACZ file", path="COLLECTION_DIR")
    pack.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.wacz")
    pack.add_argument("--title", default="", help="default: the directory's name")
    add_part_options(pack)
    pack.add_argument(
        "--sign", type=Path, metavar="KEY.pem", help="sign with this private key, made if it is not there"
    )
    unpack = add("unpack", _run_unpack, "take the WARC files of a WACZ file into a collection", path="FILE.wacz")
    unpack.add_argument("-o", "--output", type=Path, required=True, metavar="COLLECTION_DIR", help="made if missing")
    serve = add("serve", _run_serve, "show the pages of a collection in a browser", path="COLLECTION_DIR")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes any that is free")
    serve.add_argument("--name", action="append", default=[], help="a host name under which the viewer is requested")
    validate = add("validate", _run_validate, "list violations of the WACZ standard", path="FILE.wacz")
    validate.add_argument("--json", action="store_true", help="one JSON object a problem, on stdout")
    return parser


def _open_directory(path: Path) -> Collection:
    collection = Collection(path.resolve())
    if not collection.archive_dir.is_dir():
        raise CollectionError(
            f"{path} is not a collection; give a directory that has an archive/ directory in it", path=path
        )
    return collection


def _run_index(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)
    rebuilt = rebuild(collection)
    rebuild_catalogue(collection)
    say(f"{count_words(rebuilt.entries, 'capture')} indexed")
    if options.cold:
        say(f"{count_words(write_cold_index(collection), 'capture')} in {COLD_NAME}")
    for error in rebuilt.damage:
        complain(str(error))
    return 1 if rebuilt.damage else 0


def _run_verify(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)

    notes = Notes((lambda note: complain(f"note: {note.kind}: {note.message}")) if options.notes else None)
    key = load_public(options.log_key) if options.log_key else None
    trust = Trust(key=key, roots=options.timestamp_roots)
    problems = verify_collection(collection, on_note=notes.add, trust=trust)
    if summary := notes.summarise():
        complain(summary)
    return _report(problems, collection.path, is_json=options.json)


def _run_sign(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)
    done = sign_collection(collection, options.key, authority=options.timestamp, next_key_file=options.next_key)
    say(done)
    return 0


def _run_recover(options: argparse.Namespace) -> int:
    for result in salvage(_open_directory(options.path)):
        kept = (
            f"{count_words(result.records, 'record')} kept in {result.path.name}"
            if result.path
            else "nothing whole in it"
        )
        say(f"{result.open_path.name}: {kept}, {result.lost_bytes} bytes lost")
    return 0


def _run_add(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)
    damage = 0
    for taken in take_in(collection, options.files):
        damage += sum(map(_say_added, taken.added))
        if taken.fault:
            damage += not taken.is_passed
            complain(taken.fault)
    return 1 if damage else 0


def _run_mend(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)
    files = mend_collection(collection, Collection(options.output.resolve()))
    for line in [line for file in files for line in describe_file(file)]:
        say(line)
    if not any(file.is_mended for file in files):
        say("nothing to mend")
    return 1 if count_left(files) else 0


def _run_pack(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)
    is_selected = build_selection(options, lambda source: find_files_of(collection, source))
    if is_selected is None:
        packed = pack_collection(collection, options.output, title=options.title, key_file=options.sign)
    else:
        packed, part = pack_part(collection, options.output, is_selected, title=options.title, key_file=options.sign)
        for line in describe_part(part):
            say(line)
    say(f"{packed.path}: {count_words(packed.warcs, 'WARC file')}, {count_words(packed.captures, 'capture')}")
    for name in packed.left_out if is_selected is None else part.left_out:
        complain(f"{name} is left out: a WACZ file holds .warc and .warc.gz files only")
    return 0


def _run_unpack(options: argparse.Namespace) -> int:
    faults: list[ArchiveError] = []
    unpacked = unpack_wacz(options.path, Collection(options.output.resolve()), on_fault=faults.append)
    damage = sum(map(_say_added, unpacked))
    for fault in faults:
        complain(str(fault))
    return 1 if damage or faults else 0


def _run_serve(options: argparse.Namespace) -> int:
    collection = _open_directory(options.path)
    return serve_collection(collection, host=options.host, port=options.port, hosts=options.name)


def _run_validate(options: argparse.Namespace) -> int:
    return _report(validate_wacz(options.path), options.path.parent, is_json=options.json)


def _say_added(added: Added) -> int:
    """Tell the outcome of a file; returns how much of it was damaged."""
    words = count_words(added.captures, "capture") if added.is_new else "was there already"
    say(f"{added.path.name}: {words}")
    for error in added.damage:
        complain(str(error))
    return len(added.damage)


def _report(problems: list[Problem], base: Path, *, is_json: bool) -> int:
    for problem in problems:
        say(_dump_problem(problem, base) if is_json else f"{problem.kind}: {problem.message}")
    if not is_json:
        say(count_words(len(problems), "problem") if problems else "good")
    return 1 if problems else 0


def _dump_problem(problem: Problem, base: Path) -> str:
    fields = {
        "kind": problem.kind,
        "path": str(problem.path.relative_to(base)),
        "offset": problem.offset,
        "record_id": problem.record_id,
        "message": problem.message,
    }
    return json.dumps(fields, ensure_ascii=False)


def _fail(text: str, code: int) -> int:
    complain(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
