"""What a file of others contains cannot steer the terminal on which it is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.terminal import complain, say

if TYPE_CHECKING:
    import pytest


def test_what_steers_a_terminal_is_spelt_out(capsys: pytest.CaptureFixture[str]) -> None:
    say("http://a.example/\x1b[31mred\u202e")
    complain("a\r\x9b2Jb\ud800")
    assert capsys.readouterr() == ("http://a.example/\\u001b[31mred\\u202e\n", "a\\u000d\\u009b2Jb\\ud800\n")
