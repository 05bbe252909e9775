"""The commands of README.md and docs/ are parsed; those of the pages for beginners are run, in the pages' order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from documented_commands import ROOT, pages, parse, shell_blocks, shown_commands  # noqa: F401 - parse is a fixture

BEGINNERS = ("start.md", "reconstruct.md", "own_data.md")
"""Their blocks of shell are run, one page in one folder."""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_on_a_page_is_one_that_the_program_takes(page, parse, capsys):  # noqa: F811
    for shown in shown_commands(page):
        assert parse(shown.words) == 0, f"{shown}\n{capsys.readouterr()}"


def test_a_command_that_the_program_does_not_take_is_noticed(parse, capsys):  # noqa: F811
    assert parse(("reconstruct", "S", "--frum", "mesh")) == 2
    assert parse(("rig", "inyt")) == 2
    assert parse(("simulate", "S", "--depth-mode", "SHARP")) == 2


def test_the_pages_show_commands():
    """More than a hundred calls are found: a change of the pages' form would leave nothing to look at."""
    assert sum(len(shown_commands(page)) for page in pages()) > 100


def test_every_link_between_pages_leads_somewhere():
    for page in pages():
        for link in re.findall(r"\]\(([\w./:#-]+)\)", page.read_text()):
            target = link.split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in pages()[1:] if f"docs/{page.name}" not in readme] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", BEGINNERS)
def test_commands_for_beginners_run_as_they_stand(name, tmp_path):
    blocks = shell_blocks(ROOT / "docs" / name)
    assert blocks
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = "set -euo pipefail\n" + "\n".join(blocks)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
