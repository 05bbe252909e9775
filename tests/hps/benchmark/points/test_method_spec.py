import pytest

from hps.benchmark.points.runner.entrant import join
from hps.benchmark.points.runner.method_spec import MethodSpec, parse_method, parse_methods
from hps.errors import HpsError


@pytest.mark.parametrize(
    ("text", "label", "target", "option"),
    [
        ("estimator", "estimator", "estimator", ""),
        ("estimator@S", "estimator", "estimator", "S"),
        ("S=estimator@runs/s1.safetensors", "S", "estimator", "runs/s1.safetensors"),
        ("package.module:predict", "predict", "package.module:predict", ""),
        ("mine=package.module:Class.make@7", "mine", "package.module:Class.make", "7"),
    ],
)
def test_a_method_is_named_by_label_target_and_option(text, label, target, option):
    assert parse_method(text) == MethodSpec(label=label, target=target, option=option)


def test_a_folder_is_named_by_its_last_part_and_may_have_an_at_sign(tmp_path):
    folder = tmp_path / "run@3"
    folder.mkdir()
    spec = parse_method(f"theirs={folder}")
    assert (spec.label, spec.target, spec.option) == ("theirs", str(folder), "")
    assert spec.folder == folder
    with pytest.raises(HpsError, match="LABEL="):
        parse_method(str(folder))  # a label becomes a folder's name


@pytest.mark.parametrize("text", ["", "=", "a=", "a/b=estimator", "../x=estimator"])
def test_what_names_nothing_is_refused(text):
    with pytest.raises(HpsError, match=r"method|label"):
        parse_method(text)


def test_a_run_given_twice_is_refused_and_seeds_of_one_label_are_not():
    assert len(parse_methods(["m=estimator@a", "m=estimator@b"])) == 2
    with pytest.raises(HpsError, match="twice"):
        parse_methods(["m=estimator@a", "m=estimator@a"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("estimatr", "shipped are estimator"),
        ("no_such_module_of_ours:f", "cannot be imported"),
        ("json:no_such", "has no 'no_such'"),
        ("math:pi", "not a function"),
        ("/no/such/folder", "does not exist"),
    ],
)
def test_what_cannot_be_found_is_told(text, words):
    with pytest.raises(HpsError, match=words):
        join(parse_method(f"x={text}"), {"estimator": lambda option: lambda clouds: []})
