"""The doctor: what crashes, hangs or is missing is a line with a fix, and only what is needed decides the exit code."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from humanrig.cli import main
from humanrig.doctor import every, machine, models, packages, sensors
from humanrig.doctor.finding import STATES, Finding
from humanrig.doctor.probe import Probe, run_probe, run_probes

SICK = """
import ctypes, os, subprocess, sys, time
from humanrig.doctor.finding import ok, broken
def well():
    print("a library that talks")
    yield ok("well", "1.0")
def crashes():
    yield ok("before", "1.0")
    ctypes.string_at(0)
def raises():
    yield ok("before", "1.0")
    raise RuntimeError("no such driver")
def hangs():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    print(child.pid, flush=True)
    open(os.environ["PID_FILE"], "w").write(str(child.pid))
    time.sleep(100)
    yield ok("never", "")
def nothing():
    return iter(())
def leaves():
    yield ok("left", "1.0")
    os._exit(3)
def bad():
    yield broken("heart", "stands still", "restart")
"""


@pytest.fixture
def sick(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Makes probes of functions of a module that only the probes' processes can import."""
    (tmp_path / "sick_parts.py").write_text(SICK)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pid"))

    def probe(name: str, core: bool = False, timeout_s: float = 30.0) -> Probe:
        return Probe(name=name, call=f"sick_parts:{name}", core=core, fix="mend it", timeout_s=timeout_s)

    return probe


def test_a_part_that_works_may_talk(sick) -> None:
    assert run_probe(sick("well")) == [Finding(name="well", state="ok", text="1.0")]


@pytest.mark.parametrize(
    ("name", "core", "said"),
    [
        ("crashes", True, "signal 11 (SIGSEGV)"),
        ("raises", False, "exit code 1: RuntimeError: no such driver"),
        ("leaves", False, "exit code 3"),
    ],
)
def test_an_early_end_is_a_line_beside_what_was_found(sick, name, core, said) -> None:
    first, last = run_probe(sick(name, core))
    assert (first.state, first.text) == ("ok", "1.0")
    assert last.state == ("broken" if core else "off")
    assert last.name == name
    assert said in last.text
    assert last.fix == "mend it"


