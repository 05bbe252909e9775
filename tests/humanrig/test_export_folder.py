"""An export's folder appears whole, is replaced by the same export only, and leaves nothing behind."""

import pytest

from humanrig.errors import HumanrigError
from humanrig.export.folder import SOURCE, made_folder


def make(folder, identity="humanrig export: obj, session a", text="1"):
    with made_folder(folder, identity) as making:
        (making.folder / "value.txt").write_text(text)
        making.about(["metres"])


def test_the_same_export_replaces_its_folder(tmp_path) -> None:
    folder = tmp_path / "deep" / "out"
    make(folder)
    (folder / "left over.txt").write_text("")
    make(folder, text="2")
    assert (folder / "value.txt").read_text() == "2"
    assert sorted(p.name for p in folder.iterdir()) == [SOURCE, "value.txt"]
    assert [p.name for p in folder.parent.iterdir()] == ["out"]
    assert (folder / SOURCE).read_text() == "humanrig export: obj, session a\nmetres\n"


def test_an_empty_folder_is_used(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    assert (tmp_path / "out" / "value.txt").exists()


@pytest.mark.parametrize("other", ["humanrig export: ply, session a", "humanrig export: obj, session b"])
def test_another_export_is_kept(tmp_path, other) -> None:
    make(tmp_path / "out", other, "kept")
    with pytest.raises(HumanrigError, match="not made by this export"):
        make(tmp_path / "out")
    assert (tmp_path / "out" / "value.txt").read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_other_content_is_kept(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(HumanrigError, match="not made by this export"):
        make(tmp_path)
    with pytest.raises(HumanrigError, match="not a folder"):
        make(tmp_path / "thesis.tex")
    with pytest.raises(HumanrigError, match="cannot write"):
        make(tmp_path / "thesis.tex" / "out")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_failure_leaves_the_former_result(tmp_path) -> None:
    make(tmp_path / "out", text="former")

    def fail() -> None:
        with made_folder(tmp_path / "out", "humanrig export: obj, session a") as making:
            (making.folder / "value.txt").write_text("half")
            raise HumanrigError("disk full")

    with pytest.raises(HumanrigError, match="disk full"):
        fail()
    assert (tmp_path / "out" / "value.txt").read_text() == "former"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_export_left_is_cleared_and_a_running_one_is_not(tmp_path) -> None:
    killed = tmp_path / ".out.abc.partial"
    killed.mkdir()
    (killed / "value.txt").write_text("half")
    with made_folder(tmp_path / "out", "humanrig export: obj, session a") as running:
        assert not killed.exists()
        make(tmp_path / "out")
        assert running.folder.is_dir()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
