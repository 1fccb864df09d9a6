"""Tags are split and settled; names are settled only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.names.tags import normalise_names, normalise_tags


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["经济,工业，宁波;投资；制造、智能|数字｜化"], ["经济", "工业", "宁波", "投资", "制造", "智能", "数字", "化"]),
        (["北京 上海　广州"], ["北京", "上海", "广州"]),
        (["Career In 投行PEVC"], ["Career In 投行PEVC"]),
        (["climate change, energy"], ["climate change", "energy"]),
        (["ＡＩ", "ai", "Ai "], ["AI"]),
        ([" a\x00\u200b\u202e b\n c ", ""], ["a b c"]),
        (["m²", "①"], ["m²", "①"]),
        (["AT&amp;T, R&amp;amp;D", "caf&eacute;", "Q&A"], ["AT&T", "R&D", "café", "Q&A"]),
        (["안녕", "می‌خواهم"], ["안녕", "می‌خواهم"]),
        ([], []),
    ],
)
def test_tags(found: list[str], expected: list[str]):
    assert normalise_tags(found) == expected


def test_the_title_and_dropped_names_are_no_tags():
    found = ["宁波工业", "新浪网", "Ａ股", "标题：一"]
    assert normalise_tags(found, title="标题:一", drop=["新浪网", "a股"]) == ["宁波工业"]


def test_aliases_are_followed_to_their_end():
    aliases = {"sh": "Shanghai", "SHANGHAI": "上海", "x": "y", "y": "x", "gone": ""}
    assert normalise_tags(["SH,x,gone,上海"], aliases=aliases) == ["上海", "x"]


def test_a_name_dropped_before_its_alias_stays_dropped():
    assert normalise_tags(["a"], drop=["a"], aliases={"a": "b"}) == []


def test_names_are_never_split():
    assert normalise_names(["21世纪经济报道 21财经APP", "安信国际证券（香港）", "a, b"]) == [
        "21世纪经济报道 21财经APP",
        "安信国际证券(香港)",
        "a, b",
    ]
    assert normalise_names(["中国工业报", "中国工业报 "], aliases={"中国工业报": "工业报"}) == ["工业报"]


TAG_TEXT = st.text(
    st.one_of(st.sampled_from(" ,，;；、|｜　北京上海aAＡ\u200b\x00ﬁſßİ"), st.characters(codec=None)), max_size=12
)


@given(st.lists(TAG_TEXT, max_size=5), TAG_TEXT, st.lists(TAG_TEXT, max_size=2))
def test_normalising_again_changes_nothing(found: list[str], title: str, drop: list[str]):
    tags = normalise_tags(found, title=title, drop=drop)
    assert normalise_tags(tags, title=title, drop=drop) == tags
    names = normalise_names(found, drop=drop)
    assert normalise_names(names, drop=drop) == names
    for tag in [*tags, *names]:
        assert tag == tag.strip()
        tag.encode()
