"""The catalogue: actions limb by limb, imports of other catalogues, subjects without names."""

import pytest

from capture.catalogue.action_import import import_actions
from capture.catalogue.actions import LIMBS, find_action, read_actions
from capture.catalogue.built_in_actions import BUILT_IN
from capture.catalogue.ids import action_id, number_of, subject_id, subject_number
from capture.catalogue.subjects import add_subject, find_subject, make_subject, read_subjects
from capture.errors import CaptureError


def test_ids_are_those_of_the_data_set():
    assert (action_id(11), subject_id(12)) == ("a000011", "p000012")
    assert [number_of(word, "a") for word in ("11", "a11", "a000011", "p11", "walk", "1234567")] == [
        11,
        11,
        11,
        None,
        None,
        None,
    ]
    assert subject_number("p000012") == 12
    with pytest.raises(CaptureError, match="no name"):
        subject_number("anna")


def test_built_in_actions_have_what_an_operator_reads_aloud():
    assert len({action.id for action in BUILT_IN}) == len(BUILT_IN) == len({action.name for action in BUILT_IN})
    for action in BUILT_IN:
        assert action.limbs.all
        assert action.prompts
        assert action.seconds
    for left, right in (("Lunge left", "Lunge right"), ("Lunge twist left", "Lunge twist right")):
        a, b = (find_action({x.id: x for x in BUILT_IN}, name).limbs for name in (left, right))
        assert a.left_leg.replace("left", "right") == b.right_leg.replace("left", "right")


def test_limbs_are_those_of_the_published_annotations():
    assert LIMBS == ("all", "head", "stem", "left_arm", "right_arm", "left_leg", "right_leg", "pelvis")


def test_an_action_is_found_by_number_and_name():
    actions = read_actions(None, BUILT_IN)
    assert find_action(actions, "11") == find_action(actions, "a000011") == find_action(actions, "lunge-twist left")
    with pytest.raises(CaptureError, match="did you mean 'Squat'"):
        find_action(actions, "sqat")
    with pytest.raises(CaptureError, match="no action 999"):
        find_action(actions, "999")


CSV = 'id,name,all,left_arm,prompts,seconds\n500,Wave,"wave, twice",rises,Wave now.|Stop.,8\n11,Own,do it,,,\n'


def test_a_csv_is_added_and_wins_over_the_built_in(tmp_path):
    source = tmp_path / "other.csv"
    source.write_text(CSV)
    assert [action.id for action in import_actions(source, tmp_path / "catalogue")] == [500, 11]
    actions = read_actions(tmp_path / "catalogue", BUILT_IN)
    assert actions[500].prompts == ("Wave now.", "Stop.")
    assert actions[500].limbs.said() == [("all", "wave, twice"), ("left arm", "rises")]
    assert actions[500].seconds == 8
    assert actions[11].name == "Own"
    assert actions[1].name == "A pose"
    import_actions(source, tmp_path / "catalogue")  # the same again changes nothing
    again = import_actions(tmp_path / "catalogue" / "actions.toml", tmp_path / "copy")
    assert {action.id: action for action in again} == {n: actions[n] for n in (11, 500)}


def test_an_import_that_contradicts_changes_nothing(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    import_actions(tmp_path / "a.csv", tmp_path)
    before = (tmp_path / "actions.toml").read_bytes()
    (tmp_path / "b.csv").write_text("id,name\n501,New\n500,Other\n")
    with pytest.raises(CaptureError, match=r"action 500 'Other' is 'Wave'.*--replace"):
        import_actions(tmp_path / "b.csv", tmp_path)
    assert (tmp_path / "actions.toml").read_bytes() == before
    import_actions(tmp_path / "b.csv", tmp_path, replace=True)
    assert read_actions(tmp_path, ())[500].name == "Other"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "id,nam\n1,x\n", "column 'nam'; did you mean 'name'"),
        ("a.csv", "id\n1\n", "lacks the column 'name'"),
        ("a.csv", "id,name\n", "no action below"),
        ("a.csv", "id,name\nx,y\n", "line 2: id is 'x'"),
        ("a.csv", "id,name\n1,y,z\n", "another number of cells"),
        ("a.csv", "id,name\n1,y\n1,z\n", "'y' and 'z'"),
        ("a.csv", "id,name,seconds\n1,y,-3\n", "seconds"),
        ("a.toml", "[[actions]]\nid = 1\nnme = 'x'\n", "did you mean 'name'"),
        ("a.toml", "[[actions]]\nid = 1\nname = 'x'\n[actions.limbs]\nleft_amr = 'x'\n", "did you mean 'left_arm'"),
        ("a.toml", "actions = 3\n", "no action"),
        ("a.toml", "[[actions\n", "not valid TOML"),
    ],
)
def test_a_catalogue_with_a_slip_is_refused(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(CaptureError, match=said) as error:
        import_actions(tmp_path / name, tmp_path / "catalogue")
    assert name in str(error.value)
    assert not (tmp_path / "catalogue").exists()
    with pytest.raises(CaptureError, match="there is no"):
        import_actions(tmp_path / "gone.csv", tmp_path)


def test_subjects_are_kept_by_number(tmp_path):
    add_subject(tmp_path, make_subject(id=12, height_m=1.78, weight_kg=70.0, age_years=31.0, sex="female"))
    add_subject(tmp_path, make_subject(id=3))
    assert [s.code for s in read_subjects(tmp_path).values()] == ["p000003", "p000012"]
    assert find_subject(tmp_path, 12).height_m == 1.78
    with pytest.raises(CaptureError, match="already"):
        add_subject(tmp_path, make_subject(id=12, height_m=1.70))
    add_subject(tmp_path, make_subject(id=12, height_m=1.70), replace=True)
    assert find_subject(tmp_path, 12).height_m == 1.70
    with pytest.raises(CaptureError, match="humanrig subjects add 4"):
        find_subject(tmp_path, 4)
    with pytest.raises(CaptureError, match=r"give metres: 1\.78"):
        make_subject(id=5, height_m=178.0)
    with pytest.raises(CaptureError, match="sex"):
        make_subject(id=5, sex="femal")


def test_a_list_of_subjects_with_a_name_in_it_is_refused(tmp_path):
    (tmp_path / "subjects.toml").write_text('[[subjects]]\nid = 1\nname = "Anna"\n')
    with pytest.raises(CaptureError, match="no key 'name'"):
        read_subjects(tmp_path)
