"""Text of hostile files on a terminal: shown, never obeyed."""

from __future__ import annotations

import io

import pytest

from humanrig.terminal import MOST_CHARACTERS, PlainOutput, console, plain, say


@pytest.mark.parametrize(
    "word", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "\r", "\x08" * 9, "\udcff", "\x7f"]
)
def test_what_steers_a_terminal_is_shown_instead(word, capsys):
    shown = plain(f"a{word}b")
    assert word not in shown
    assert shown.isprintable()
    assert shown.encode().startswith(b"a")
    stream = io.StringIO()
    PlainOutput(stream).write(f"a{word}b\n")
    assert stream.getvalue() == shown + "\n"


def test_words_lines_and_other_scripts_stay():
    for text in ("a: 3 m\n\tb", "Zürich 東京 نص 🙂", "[bold]x[/bold]"):
        assert plain(text) == text


def test_a_message_as_long_as_a_file_is_cut():
    assert len(plain("x" * 10**6)) < MOST_CHARACTERS + 50


def test_say_writes_no_escape(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(console, "_file", out)
    say("humanrig: camera '\x1b[31mred\udcff' is damaged")
    assert out.getvalue() == "humanrig: camera '\\x1b[31mred\\xdcff' is damaged\n"
