"""The rig solve: single views, pairs, a tree, one adjustment of everything, and boards kept aside to judge it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import DevicePair, IntrinsicsPrior
from calibration.checks import doubtful
from calibration.errors import CalibrationError
from calibration.rig import RigCalibration, Verdict, device_of
from calibration.rig_solve.adjusting import Adjusted, Adjustment, volume_middle
from calibration.rig_solve.board_motion import with_board_motion
from calibration.rig_solve.board_places import place_boards
from calibration.rig_solve.camera_quality import camera_quality
from calibration.rig_solve.device_siblings import add_siblings
from calibration.rig_solve.factory_pairs import believable_pairs
from calibration.rig_solve.held_out import judge
from calibration.rig_solve.lenses import lens_priors, missing_lenses
from calibration.rig_solve.options import RigSolveOptions
from calibration.rig_solve.pair_graph import PairGraph, pair_graph
from calibration.rig_solve.result import RigSolve
from calibration.rig_solve.selecting import select_instants
from calibration.rig_solve.single_view import PlacedView, place_views
from calibration.rig_solve.spanning_tree import chain_cameras
from calibration.rig_solve.usable_views import usable_views
from calibration.rig_solve.verdicts import camera_verdicts, missing_tie, moved_verdicts, not_solved, rig_verdicts
from calibration.timing.exposure_timing import at_the_instant
from geometry.camera import Camera

DEFAULT = RigSolveOptions()
MIRRORED_PART = 0.5
"""Of a camera's views, from which its images are mirrored; fewer are wrong finds."""

CUT_OFF = "its views contradict those of the others, and nothing else ties it: was it moved, or its lens turned?"


def solve_rig(
    take: BoardTake,
    known: Mapping[str, Camera],
    *,
    pairs: Sequence[DevicePair] = (),
    priors: Mapping[str, IntrinsicsPrior] | None = None,
    options: RigSolveOptions = DEFAULT,
    on_progress: Callable[[str], None] | None = None,
) -> RigSolve:
    """All cameras that the boards tie together, how sure each is, and what to do about the rest.

    `known` are cameras with a factory's lens; where they stand is not used. Cameras of the take that it lacks get a
    lens from their views. `pairs` hold the cameras of a device together; one without a view is placed by them alone.
    `on_progress` hears what is being done, in words. Views of one instant must show the board at one place.

    Raises CalibrationError when nothing can be solved: no board found, one camera alone, every image mirrored, corners
    of another board.
    """
    say = on_progress or (lambda text: None)
    usable = usable_views(take, known, options.min_corners)
    found = missing_lenses(usable.take, [*usable.known, *usable.unsolved])
    any_order = {**usable.known, **found.cameras}
    lenses = {name: any_order[name] for name in take.image_sizes if name in any_order}
    unsolved = {**usable.unsolved, **found.unsolved}
    selection = select_instants(usable.take, options.max_instants, options.hold_out_every)
    say(f"{len(selection.used)} placements of the board enter the solve, {len(selection.held)} judge it")

    used = set(selection.used)
    placed = place_views(lenses, take.board.corners, tuple(view for view in usable.take.views if view.instant in used))
    placed = _unmirrored(placed, unsolved)
    placed = _enough(placed, pairs, lenses, options.min_views, unsolved)
    graph = pair_graph(placed, [name for name in lenses if name not in unsolved])
    pairs, pair_doubts = believable_pairs(graph, pairs, graph.cameras)
    placement = chain_cameras(graph, pairs, options.held)
    cameras = {name: lenses[name].at(T) for name, T in placement.Ts_world_camera.items()}
    if len(cameras) == 1:
        raise CalibrationError(_alone(placement.held, graph, usable.take))
    for group in placement.apart:
        reason = missing_tie(group, frozenset(cameras), graph, usable.take)
        unsolved.update(dict.fromkeys(sorted(group), reason))

    say(f"{len(cameras)} cameras hang together: adjusting")
    placed = [one for one in placed if one.view.camera in cameras]
    adjustment = Adjustment(
        take=take,
        priors=lens_priors(cameras, {**found.priors, **(priors or {})}, options.free_intrinsics),
        pairs=pairs,
        held=placement.held,
        min_corners=options.min_corners,
        find_moved=options.find_moved,
        say=say,
    )
    boards = place_boards(cameras, take.board.middle, placed)
    adjusted = adjustment.run(cameras, boards, [one.view for one in placed])
    unsolved.update(dict.fromkeys(sorted(adjusted.cut_off), CUT_OFF))
    return _result(
        usable.take, lenses, graph, pairs, adjusted, selection.held, unsolved, (*usable.verdicts, *pair_doubts)
    )