def test_nothing_of_the_present_folder_is_run(sick, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise SystemExit('taken from the present folder')")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    assert [one.state for one in run_probe(sick("well"))] == ["ok"]


def test_a_part_that_finds_nothing_says_so(sick) -> None:
    assert [one.text for one in run_probe(sick("nothing"))] == ["it found nothing"]


def test_a_part_that_hangs_is_ended_with_what_it_started(sick, tmp_path) -> None:
    begun = []

    def until_it_hangs(process) -> None:
        wait_for_pid(tmp_path)
        begun.append(time.monotonic())

    (line,) = run_probe(sick("hangs", timeout_s=0.2), until_it_hangs)
    assert time.monotonic() - begun[0] < 15
    assert line.text.startswith("no answer within 0.2 s")
    assert ended(int((tmp_path / "pid").read_text())), "what the part had started still runs"


def test_an_interruption_does_not_wait_for_a_part_that_hangs(sick, tmp_path) -> None:
    def interrupt(done: int, total: int) -> None:
        wait_for_pid(tmp_path)
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_probes([sick("well"), sick("hangs", timeout_s=60.0), sick("hangs", timeout_s=60.0)], 2, interrupt)
    assert time.monotonic() - begun < 30
    assert ended(int((tmp_path / "pid").read_text()))


def wait_for_pid(folder: Path) -> None:
    """Until the part that hangs has started its child, and hangs."""
    end = time.monotonic() + 20
    while not ((folder / "pid").exists() and (folder / "pid").read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(process: int) -> bool:
    """Whether a process is gone, or only waits to be taken note of, within five seconds."""
    for _ in range(50):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rsplit(")")[-1].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_the_exit_code_is_1_only_when_something_needed_is_broken(sick, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every, "PROBES", {"parts": (sick("well"), sick("raises"))})
    assert main(["doctor"]) == 0
    shown, told = capsys.readouterr()
    assert "ok     well" in shown
    assert "off    raises" in shown
    assert "-> mend it" in shown
    assert "2 ok, 1 off: everything that is needed works" in told
    monkeypatch.setattr(every, "PROBES", {"parts": (sick("bad"),)})
    assert main(["doctor", "--json"]) == 1
    told_json = json.loads(capsys.readouterr().out)
    assert told_json["working"] is False
    assert told_json["counts"]["broken"] == 1
    assert told_json["findings"] == [
        {"part": "parts", "name": "heart", "state": "broken", "text": "stands still", "fix": "restart"}
    ]


def test_probes_keep_their_order(sick) -> None:
    done = []
    found = run_probes([sick("well"), sick("bad")], 2, lambda *progress: done.append(progress))
    assert [lines[0].name for lines in found] == ["well", "heart"]
    assert done[-1] == (2, 2)


def test_every_probe_names_a_function_that_is_there() -> None:
    calls = [probe.call for group in every.PROBES.values() for probe in group]
    assert len(set(calls)) == len(calls)
    for call in calls:
        module, _, function = call.partition(":")
        path = Path(every.__file__).parent / f"{module.rpartition('.')[2]}.py"
        assert f"def {function}() -> Iterator[Finding]:" in path.read_text(), call
    assert all(probe.fix for group in every.PROBES.values() for probe in group)


def fixed(findings: list[Finding]) -> list[Finding]:
    """The same; everything that is not well has a fix."""
    assert all(one.state in STATES and (one.state == "ok" or one.fix) for one in findings)
    return findings


def test_a_folder_that_cannot_be_written_or_is_full(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = machine.place_to_write("cache", tmp_path / "not" / "yet", "set it")
    assert good.state == "ok"
    file = tmp_path / "file"
    file.write_text("")
    (bad,) = fixed([machine.place_to_write("cache", file, "set it")])
    assert (bad.state, bad.fix) == ("look", "set it")
    assert machine.place_to_write("temporary folder", file, "set TMPDIR").state == "broken"
    usage = machine.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage._replace(free=500_000_000))
    assert machine.place_to_write("temporary folder", tmp_path, "set TMPDIR").state == "broken"
    (full,) = fixed([machine.place_to_write("present folder", tmp_path, "go elsewhere")])
    assert "0.5 GB free" in full.text
    assert not list(tmp_path.glob("tmp*")), "nothing is left behind"


def test_memory_of_a_small_computer_and_of_a_container(tmp_path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:        4000000 kB\nMemFree: 1 kB\nMemAvailable:    3000000 kB\n")
    cores, memory = fixed(list(machine.cores_and_memory(meminfo)))
    assert cores.name == "cores"
    assert (memory.state, memory.text) == ("look", "4.1 GB, 3.1 GB free")
    (tmp_path / "memory.max").write_text("2000000000\n")
    assert machine.cgroup_limit_gb(tmp_path) == 2.0
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.cgroup_limit_gb(tmp_path) is None


def test_usb_memory_and_rules(tmp_path) -> None:
    for text, state in (("16\n", "off"), ("1000\n", "ok"), ("0\n", "ok")):
        setting = tmp_path / "usbfs_memory_mb"
        setting.write_text(text)
        (line,) = fixed(list(sensors.usb_memory(setting)))
        assert line.state == state
    rules, devices = tmp_path / "rules.d", tmp_path / "devices"
    rules.mkdir()
    (devices / "1-1").mkdir(parents=True)
    (devices / "1-1" / "idVendor").write_text("045e\n")
    kinect, intel = fixed(list(sensors.usb_rules((rules,), devices)))
    assert (kinect.state, intel.state) == ("look", "off")
    assert "99-k4a.rules" in kinect.fix
    (rules / "99-k4a.rules").write_text("")
    assert [one.state for one in sensors.usb_rules((rules,), devices)] == ["ok", "off"]
    assert [one.state for one in sensors.usb_rules((rules,), tmp_path / "none")] == ["ok", "off"]


def test_weights_that_are_not_fetched_and_a_body_that_is_not_there(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANRIG_CACHE", str(tmp_path / "empty"))
    states = {one.name: one.state for one in fixed(list(models.fetched()))}
    assert states == {"BlazePose": "look", "motion clips": "off", "sample videos": "off"}
    assert not (tmp_path / "empty").exists(), "nothing is fetched"
    monkeypatch.setenv("HUMANRIG_BODY_MODEL", str(tmp_path / "mine.pkl"))
    (line,) = fixed(list(models.body_file()))
    assert line.state == "broken"
    assert "mine.pkl" in line.text


def test_versions_that_were_not_tested_are_named(tmp_path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"# comment\npytest=={pytest.__version__}\nnot-installed==1.0\n")
    (line,) = packages.tested_versions(tmp_path)
    assert line.state == "ok"
    lock.write_text("pytest==0.1\n")
    (line,) = fixed(list(packages.tested_versions(tmp_path)))
    assert line.state == "look"
    assert f"pytest {pytest.__version__} (tested: 0.1)" in line.text
    assert not list(packages.tested_versions(None)), "an installed package has no lock file"


def test_a_missing_requirement_is_broken_and_a_missing_extra_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        "numpy>=2.0",
        "no-such-package>=3",
        "pytest<1",
        'no-such-cluster>=1; extra == "cluster"',
        "x; python_version<'3'",
    ]
    monkeypatch.setattr(packages.metadata, "requires", lambda name: asked)
    found = {one.name: one for one in fixed(list(packages.required())) if one.name != "tested versions"}
    states = [(one.state, one.text) for one in packages.required() if one.name == "packages"]
    assert states[0] == ("broken", "missing: no-such-package>=3")
    assert states[1][0] == "look"
    assert "pytest" in states[1][1]
    assert found["extra [cluster]"].state == "off"
    assert found["extra [smpl]"].state == "ok"


@pytest.mark.slow
def test_this_installation_is_well(capsys) -> None:
    """All parts, tried for real: everything that is needed works where the tests run."""
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    states = {one["name"]: one["state"] for one in told["findings"]}
    for name in ("packages", "numba", "torch", "open3d", "depth images", "JPEG", "video", "parquet", "body model"):
        assert states[name] == "ok", name
    assert all(one["state"] == "ok" or one["fix"] for one in told["findings"])
    assert "broken" not in states.values()
