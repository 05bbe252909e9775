"""`humanrig phone`: what it prints, and one sentence for what it cannot do."""

import json
import socket
import sys
import threading
from pathlib import Path

import pytest

from capture.iphone.discovery import discover
from capture.iphone.driver import PhoneDriver
from capture.iphone.server import PhoneServer
from humanrig.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "capture"))
from phone_take import write_phone_session


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["play", "nowhere", "http://127.0.0.1:9"], "no session at nowhere"),
        (["play", ".", "ftp://x"], "not a pairing address"),
        (["serve", "--json"], "--seconds"),
        (["serve", "--seconds", "0"], "no time"),
        (["serve", "--port", "70000"], "cannot be served on port 70000; give one from 1 to 65535, or 0"),
        (["serve", "--listen", "203.0.113.7", "--port", "0"], "cannot be served on 203.0.113.7"),
        (["serve", "--token", "short", "--port", "0"], "16 or more"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, words, capsys):
    assert main(["phone", *arguments]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_each_subcommand_shows_its_own_options_and_takes_no_others(capsys):
    for arguments in (["play"], ["serve", "x"], ["serve", "--loop"], ["play", "S", "http://x", "--listen", "::1"]):
        with pytest.raises(SystemExit) as ended:
            main(["phone", *arguments])
        assert ended.value.code == 2
    capsys.readouterr()
    shown = {}
    for name in ("serve", "play"):
        with pytest.raises(SystemExit):
            main(["phone", name, "--help"])
        shown[name] = capsys.readouterr().out
    assert "--listen ADDRESS" in shown["serve"]
    assert "--seconds SECONDS" in shown["serve"]
    assert "--loop" not in shown["serve"]
    assert "SESSION URL" in shown["play"]
    assert "--listen" not in shown["play"]


def test_play_to_nobody_says_how_to_end_it(tmp_path, capsys):
    write_phone_session(tmp_path / "S", 5)
    with socket.socket() as closed:  # bound and not listening: nobody answers
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        assert main(["phone", "play", str(tmp_path / "S"), url, "--seconds", "0.3"]) == 0
    assert "Ctrl-C or --seconds ends it" in capsys.readouterr().err


def test_devices_advises_a_server_on_loopback_first(tmp_path):
    (note,) = discover(tmp_path).notes
    assert "humanrig phone serve (for this computer alone" in note
    assert "0.0.0.0" not in note


def test_serve_prints_the_pairing_address_and_the_phones(capsys):
    assert main(["phone", "serve", "--port", "0", "--seconds", "0.1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["pairing"].startswith("http://127.0.0.1:")
    assert shown["phones"] == []
    assert main(["phone", "serve", "--listen", "0.0.0.0", "--port", "0", "--seconds", "0.1"]) == 0
    said = capsys.readouterr().err
    assert "#token=" in said
    assert "certificate.cer" in said
    assert "no phone yet" in said


def test_play_stands_in_for_a_phone(tmp_path, capsys):
    write_phone_session(tmp_path / "S", 10)
    codes = []
    with PhoneServer(token="a-token-of-24-characters", folder=tmp_path / "p") as server:
        arguments = ["phone", "play", str(tmp_path / "S"), server.address.page.split("#")[0]]
        arguments += ["--token", server.token, "--serial", "OTHER", "--seconds", "1.5"]
        thread = threading.Thread(target=lambda: codes.append(main(arguments)))
        thread.start()
        with PhoneDriver("phone", server) as driver:
            assert driver._description.info.serial == "OTHER"
        thread.join(10)
        assert codes == [0]
        assert main([*arguments[:4], "--token", "wrong-wrong-wrong-wrong"]) == 1
    assert "token is missing or wrong" in capsys.readouterr().err
