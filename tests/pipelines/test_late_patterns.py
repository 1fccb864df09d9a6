import re

from pipelines.late_patterns import compile_late


def test_is_compiled_when_it_is_used_first(monkeypatch):
    compiled = []
    original = re.compile
    monkeypatch.setattr(re, "compile", lambda pattern, flags: compiled.append(pattern) or original(pattern, flags))
    pattern = compile_late("a(b)", re.IGNORECASE)
    assert not compiled
    assert [pattern.search("xAB")[1], pattern.search("ab")[1], pattern.search("ba")] == ["B", "b", None]
    assert compiled == ["a(b)"]
    assert [pattern.sub("-", "ABab"), pattern.pattern, pattern.groups] == ["--", "a(b)", 1]
