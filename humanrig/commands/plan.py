"""`humanrig plan`: how long and how much disk a batch takes, before it is started."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, progress, say

if TYPE_CHECKING:
    from humanrig.costs.model import CostModel
    from humanrig.costs.paper import Paper, Prices
    from humanrig.costs.plan import SessionPlan

WORKERS = (1, 2, 4, 8, 16, 32)
PAPER_WORKERS = (16, 64, 256, 1024, 2048, 4096, 16384, 65536)


def plan(
    sessions: Annotated[Positional[tuple[str, ...]], arg(metavar="SESSION ...")] = (),
    workers: Annotated[tuple[int, ...], arg(metavar="N ...")] = (),
    until: Annotated[str | None, arg(metavar="STAGE")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    people: Annotated[int | None, arg(metavar="N")] = None,
    sequences: Annotated[int | None, arg(metavar="N")] = None,
    instants: Annotated[int, arg(metavar="N")] = 150,
    cameras: Annotated[int, arg(metavar="N")] = 10,
    core_hour: Annotated[float, arg(metavar="EUROS")] = 0.04,
    tb_month: Annotated[float, arg(metavar="EUROS")] = 20.0,
    months: float = 1.0,
    shared_folder: Annotated[float, arg(metavar="GB/S")] = 10.0,
    scheduler: Annotated[float, arg(metavar="TASKS/S")] = 100.0,
    picture: Annotated[Path | None, arg(metavar="FILE.png")] = None,
    json: bool = False,
) -> int:
    """Say how long a batch of sessions will take and how much disk it fills, on as many workers as you like.

    Costs of the stages come from a table of measurements, corrected by the manifests of those of the sessions that are
    done on this machine. Stages whose results are whole cost nothing. With --sequences the same is reckoned on paper
    for very many sequences: hours, terabytes and euros, and what limits how fast it can be.

    Args:
        sessions: Sessions, or folders of them.
        workers: Numbers of workers (processes, each with a core of its own); by default 1 2 4 … 32.
        until: Reckon with no stage after this one.
        frames: The instants from A up to B (not included), such as 0:60.
        without: Cameras that are left out.
        people: How many people are followed; by default as many as the masks have, or one.
        sequences: Reckon on paper with so many sequences, such as 400000.
        instants: Instants of such a sequence, in the mean.
        cameras: Azure Kinects of such a sequence: depth 640x576, colour 1920x1080.
        core_hour: What an hour of one core costs.
        tb_month: What it costs to keep a terabyte for a month.
        months: How long everything is kept.
        shared_folder: What the shared folder of the cluster reads and writes in a second, in gigabytes.
        scheduler: How many tasks the scheduler gives out in a second.
        picture: Draw what is reckoned on paper.
        json: Print all figures as JSON.
    """
    from humanrig.costs.model import shipped
    from humanrig.costs.paper import Prices

    if not sessions and sequences is None:
        raise HumanrigError("nothing to plan; name sessions, or give --sequences N to reckon on paper")
    if any(number < 1 for number in workers):
        raise HumanrigError(f"--workers {min(workers)}: at least one is needed")
    if min(instants, cameras, 1 if sequences is None else sequences) < 1:
        raise HumanrigError("--sequences, --instants and --cameras must be at least 1")
    if min(core_hour, tb_month, months) < 0 or min(shared_folder, scheduler) <= 0:
        raise HumanrigError("prices cannot be negative, and --shared-folder and --scheduler must be above 0")
    if picture is not None and sequences is None:
        raise HumanrigError("--picture draws what is reckoned on paper; give --sequences N too")
    told: dict[str, Any] = {}
    model = shipped()
    if sessions:
        model, plans = _plans(sessions, model, until, frames, without, people)
        told = _tell_sessions(plans, model, workers or WORKERS)
    if sequences is not None:
        prices = Prices(
            euros_per_core_hour=core_hour,
            euros_per_tb_month=tb_month,
            months=months,
            shared_gb_per_s=shared_folder,
            tasks_per_s=scheduler,
        )
        told["paper"] = _tell_paper(model, sequences, instants, cameras, workers or PAPER_WORKERS, prices, picture)
    if json:
        print_json(told)
    return 1 if any(row["trouble"] for row in told.get("sessions", ())) else 0


def _plans(
    words: tuple[str, ...],
    model: CostModel,
    until: str | None,
    frames: str | None,
    without: tuple[str, ...],
    people: int | None,
) -> tuple[CostModel, list[SessionPlan]]:
    """The model as the sessions' own manifests correct it, and what is left to do in each."""
    from capture.errors import CaptureError
    from capture.session import Session
    from humanrig.batch.asking import Asked
    from humanrig.batch.finding import find_sessions
    from humanrig.commands.reconstruct import parse_frames
    from humanrig.costs.plan import plan_session
    from humanrig.costs.refined import refined

    asked = Asked(until=until, frames=parse_frames(frames), without=without, people=people)
    found = find_sessions(words)
    opened = []
    for one in found:
        if not (one.trouble or one.left_out):
            try:
                opened.append(Session.open(Path(one.session)))
            except (CaptureError, OSError):
                continue  # its own row says what is wrong with it
    model = refined(model, opened)
    plans = []
    with progress("sessions") as update:
        for n, one in enumerate(found):
            plans.append(plan_session(one, asked, model))
            update(n + 1, len(found))
    return model, plans