def _result(
    take: BoardTake,
    lenses: Mapping[str, Camera],
    graph: PairGraph,
    pairs: Sequence[DevicePair],
    adjusted: Adjusted,
    held: Sequence[int],
    unsolved: Mapping[str, str],
    verdicts: Sequence[Verdict],
) -> RigSolve:
    """The solve with everything that is said of it."""
    solution, views = adjusted.solution, adjusted.views
    alone = [pair for pair in pairs if pair.a not in unsolved and pair.b not in unsolved]
    cameras, covariance = add_siblings(solution.cameras, solution.covariance, lenses, alone)
    cameras = {name: cameras[name] for name in take.image_sizes if name in cameras}
    covariance = covariance.aligned(cameras)
    middle = volume_middle(take, solution.T_world_board)
    elsewhere = {(one.camera, one.instant, one.kept) for one in adjusted.moved}
    judging = [
        view
        for view in take.views
        if view.instant in set(held)
        and not any(c == view.camera and (view.instant < i) == (kept == "after") for c, i, kept in elsewhere)
    ]
    judging = _at_their_instants(judging, adjusted, take)
    held_out = judge(solution.cameras, take.board.corners, judging)
    quality = camera_quality(cameras, covariance, graph, views, solution, middle)
    said = [
        *rig_verdicts(held_out, len(solution.T_world_board)),
        *(() if solution.converged else (doubtful("rig", "the adjustment did not come to rest: record more boards"),)),
        *camera_verdicts(quality, held_out, adjusted.views_left_out),
        *moved_verdicts(adjusted.moved, adjusted.views_elsewhere),
        *verdicts,
        *(not_solved(name, reason) for name, reason in unsolved.items()),
    ]
    board = take.board
    calibration = RigCalibration(
        cameras=cameras,
        source=f"{len(solution.T_world_board)} placements of a {board.kind} board of {board.columns}x{board.rows} "
        f"squares of {1e3 * board.square_m:g} mm",
        notes={
            name: f"solved from {quality[name].views} boards" if quality[name].views else "placed by its device alone"
            for name in cameras
        },
        verdicts=tuple(said),
        covariance=covariance,
    )
    return RigSolve(
        calibration=calibration,
        solution=solution,
        take_used=take.with_views(views),
        take_held=take.with_views(judging),
        held_out=held_out,
        graph=graph,
        quality=quality,
        volume_middle=middle,
        verdicts=tuple(said),
        unsolved=dict(unsolved),
        moved=adjusted.moved,
        views_left_out=dict(adjusted.views_left_out),
        corners_left_out=adjusted.corners_left_out,
        timings=dict(adjusted.timings),
    )


def _at_their_instants(views: Sequence[BoardView], adjusted: Adjusted, take: BoardTake) -> list[BoardView]:
    """Views that stayed out, with the motion of their boards taken off as it was of those in the solve."""
    cameras = adjusted.solution.cameras
    views = [view for view in views if view.camera in cameras]
    boards = place_boards(cameras, take.board.middle, place_views(cameras, take.board.corners, tuple(views)))
    moving = with_board_motion(views, cameras, boards, take.board.corners, adjusted.timings)
    return list(at_the_instant(moving, adjusted.timings, cameras))


def _unmirrored(placed: Sequence[PlacedView], unsolved: dict[str, str]) -> tuple[PlacedView, ...]:
    """Without mirrored views; cameras that have mostly these are unsolved. Raises CalibrationError if all have."""
    views, mirrored = Counter(one.view.camera for one in placed), Counter(o.view.camera for o in placed if o.mirrored)
    wrong = [name for name in views if mirrored[name] > MIRRORED_PART * views[name]]
    if wrong and len(wrong) == len(views):
        raise CalibrationError(
            f"the board is mirrored in {sum(mirrored.values())} of {len(placed)} views, in every camera: its print is "
            "mirrored, or its corners are counted from the other side; print it again or describe it as it is"
        )
    for name in wrong:
        unsolved[name] = f"the board is mirrored in {mirrored[name]} of its {views[name]} views: turn off its mirroring"
    return tuple(one for one in placed if not one.mirrored and one.view.camera not in unsolved)


def _enough(
    placed: Sequence[PlacedView],
    pairs: Sequence[DevicePair],
    lenses: Mapping[str, Camera],
    min_views: int,
    unsolved: dict[str, str],
) -> tuple[PlacedView, ...]:
    """The views of cameras with enough of them, or with a sibling; the other cameras are unsolved."""
    views = Counter(one.view.camera for one in placed)
    siblings = {pair.a: pair.b for pair in pairs} | {pair.b: pair.a for pair in pairs}
    for name in lenses:
        if name in unsolved or views[name] >= min_views or views[siblings.get(name, "")] >= min_views:
            continue
        count = views[name]
        unsolved[name] = (
            f"board seen in {count} views, at least {min_views} needed: show it the board together with its neighbours"
            if count
            else "it never saw the board: show it the board together with its neighbours"
        )
    if not any(view.view.camera not in unsolved for view in placed):
        raise CalibrationError(
            f"no camera saw the board in {min_views} usable views (most: {max(views.values(), default=0)}); record more"
        )
    return tuple(one for one in placed if one.view.camera not in unsolved)


def _alone(name: str, graph: PairGraph, take: BoardTake) -> str:
    others = ", ".join(other for other in take.image_sizes if device_of(other) != device_of(name))
    seen = f"the board was seen by '{name}' alone ({graph.views[name]} views)"
    if sum(map(bool, graph.views.values())) > 1:
        seen = "no board was seen by two cameras at once"
    return f"{seen}: wave it where {others or 'another camera'} can see it at the same time"
