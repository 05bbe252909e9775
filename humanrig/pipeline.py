"""Runs the stages of a reconstruction in order, skips what is done and leaves a failed stage's folder untouched."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from capture.session import Session
from humanrig import __version__, manifest
from humanrig.errors import HumanrigError
from humanrig.lease import Lease, held
from humanrig.manifest import Manifest
from humanrig.stage import Stage, StageContext
from humanrig.trust.failures import forget_failure, note_failure

STAGES = ("sync", "calibrate", "masks", "clouds", "keypoints", "register", "mesh", "texture", "export", "report")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which part of a reconstruction is wanted."""

    only: str | None = None
    """Run this stage alone, again even if nothing changed."""
    until: str | None = None
    """Run no stage after this one."""
    start: str | None = None
    """Redo this stage and everything after it."""
    frames: tuple[int, int] | None = None
    """First instant and the one after the last."""
    without: frozenset[str] = frozenset()
    """Devices that no estimate may use."""
    configs: dict[str, dict[str, Any]] | None = None
    """Options by stage name."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened to one stage."""

    stage: str
    skipped: bool
    seconds: float
    figures: dict[str, Any]


def load_stage(name: str) -> Stage:
    """The stage of that name. Raises HumanrigError for an unknown name."""
    if name not in STAGES:
        raise HumanrigError(f"there is no stage '{name}'; the stages are: {' '.join(STAGES)}")
    return importlib.import_module(f"humanrig.stages.{name}").STAGE