def _tell_sessions(plans: list[SessionPlan], model: CostModel, workers: tuple[int, ...]) -> dict[str, Any]:
    from humanrig.costs.plan import disk_needs, stage_sums
    from humanrig.costs.schedule import simulated

    todo = [plan for plan in plans if plan.steps]
    for one in plans:
        if one.trouble:
            say(f"{one.name}: {one.trouble}")
    whole = sum(not (plan.steps or plan.trouble or plan.left_out) for plan in plans)
    say(f"{len(plans)} sessions: {len(todo)} to do, {whole} done, {sum(bool(p.trouble) for p in plans)} not readable, "
        f"{sum(bool(p.left_out) for p in plans)} left out")  # fmt: skip
    stages = stage_sums(todo)
    if stages:
        say(f"{'stage':<10} {'sessions':>8} {'core time':>12} {'disk':>10} {'memory':>10}")
    for row in stages:
        factor = model.factors.get(row["stage"], 1.0)
        note = "" if factor == 1.0 else f"   {factor:.2f} times the table, as measured here"
        say(f"{row['stage']:<10} {row['sessions']:>8} {_time(row['core_s']):>12} {_bytes(row['disk_bytes']):>10} "
            f"{_bytes(row['memory_bytes']):>10}{note}")  # fmt: skip
    runs = []
    if stages:
        say(f"{'workers':<10} {'time':>8} {'busy':>12} {'tail':>10} {'memory':>10}")
    for number in workers if stages else ():
        timeline = simulated([plan.steps for plan in todo], number)
        memory = timeline.memory_bytes
        runs.append({"workers": number, "seconds": timeline.seconds, "busy": timeline.efficiency,
                     "tail_s": timeline.tail_s, "memory_bytes": memory})  # fmt: skip
        say(f"{number:<10} {_time(timeline.seconds):>8} {timeline.efficiency:>12.0%} {_time(timeline.tail_s):>10} "
            f"{_bytes(memory):>10}")  # fmt: skip
    disks = disk_needs(todo)
    for disk in disks:
        say(f"disk of {disk.place}: {_bytes(disk.needed_bytes)} needed, {_bytes(disk.free_bytes)} free")
        if not disk.enough:
            say(f"warning: {_bytes(disk.needed_bytes - disk.free_bytes)} too little; free some, or move sessions "
                "to another disk")  # fmt: skip
    rows = [
        {"session": p.session, "trouble": p.trouble, "left_out": p.left_out, "whole": p.whole, "instants": p.instants,
         "steps": {step.stage: asdict(step) for step in p.steps}}
        for p in plans
    ]  # fmt: skip
    return {
        "sessions": rows,
        "stages": stages,
        "workers": runs,
        "disks": [asdict(disk) for disk in disks],
        "factors": dict(model.factors),
    }


def _tell_paper(
    model: CostModel,
    sequences: int,
    instants: int,
    cameras: int,
    workers: tuple[int, ...],
    prices: Prices,
    picture: Path | None,
) -> dict[str, Any]:
    from humanrig.costs.paper import on_paper, usual_size
    from humanrig.costs.picture import write_picture

    paper = on_paper(model, usual_size(instants, cameras), sequences, sorted(set(workers)), prices)
    _say_paper(paper, prices)
    if picture is not None:
        write_picture(paper, picture)
        say(f"{picture}")
    return asdict(paper) | {"prices": asdict(prices)}


def _say_paper(paper: Paper, prices: Prices) -> None:
    from dataclasses import replace

    from humanrig.costs.paper import StageTotal

    say(
        f"on paper: {paper.sequences:,} sequences of {paper.size.instants} instants, {paper.size.depth_streams} Kinects"
    )
    say(f"{'stage':<10} {'core hours':>12} {'EUR':>10} {'TB left':>10} {'EUR kept':>10} {'TB moved':>10}")
    everything = StageTotal(
        stage="all",
        **{
            name: sum(getattr(total, name) for total in paper.stages)
            for name in ("core_hours", "terabytes", "moved_terabytes", "euros", "euros_kept")
        },
    )
    recordings = replace(everything, stage="recordings", core_hours=0.0, euros=0.0, moved_terabytes=0.0,
                         terabytes=paper.recorded_terabytes, euros_kept=paper.recorded_euros)  # fmt: skip
    for total in (*paper.stages, everything, recordings):
        say(f"{total.stage:<10} {total.core_hours:>12,.0f} {total.euros:>10,.0f} {total.terabytes:>10,.1f} "
            f"{total.euros_kept:>10,.0f} {total.moved_terabytes:>10,.1f}")  # fmt: skip
    say(f"prices: {prices.euros_per_core_hour:g} EUR a core hour, {prices.euros_per_tb_month:g} EUR a TB and month, "
        f"kept for {prices.months:g}; shared folder {prices.shared_gb_per_s:g} GB/s, scheduler "
        f"{prices.tasks_per_s:g} tasks/s")  # fmt: skip
    say(f"{'workers':<10} {'time':>12} {'busy':>10}   limited by")
    for speed in paper.speeds:
        say(f"{speed.workers:<10,} {_time(speed.hours * 3600):>12} {speed.efficiency:>10.1%}   {speed.limit}")


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 3 * 86400 else f"{seconds / 86400:.1f} days"


def _bytes(count: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
