"""`humanrig reconstruct`: from recordings to textured bodies, stage by stage."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from geometry.told_values import toml_of
from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, say, stage_progress

if TYPE_CHECKING:
    from humanrig.batch.asking import Asked

RESULTS = (
    ("export", "export/person*.glb"),
    ("export", "export/person*_amass.npz"),
    ("report", "report/overlays.jpg"),
    ("report", "report/index.html"),
)


def reconstruct(
    sessions: Annotated[Positional[tuple[str, ...]], arg(metavar="SESSION ...")],
    only: Annotated[str | None, arg(metavar="STAGE")] = None,
    start: Annotated[str | None, arg(name="from", metavar="STAGE")] = None,
    until: Annotated[str | None, arg(metavar="STAGE")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    config: Annotated[Path | None, arg(metavar="FILE.toml")] = None,
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    people: Annotated[int | None, arg(metavar="N")] = None,
    shape_from: Annotated[Path | None, arg(metavar="TAKE|SCAN")] = None,
    scan_unit: Annotated[Literal["m", "cm", "mm"] | None, arg(metavar="m|cm|mm")] = None,
    scan_up: Annotated[str | None, arg(metavar="AXIS")] = None,
    workers: Annotated[int | None, arg(metavar="N")] = None,
    executor: Annotated[Literal["local", "ray"] | None, arg(metavar="local|ray")] = None,
    address: Annotated[str | None, arg(metavar="HOST:PORT")] = None,
    gpus_per_task: Annotated[float, arg(metavar="SHARE")] = 0.0,
    index: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    json: bool = False,
) -> int:
    """Turn recordings into bodies, textured meshes and files to share.

    The stages are: sync calibrate masks clouds keypoints register mesh texture export report. Each writes one folder
    of the session. A stage whose inputs and options are unchanged is skipped, so an interrupted run goes on where it
    stopped when the same command is given again.

    Several sessions, or a folder of sessions, are a batch (docs/batch.md): one that fails stops no other, and those to
    look at first are named at the end.

    Args:
        sessions: The sessions' folders, or folders that hold sessions.
        only: Run (again) this stage alone.
        start: Run (again) this stage and all after it.
        until: Run no stage after this one.
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that no estimate may use; `humanrig evaluate` measures in them.
        config: TOML file with one table for each stage, such as [register]. A misspelt key is an error.
        option: One option of a stage, such as register.betas=16. Wins over the file.
        people: How many people to follow, 0 for everybody; by default as the masks were made, else one.
        shape_from: Where the shape of person00 is known from: a scan (.obj, .ply), or a take of standing still.
        scan_unit: Of a scan whose numbers are no height of a person in metres.
        scan_up: Which axis of the scan points up, such as y or -z; it is found where this is left out.
        workers: How many processes a batch works with; one for each processor unless given.
        executor: Who does the work of a batch: this machine (local), or the machines of a Ray cluster.
        address: The Ray cluster; without it one is started on this machine.
        gpus_per_task: The share of a GPU that each task of `register` asks the executor for.
        index: Write a page of all sessions, the least trusted first, to FOLDER/index.html.
        json: Print the figures of every stage as JSON.
    """
    from humanrig.batch.asking import Asked
    from humanrig.batch.running import is_batch, run_batch

    if not sessions:
        raise HumanrigError("which sessions? give at least one folder")
    executor = executor or ("ray" if address else None)
    asked = Asked(
        only=only,
        until=until,
        start=start,
        frames=parse_frames(frames),
        without=without,
        configs=read_configs(config, option),
        people=people,
        shape_from=None if shape_from is None else str(shape_from.absolute()),
        scan_unit=scan_unit,
        scan_up=scan_up,
    )
    if workers is None and executor is None and index is None and not gpus_per_task and not is_batch(sessions):
        return _reconstruct_one(Path(sessions[0]), asked, json=json)
    return run_batch(
        sessions,
        asked,
        executor=executor or "local",
        workers=workers,
        address=address,
        gpus_per_task=gpus_per_task,
        index=index,
        json=json,
    )


def _reconstruct_one(session: Path, asked: Asked, *, json: bool) -> int:
    """One session in this process; its stages use several processes where they can."""
    from capture.session import Session
    from humanrig import pipeline
    from humanrig.registering.options import set_people, set_shape

    opened = Session.open(session)
    configs = asked.configs
    set_people(opened, configs, asked.people)
    if (asked.only or asked.until or "register") not in pipeline.STAGES[: pipeline.STAGES.index("register")]:
        shape_from = None if asked.shape_from is None else Path(asked.shape_from)
        with stage_progress() as update:
            set_shape(opened, configs, shape_from, asked.scan_unit, asked.scan_up, update)
    with stage_progress() as update:
        outcomes = pipeline.reconstruct(opened, asked.request, on_stage=update, on_outcome=_announce)
    if json:
        print_json({o.stage: {"seconds": o.seconds, "skipped": o.skipped, "figures": o.figures} for o in outcomes})
    ran = {outcome.stage for outcome in outcomes}
    for stage, name in RESULTS:
        for path in sorted(session.glob(name)) if stage in ran else ():
            say(f"{path}")
    return 0


def parse_frames(text: str | None) -> tuple[int, int] | None:
    """First instant and the one after the last, from "A:B". Raises HumanrigError on anything else."""
    if text is None:
        return None
    first, colon, last = text.partition(":")
    try:
        span = (int(first or 0), int(last or 2**31))
    except ValueError:
        span = (0, 0)
    if not colon or span[0] < 0 or span[0] >= span[1]:
        raise HumanrigError(f"--frames {text}: expected A:B with A smaller than B, such as 0:60")
    return span


def read_configs(path: Path | None, options: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Options by stage, from a TOML file and from STAGE.KEY=VALUE words. Raises HumanrigError on bad ones."""
    configs: dict[str, dict[str, Any]] = {}
    if path is not None:
        try:
            configs = toml_of(path.read_text())
        except FileNotFoundError:
            raise HumanrigError(f"--config {path}: there is no such file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise HumanrigError(f"--config {path} is not TOML: {error}") from None
    for word in options:
        name, equals, value = word.partition("=")
        stage, dot, key = name.partition(".")
        if not (equals and dot and key):
            raise HumanrigError(f"--option {word}: expected STAGE.KEY=VALUE, such as register.betas=16")
        try:
            parsed = toml_of(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        configs.setdefault(stage, {})[key] = parsed
    for stage, table in configs.items():
        if not isinstance(table, dict):
            raise HumanrigError(f"--config {path}: '{stage}' must be a table, such as [register]")
    return configs


def _announce(outcome: Any) -> None:
    done = "unchanged, skipped" if outcome.skipped else f"{outcome.seconds:7.1f} s"
    figures = ", ".join(f"{k} {_short(v)}" for k, v in outcome.figures.items() if isinstance(v, int | float | str))
    say(f"{outcome.stage:<10} {done}   {figures}")
    for warning in outcome.figures.get("warnings", []):
        say(f"{'':<10} warning: {warning}")


def _short(value: int | float | str) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
