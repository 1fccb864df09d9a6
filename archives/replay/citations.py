"""Evidence for a sentence: the record that contains it, verifiable with the WARC file alone.

A citation is a JSON object. Anyone who has the file it names, even under another name, can check that the record with
that id has those bytes, and that they say what is cited.
"""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError, RecordError
from archives.replay.rewriting.charsets import decode_page
from archives.storage.copying import hash_parts
from archives.urls import format_warc_date
from archives.warc.reader import build_capture, scan_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from archives.index.catalogue import CollectionIndex
    from archives.warc.parser import Record
    from archives.warc.reader import Capture

VERSION: Final = "newsreel-citation/1"
_MAX_BYTES: Final = 16 * 1024 * 1024
_UNSEEN: Final = re.compile(r"(?i)<(script|style|template|noscript)\b|<!--")
# What stands within a line of text; every other tag parts words.
_INLINE: Final = re.compile(
    r"(?i)</?(?:a|abbr|b|bdi|cite|code|em|font|i|mark|q|s|small|span|strong|sub|sup|u|wbr)\b[^<>]*>"
)
_TAG: Final = re.compile(r"<[^<>]*>")
_BLANK: Final = re.compile(r"[\s\u00ad\u200b]+")
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A record in which a sentence stands.

    Attributes:
        url: of the page that was captured; a revisit's own.
        captured_at: when the page was captured so, a WARC date.
        record_id: of that capture.
        payload_record_id: of the record that holds the bytes: the same, or the original of a revisit.
        filename: of the WARC file that holds that record.
        offset: bytes from the start of the file to it, or to the gzip member that holds it.
        block_sha256: of that record's whole block, in hexadecimal.
    """

    sentence: str
    url: str
    captured_at: str
    record_id: str
    payload_record_id: str
    filename: str
    offset: int
    block_sha256: str


def cite_sentence(
    index: CollectionIndex, url: str, sentence: str, on_unread: Callable[[ArchiveError], object]
) -> list[Evidence]:
    """Find the captures of an address in which a sentence stands, in the order of capture.

    Tags, entities and the width of blanks do not matter.

    Args:
        on_unread: called for each capture that cannot be read, and is passed over.
    """
    found = []
    for entry in index.iter_captures(url):
        try:
            capture = read_resolved(index, entry, max_bytes=_MAX_BYTES)
            is_there = has_sentence(capture, sentence)
        except ArchiveError as error:
            on_unread(error)
            continue
        if is_there:
            found.append(_build_evidence(capture, sentence))
    return found


def _build_evidence(capture: Capture, sentence: str) -> Evidence:
    holder = capture.original or capture
    return Evidence(
        sentence=sentence,
        url=capture.url,
        captured_at=format_warc_date(capture.captured_at),
        record_id=capture.record_id,
        payload_record_id=holder.record_id,
        filename=holder.filename,
        offset=holder.offset,
        block_sha256=hashlib.sha256(holder.block).hexdigest(),
    )


def has_sentence(capture: Capture, sentence: str) -> bool:
    """Return whether a sentence is in what a capture shows.

    Raises:
        RecordError: its content cannot be decoded.
    """
    kinds = capture.head.get_all(b"Content-Type") if capture.is_http else [capture.mime.encode("latin-1", "replace")]
    text, _ = decode_page(capture.decode(max_bytes=_MAX_BYTES), (kinds[0] if kinds else b"").decode("latin-1"))
    wanted = _squeeze(sentence)
    if not wanted:
        return False
    is_json = text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    visible = _TAG.sub(" ", _INLINE.sub("", _unescape_json(text) if is_json else _drop_unseen(text)))
    return wanted in _squeeze(html.unescape(visible))


def _drop_unseen(text: str) -> str:
    """The markup of a page without comments, scripts and styles; what is never closed goes to the end."""
    parts = []
    at = 0
    while (found := _UNSEEN.search(text, at)) is not None:
        parts.append(text[at : found.start()])
        closing = re.compile(f"</{found[1]}" if found[1] else "-->", re.IGNORECASE).search(text, found.end())
        if closing is None:
            return " ".join(parts)
        at = closing.end()
    return " ".join((*parts, text[at:]))


def _squeeze(text: str) -> str:
    return _BLANK.sub(" ", text.replace("\u00ad", "")).strip()


def _unescape_json(text: str) -> str:
    """Text as a JSON string has it; pages keep their words in such strings, too."""
    return _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text).replace("\\/", "/").replace('\\"', '"')


def dump_citation(evidence: Evidence) -> dict[str, Any]:
    """Return a citation as a JSON object."""
    return {"format": VERSION, **asdict(evidence)}


def load_citation(document: Any) -> Evidence:
    """Read a citation.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(document, dict) or document.get("format") != VERSION:
        raise ValueError(f"not a citation of format {VERSION}")
    values = {key: value for key, value in document.items() if key != "format"}
    wrong = values.keys() ^ {field.name for field in fields(Evidence)}
    wrong |= {key for key, value in values.items() if not isinstance(value, int if key == "offset" else str)}
    if wrong:
        raise ValueError(f"not a citation: {', '.join(sorted(wrong))} missing, unknown or of the wrong type")
    return Evidence(**values)


def prove_citation(evidence: Evidence, files: Iterable[Path]) -> str:
    """Look for the cited record in WARC files, and compare it with the citation; names of files do not matter.

    Returns:
        Why the citation does not hold, in a sentence; empty if it does.

    Raises:
        OSError: a file cannot be read.
    """
    names = []
    damage: list[RecordError] = []
    faults = []
    for path in files:
        names.append(path.name)
        for record in scan_records(path, damage.append):
            if record.record_id == evidence.payload_record_id:
                fault = _compare(record, path.name, evidence)
                if not fault:
                    return ""
                faults.append(fault)
    # Records of ARC files have no id, so that most of them are others than the one that is cited.
    if faults and evidence.payload_record_id:
        return faults[0]
    missing = (
        f"record {evidence.payload_record_id or f'of {evidence.url}'} is in none of {', '.join(names) or 'no files'}"
    )
    return f"{missing}, which cannot be read completely ({damage[0]})" if damage else missing


def _compare(record: Record, filename: str, evidence: Evidence) -> str:
    """Return how a record differs from the cited one, in a sentence; empty if it does not."""
    if hash_parts(record.iter_block()) != evidence.block_sha256:
        return f"record {record.record_id} in {filename} has other bytes than were cited"
    capture = build_capture(record, filename)
    if evidence.record_id == record.record_id:
        is_same = (capture.url, format_warc_date(capture.captured_at)) == (evidence.url, evidence.captured_at)
        if not is_same:
            return f"record {record.record_id} in {filename} is of another address or date than was cited"
    try:
        return "" if has_sentence(capture, evidence.sentence) else "the sentence does not stand in the record"
    except RecordError as error:
        return f"record {record.record_id} in {filename} cannot be decoded ({error})"
