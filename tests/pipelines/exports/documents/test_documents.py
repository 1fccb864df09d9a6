"""The forms of other standards: each is held to what its standard says, over a hostile corpus, changes and all."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.dates.model import Precision
from pipelines.exports.documents.csl import build_reference
from pipelines.exports.documents.newsarticle import build_newsarticle
from pipelines.exports.documents.ninjs import build_ninjs
from pipelines.exports.documents.search_engines import build_bulk, build_meilisearch
from pipelines.exports.documents.singer import build_message
from pipelines.exports.formats import FORMATS, ExportOptions
from pipelines.exports.records import Change, ChangeKind, PostRecord
from pipelines.exports.schemas import build_schema
from pipelines.exports.tables.cloudevents import build_event
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import build_hostile, build_sample

jsonschema = pytest.importorskip("jsonschema")

LONG_ID = replace(build_sample(5), identifier="https://news.example/" + "长" * 400)
GONE = PostRecord(
    collection="news",
    source="news",
    identifier="gone",
    change=Change(kind=ChangeKind.WITHDRAWN, version=4, cursor="9-x"),
)
CHANGED = [
    replace(record, change=Change(kind=ChangeKind.UPDATED, version=2, cursor=f"{number}-x"))
    for number, record in enumerate([*build_hostile(list_texts()), LONG_ID])
]
RECORDS = [*CHANGED, GONE]
TEXT = {"type": "string"}


def export(name: str, records: list[PostRecord], folder: Path) -> str:
    assert FORMATS[name].export(iter(records), folder / name, ExportOptions()) == len(records)
    return (folder / name).read_text("utf-8")


def list_lines(name: str, folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(name, RECORDS, folder).split("\n")[:-1]]


def list_of(required: list[str], *names: str) -> dict[str, Any]:
    entry = {"type": "object", "additionalProperties": False, "required": required}
    return {"type": "array", "minItems": 1, "items": entry | {"properties": dict.fromkeys((*required, *names), True)}}


INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}

# Spec: IPTC ninjs 3.0: names, types and required members of what we write.
NINJS = {
    "type": "object",
    "required": ["uri"],
    "additionalProperties": False,
    "properties": {
        "uri": {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:[!-~]+$"},
        "standard": {"type": "object", "required": ["name", "version", "schema"]},
        "type": {"enum": ["text", "audio", "video", "picture", "graphic", "composite", "component"]},
        "representationType": {"enum": ["full", "partial"]},
        "pubStatus": {"enum": ["usable", "withheld", "canceled"]},
        "headlines": list_of(["value"], "role", "contentType"),
        "bodies": list_of(["value"], "role", "contentType", "charCount", "wordCount"),
        "subjects": list_of([], "name", "rel", "uri", "literal"),
        "organisations": list_of([], "name", "rel", "uri", "literal", "symbols"),
        "infoSources": list_of([], "name", "role", "uri", "literal"),
        "renditions": list_of(["name"], "href", "contentType"),
        "altIds": list_of([], "role", "value"),
    }
    | dict.fromkeys(("version", "language", "by"), TEXT)
    | dict.fromkeys(("firstCreated", "versionCreated", "contentCreated"), INSTANT),
}
# Spec: CSL-JSON 1.0: what an item may hold, of what we write.
_DATE_PARTS = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3}}
_DATE = {"type": "object", "required": ["date-parts"], "properties": {"date-parts": _DATE_PARTS}}
_NAMES = {"type": "array", "items": {"type": "object", "required": ["literal"], "properties": {"literal": TEXT}}}
CSL = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "id"],
        "additionalProperties": False,
        "properties": {"type": {"const": "article-newspaper"}, "author": _NAMES, "issued": _DATE, "accessed": _DATE}
        | dict.fromkeys(
            ("id", "title", "container-title", "section", "URL", "language", "keyword", "abstract", "note"), TEXT
        ),
    },
}


def test_ninjs_keeps_to_its_standard_and_takes_back_what_has_gone(tmp_path: Path) -> None:
    found = list_lines("ninjs", tmp_path)
    check = jsonschema.Draft202012Validator(NINJS)
    for item in found:
        check.validate(item)
    assert [item["pubStatus"] for item in found] == [*["usable"] * len(CHANGED), "canceled"]
    assert found[0]["headlines"][0]["value"] == CHANGED[0].headline
    assert found[0]["version"] == "2"
    assert len({item["uri"] for item in found}) == len(found)
    assert build_ninjs(build_sample(1, author=["A", "B"]))["by"] == "A, B"


@pytest.mark.parametrize("name", ["ninjs", "newsarticle", "csl"])
def test_documents_keep_to_the_schemas_that_are_published(name: str, tmp_path: Path) -> None:
    full = build_sample(
        1,
        author=["Ada"],
        publisher="信报",
        dateModified=build_sample(2).datePublished,
        dateModified_precision=Precision.DAY,
        symbols=["SH600000"],
    )
    gone = replace(full, change=Change(kind=ChangeKind.GONE, version=3, cursor="8-x"))
    schema = build_schema(f"newsreel-{name}-1")
    text = export(name, [full, gone, *RECORDS], tmp_path)
    found = json.loads(text) if name == "csl" else [json.loads(line) for line in text.split("\n")[:-1]]
    check = jsonschema.Draft202012Validator(schema.get("items", schema))
    for item in found:
        check.validate(item)
    assert check.schema["properties"].keys() - found[0].keys() <= {"version", "creativeWorkStatus"}
    assert not check.is_valid(found[0] | {"surplus": 1})


@pytest.mark.parametrize("kind", ChangeKind)
def test_every_kind_of_change_is_said_in_each_standards_own_way(kind: ChangeKind) -> None:
    """What the publisher took back is still in the archive: it is canceled, and not deleted."""
    change = Change(kind=kind, version=2, cursor="9-x")
    record = replace(GONE, change=change) if kind.is_removed else replace(build_sample(1), change=change)
    is_back = kind in (ChangeKind.GONE, ChangeKind.WITHDRAWN, ChangeKind.ERASED)
    ninjs = build_ninjs(record)
    assert ninjs["pubStatus"] == ("canceled" if is_back else "usable")
    assert ("bodies" in ninjs) is not kind.is_removed
    status = {"gone": "Obsolete", "withdrawn": "Deleted", "erased": "Deleted"}.get(kind)
    assert build_newsarticle(record).get("creativeWorkStatus") == status
    assert [*build_bulk(record)[0]] == (["delete"] if kind.is_removed else ["index"])
    assert build_meilisearch(record)[0]["isWithdrawn"] is kind.is_removed
    assert ("_sdc_deleted_at" in build_message(record)["record"]) is kind.is_removed
    assert build_event(record)["type"] == f"newsreel.post.{kind}"


def test_json_ld_is_a_news_article_with_days_where_only_the_day_is_known() -> None:
    day = build_newsarticle(build_sample(1, datePublished_precision=Precision.DAY, author=["Ada"], publisher="信报"))
    assert (day["@context"], day["@type"], day["datePublished"]) == ("https://schema.org", "NewsArticle", "2026-03-05")
    assert day["author"] == [{"@type": "Person", "name": "Ada"}]
    assert day["publisher"] == {"@type": "NewsMediaOrganization", "name": "信报"}
    assert build_newsarticle(GONE)["creativeWorkStatus"] == "Deleted"
    assert "<" not in build_newsarticle(build_sample(1, articleBody="<p>x</p>"))["articleBody"]


def test_references_keep_to_csl_json(tmp_path: Path) -> None:
    for records in ([], [build_sample(1)], build_hostile(list_texts())):
        found = json.loads(export("csl", records, tmp_path))
        jsonschema.validate(found, CSL)
        assert len(found) == len(records)
    assert build_reference(build_sample(1))["issued"] == {"date-parts": [[2026, 3, 5]]}


def test_bulk_requests_have_ids_that_are_accepted(tmp_path: Path) -> None:
    lines = list_lines("opensearch", tmp_path)
    actions = lines[0::2]
    assert [next(iter(action)) for action in actions] == [*["index"] * len(CHANGED), "delete"]
    ids = [next(iter(action.values()))["_id"] for action in actions]
    assert len(set(ids)) == len(ids)
    assert max(len(name.encode()) for name in ids) <= 512
    assert build_bulk(LONG_ID)[0] == build_bulk(replace(LONG_ID, headline="x"))[0]
    assert all(type(line.get("doubts")) is type(None) for line in lines)
    assert export("opensearch", RECORDS, tmp_path).endswith("\n"), "the API wants the last line ended, too"


def test_documents_have_keys_that_meilisearch_accepts(tmp_path: Path) -> None:
    found = list_lines("meilisearch", tmp_path)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,511}", item["key"]) for item in found)
    assert len({item["key"] for item in found}) == len(found)
    assert [item["isWithdrawn"] for item in found] == [*[False] * len(CHANGED), True]


def test_singer_messages_come_in_order_and_every_record_keeps_to_their_schema(tmp_path: Path) -> None:
    many = [
        replace(CHANGED[number % 10], change=Change(kind=ChangeKind.NEW, version=1, cursor=f"{number}"))
        for number in range(250)
    ]
    FORMATS["singer"].export(iter([*many, GONE]), tmp_path / "out", ExportOptions())
    first, *rest = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").split("\n")[:-1]]
    assert (first["type"], first["key_properties"]) == ("SCHEMA", ["collection", "id"])
    check = jsonschema.Draft202012Validator(first["schema"])
    records = [message["record"] for message in rest if message["type"] == "RECORD"]
    assert len(records) == 251
    assert all(check.is_valid(record) for record in records)
    assert [bool(record.get("_sdc_deleted_at")) for record in records][-2:] == [False, True]
    states = [index for index, message in enumerate(rest) if message["type"] == "STATE"]
    assert states == [100, 201, 253]
    for index in states:
        assert rest[index]["value"]["bookmarks"]["posts"]["cursor"] == rest[index - 1]["record"]["cursor"]


def test_a_singer_target_takes_it_all(tmp_path: Path) -> None:
    target = Path(os.environ.get("NEWSREEL_READERS", "/nowhere"), "target-jsonl")
    if not target.exists():
        pytest.skip("no target-jsonl in NEWSREEL_READERS, an environment of programs that read exports")
    (tmp_path / "config.json").write_text(json.dumps({"destination_path": str(tmp_path), "do_timestamp_file": False}))
    messages = export("singer", RECORDS, tmp_path)
    command = [str(target), "--config", str(tmp_path / "config.json")]
    done = subprocess.run(command, input=messages, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["bookmarks"]["posts"]["cursor"] == "9-x"
    stored = [json.loads(line) for line in (tmp_path / "posts.jsonl").read_text("utf-8").splitlines()]
    assert [row["headline"] for row in stored] == [record.headline for record in RECORDS]
