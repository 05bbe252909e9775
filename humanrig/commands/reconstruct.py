"""`humanrig reconstruct`: from recording to textured body, stage by stage."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, say, stage_progress

RESULTS = (
    ("export", "export/person*.glb"),
    ("export", "export/person*_amass.npz"),
    ("report", "report/overlays.jpg"),
    ("report", "report/index.html"),
)


def reconstruct(
    session: Positional[Path],
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
    json: bool = False,
) -> int:
    """Turn a recording into bodies, textured meshes and files to share.

    The stages are: sync calibrate masks clouds keypoints register mesh texture export report. Each writes one folder
    of the session. A stage whose inputs and options are unchanged is skipped, so an interrupted run goes on where it
    stopped when the same command is given again.

    Args:
        session: The session's folder.
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
        json: Print the figures of every stage as JSON.
    """
    from capture.session import Session
    from humanrig import pipeline
    from humanrig.registering.options import set_people, set_shape

    configs = read_configs(config, option)
    opened = Session.open(session)
    set_people(opened, configs, people)
    if (only or until or "register") not in pipeline.STAGES[: pipeline.STAGES.index("register")]:
        with stage_progress() as update:
            set_shape(opened, configs, shape_from, scan_unit, scan_up, update)
    request = pipeline.Request(
        only=only,
        start=start,
        until=until,
        frames=parse_frames(frames),
        without=frozenset(without),
        configs=configs,
    )
    with stage_progress() as update:
        outcomes = pipeline.reconstruct(opened, request, on_stage=update, on_outcome=_announce)
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
            configs = tomllib.loads(path.read_text())
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
            parsed = tomllib.loads(f"value = {value}")["value"]
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
