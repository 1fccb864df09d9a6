"""Slugs and file stems."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.names.slugs import MIN_STEM_BYTES, SlugStyle, build_file_stem, build_slug, find_collisions

VECTORS = [
    ("中国工业报", "zhongguogongyebao"),
    ("21世纪经济报道", "21shijijingjibaodao"),
    ("安信国际证券(香港)", "anxinguojizhengquan(xianggang)"),
    ("Career In 投行PEVC", "Career In touxingPEVC"),
    ("CFC大宗商品研究", "CFCdazongshangpinyanjiu"),
    ("中国证券报", "zhongguozhengquanbao"),
    ("重庆日报", "chongqingribao"),
    ("投行", "touxing"),
    ("重庆", "chongqing"),
]


@pytest.mark.parametrize(("name", "slug"), VECTORS)
def test_pinyin_slugs_are_those_of_the_published_site(name: str, slug: str):
    assert build_slug(name) == slug


@pytest.mark.parametrize(
    ("name", "style", "slug"),
    [
        ("Career In 投行PEVC", SlugStyle.PINYIN_URL, "career-in-touxingpevc"),
        ("安信国际证券（香港）", SlugStyle.PINYIN_URL, "anxinguojizhengquan-xianggang"),
        ("Ａ１ — b", SlugStyle.PINYIN_URL, "a1-b"),
        ("Career In 投行PEVC", SlugStyle.UNICODE, "Career-In-投行PEVC"),
        ("हिन्दी समाचार", SlugStyle.UNICODE, "हिन्दी-समाचार"),
        ("../..", SlugStyle.UNICODE, ""),
    ],
)
def test_other_styles(name: str, style: SlugStyle, slug: str):
    assert build_slug(name, style) == slug


@given(st.text(), st.sampled_from(SlugStyle))
def test_slugs_are_stable(name: str, style: SlugStyle):
    slug = build_slug(name, style)
    assert build_slug(slug, style) == slug


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("NW202202182281041355", "NW202202182281041355"),
        ("落实精准服务 宁波", "luoshijingzhunfuwu-ningbo"),
        ("L'été à Łódź: ½ €5", "L-ete-a-Lodz-1-2-5"),
        ("-202205262391921712", "202205262391921712"),
        ("con", "post-con"),
        ("Lpt1", "post-Lpt1"),
        ("..", "post-5ec1f7e7"),
        ("", "post-e3b0c442"),
        ("../../etc/passwd", "etc-passwd"),
        ("Привет 2024", "2024-0d0504ee"),
    ],
)
def test_file_stems(text: str, stem: str):
    assert build_file_stem(text) == stem


def test_a_stem_is_cut_between_words():
    assert build_file_stem("alpha beta gamma delta epsilon", max_bytes=24) == "alpha-beta-gamma-delta"
    assert build_file_stem("x" * 100, max_bytes=24) == "x" * 24
    assert len(build_file_stem("слово " + "word " * 40, max_bytes=40)) <= 40


def test_a_stem_too_short_to_tell_texts_apart_is_refused():
    with pytest.raises(ValueError, match="at least"):
        build_file_stem("a", max_bytes=MIN_STEM_BYTES - 1)


@given(st.text(st.characters(codec=None)), st.integers(MIN_STEM_BYTES, 90))
def test_any_text_gives_a_safe_stem(text: str, max_bytes: int):
    stem = build_file_stem(text, max_bytes=max_bytes)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", stem)
    assert len(stem) <= max_bytes
    assert not re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem)
    assert build_file_stem(stem, max_bytes=max_bytes) == stem


def test_collisions_are_named():
    names = ["重庆", "chongqing", "上海", "重庆"]
    assert find_collisions(names, SlugStyle.PINYIN) == {"chongqing": ["重庆", "chongqing"]}