def reconstruct(
    session: Session,
    request: Request,
    on_stage: Callable[[str, int, int], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Runs the requested stages; `on_stage(name, done, total)` reports progress, `on_outcome` each finished stage.

    Raises the error of the stage that failed; finished stages keep their results, the failed one keeps its former
    result, if there was one.
    """
    names = chosen(session, request)
    outcomes = []
    with held(session.folder) as lease:
        forced = False
        for name in names:
            forced = forced or name == request.start or name == request.only
            outcome = run_stage(session, load_stage(name), request, forced, on_stage, lease)
            outcomes.append(outcome)
            if on_outcome:
                on_outcome(outcome)
    return outcomes


def chosen(session: Session, request: Request) -> tuple[str, ...]:
    """The stages that a request asks for, in order. Raises HumanrigError for one that makes no sense."""
    names = check(request)
    _check_devices(session, request.without)
    return names


def check(request: Request) -> tuple[str, ...]:
    """The same of any session: its cameras are not looked at."""
    for name in (request.only, request.start, request.until):
        if name is not None:
            load_stage(name)
    if request.only is not None and (request.start or request.until):
        raise HumanrigError("--only runs one stage; leave out --from and --until")
    if request.start and request.until and STAGES.index(request.start) > STAGES.index(request.until):
        raise HumanrigError(f"--from {request.start} comes after --until {request.until}; there is nothing to run")
    _check_configs(request.configs or {})
    names = STAGES if request.only is None else (request.only,)
    if request.until is not None:
        names = names[: names.index(request.until) + 1]
    return names


def run_alone(
    session: Session,
    stage: Stage,
    values: dict[str, Any],
    *,
    again: bool = False,
    on_stage: Callable[[str, int, int], None] | None = None,
) -> Outcome:
    """Runs a stage that is not one of STAGES, as `reconstruct` runs those; `values` are its options.

    It is skipped where nothing changed, unless `again`. Raises HumanrigError for a wrong option, and the stage's error.
    """
    with held(session.folder) as lease:
        return run_stage(session, stage, Request(configs={stage.name: values}), again, on_stage, lease)


def read_config(stage: Stage, values: dict[str, Any]) -> Any:
    """The stage's configuration from plain values. Raises HumanrigError naming the misspelt or wrong key."""
    try:
        return TypeAdapter(stage.config).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        known = ", ".join(getattr(stage.config, "__dataclass_fields__", {})) or "none"
        raise HumanrigError(f"option {stage.name}.{key}: {first['msg']}; options of this stage: {known}") from None


def ahead_instants(stage: Stage, request: Request) -> int:
    """How many instants are worth a task that works ahead of a stage; 0 where there is no such work."""
    config = read_config(stage, (request.configs or {}).get(stage.name, {}))
    return stage.ahead.instants if stage.ahead is not None and stage.ahead.worth(config) else 0


def _check_configs(configs: dict[str, dict[str, Any]]) -> None:
    for name, values in configs.items():
        _config_files(read_config(load_stage(name), values))


def _check_devices(session: Session, without: frozenset[str]) -> None:
    devices = {stream.split("/", maxsplit=1)[0] for stream in session.streams}
    for name in sorted(without - devices):
        raise HumanrigError(f"--without {name}: the session has no such camera; it has {', '.join(sorted(devices))}")
    if devices and without >= devices:
        raise HumanrigError("--without leaves no camera; keep at least one")


def run_stage(
    session: Session,
    stage: Stage,
    request: Request,
    forced: bool,
    on_stage: Callable[[str, int, int], None] | None,
    lease: Lease,
) -> Outcome:
    """Runs one stage of a session that the caller holds, unless its result is whole and not `forced`."""
    folder = session.folder / stage.folder
    _bring_back(folder)
    wanted, config = wanted_of(session, stage, request)
    done = None if forced else whole(session, stage, wanted)
    if done is not None:
        forget_failure(session.folder, stage.name)  # it was whole all the same, or another program made it
        return Outcome(stage=stage.name, skipped=True, seconds=0.0, figures=done.figures)
    begin = time.perf_counter()
    for left in [folder.with_name(f".{stage.folder}.partial"), *folder.parent.glob(f".{stage.folder}.*.partial")]:
        shutil.rmtree(left, ignore_errors=True)
    partial = folder.with_name(f".{stage.folder}.{lease.token[:8]}.partial")  # a stopped former holder writes elsewhere
    partial.mkdir(parents=True)
    try:
        context = StageContext(
            session=session,
            output=partial,
            config=config,
            instants=wanted.instants,
            without=frozenset(wanted.without),
            progress=lambda n, total: on_stage(stage.name, n, total) if on_stage else None,
        )
        figures = stage.run(context)
        outputs = manifest.hash_outputs(partial)
        seconds = round(time.perf_counter() - begin, 3)
        made = Manifest(**{**asdict(wanted), "outputs": outputs, "seconds": seconds, "figures": figures})
        manifest.write(made, partial)  # in the same folder: a result and what makes it whole come in one step
        _sync_to_disk(partial)
        lease.check()
        _replace_folder(partial, folder)
    except Exception as error:
        if lease.is_mine():
            note_failure(session.folder, stage.name, error)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    forget_failure(session.folder, stage.name)
    return Outcome(stage=stage.name, skipped=False, seconds=seconds, figures=figures)


def wanted_of(session: Session, stage: Stage, request: Request) -> tuple[Manifest, Any]:
    """What a stage is asked for, as the manifest of a run that has not happened, and the stage's configuration.

    Raises HumanrigError for a wrong option, and where the output of an earlier stage is missing.
    """
    config = read_config(stage, (request.configs or {}).get(stage.name, {}))
    wanted = Manifest(
        stage=stage.name,
        code=f"{__version__}/{stage.version}",
        inputs=_inputs(session, stage) | _config_files(config),
        config=TypeAdapter(stage.config).dump_python(config, mode="json"),
        instants=instants_of(session, stage, request.frames),
        without=sorted(request.without | _left_out(session, stage)),
        outputs={},
        seconds=0.0,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return wanted, config


def whole(session: Session, stage: Stage, wanted: Manifest) -> Manifest | None:
    """The manifest of the result that is there, where it is what is wanted and nothing of it is missing."""
    folder = session.folder / stage.folder
    done = manifest.read(folder)
    return done if done and done.same_request(wanted) and done.intact(folder) else None


def _left_out(session: Session, stage: Stage) -> frozenset[str]:
    """Devices that earlier stages keep from this one: those without an instant (`sync`) or a place (`calibrate`)."""
    later = stage.name in STAGES and stage.name not in ("sync", "calibrate")
    deciding = () if stage.name == "sync" else ("sync", "calibrate") if later else ("sync",)
    folders = [session.folder / load_stage(name).folder for name in deciding if name in STAGES]
    done = [m for folder in folders if (m := manifest.read(folder)) is not None]
    return frozenset(device for m in done for device in m.figures.get("left_out", ()))


def _inputs(session: Session, stage: Stage) -> dict[str, str]:
    """Fingerprints of the recording and of the stages that are read."""
    inputs = {}
    for need in stage.needs:
        upstream = manifest.read(session.folder / load_stage(need).folder)
        if upstream is None:
            raise HumanrigError(
                f"stage '{stage.name}' reads the output of '{need}', which is missing in {session.folder}; "
                f"run: humanrig reconstruct {session.folder} --only {need}"
            )
        inputs[need] = upstream.digest
    if stage.reads_body_model:
        inputs["body model"] = _body_model()
    for path in [*_recorded_files(session), *_further_files(session, stage)]:
        inputs[os.path.relpath(path, session.folder)] = manifest.fingerprint(path)
    return inputs


def _recorded_files(session: Session) -> list[Path]:
    """What was recorded, here and in linked sessions, with the session.toml of each."""
    folders = [session.folder, *(session.folder / link for link in session.info.links.values())]
    files = [path for folder in folders for path in (folder / "session.toml", *(folder / "recording").rglob("*"))]
    return sorted(path for path in files if path.is_file())


def _further_files(session: Session, stage: Stage) -> list[Path]:
    folders = [session.folder, *(session.folder / link for link in session.info.links.values())]
    return [path for folder in folders for name in stage.files if (path := folder / name).is_file()]


def _body_model() -> str:
    """SHA-256 of the body model's file. Raises HumanrigError when there is none."""
    from body.loading import find_body_model

    search = find_body_model()
    if search.used is None:
        raise HumanrigError(f"no body model: {search.problem}")
    return manifest.sha256(search.used)


def _config_files(config: Any) -> dict[str, str]:
    """Fingerprints of the files that options name. Raises HumanrigError for one that is not there."""
    files = {key: value for key, value in asdict(config).items() if isinstance(value, Path)}
    for key, path in files.items():
        if not path.is_file():
            raise HumanrigError(f"option {key}={path}: there is no such file")
    return {str(path): manifest.fingerprint(path) for path in files.values()}


def instants_of(session: Session, stage: Stage, frames: tuple[int, int] | None) -> list[int]:
    """All instants, or those of --frames A:B; the stages before frame sets exist have none."""
    if stage.name in ("sync", "calibrate"):
        return []
    everything = [instant.instant for instant in session.instants()]
    if frames is None:
        return everything
    chosen = [i for i in everything if frames[0] <= i < frames[1]]
    if not chosen:
        raise HumanrigError(
            f"--frames {frames[0]}:{frames[1]} holds none of the session's {len(everything)} instants "
            f"({everything[0] if everything else 0}:{everything[-1] + 1 if everything else 0})"
        )
    return chosen


def _sync_to_disk(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bring_back(folder: Path) -> None:
    """Undoes a replacement that was killed halfway, or ends it."""
    old = folder.with_name(f".{folder.name}.old")
    if not old.exists():
        return
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.rename(folder)


def _replace_folder(partial: Path, folder: Path) -> None:
    """Puts the new folder in place of the old one, which is deleted only afterwards."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    _sync_one(folder.parent)  # a rename is on the disk only when the folder that holds it is
    shutil.rmtree(old, ignore_errors=True)


def completed(session: Session) -> Sequence[tuple[str, Manifest]]:
    """Stages that have finished, with their manifests, in order."""
    found = ((name, manifest.read(session.folder / load_stage(name).folder)) for name in STAGES)
    return [(name, m) for name, m in found if m is not None]
