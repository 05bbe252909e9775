"""`humanrig simulate`: a session of the virtual rig."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.errors import HumanrigError
from humanrig.terminal import say, stage_progress

STALL_ENDS_S = 4.0
"""ClockEffects' defaults: silent after 1 s, for 3 s."""


def simulate(
    session: Positional[Path],
    scenario: Literal["people", "board", "boxes", "empty"] = "people",
    people: int = 1,
    clip: str = "walk",
    split: Literal["train", "validation", "test"] = "train",
    subjects: Annotated[tuple[str, ...], arg(metavar="NAME ...")] = (),
    outfit: Literal["dressed", "casual", "minimal"] = "dressed",
    wardrobe: Literal["sport", "everyday", "summer", "skirt", "dress"] | None = None,
    children: Annotated[float, arg(metavar="SHARE")] = 0.2,
    exact_model: bool = False,
    board: Annotated[str | None, arg(metavar="WORDS")] = None,
    furniture: int = 0,
    cameras: int = 10,
    radius: Annotated[float, arg(metavar="M")] = 2.3,
    depth_mode: Literal["NFOV_UNBINNED", "NFOV_2X2BINNED", "WFOV_2X2BINNED", "WFOV_UNBINNED"] = "NFOV_UNBINNED",
    color_resolution: Literal["720P", "1080P", "1440P", "1536P", "2160P", "3072P"] = "720P",
    seconds: float = 2.0,
    rate: Annotated[float, arg(metavar="HZ")] = 30.0,
    infrared: bool = False,
    factory_error: Annotated[float, arg(metavar="SCALE")] = 0.0,
    placed: bool = True,
    phones: int = 0,
    realsense: int = 0,
    stagger_us: Annotated[int, arg(metavar="US")] = 160,
    drops: Annotated[float, arg(metavar="SHARE")] = 0.0,
    stall: Annotated[str | None, arg(metavar="DEVICE")] = None,
    noise: bool = True,
    effects_off: Annotated[tuple[str, ...], arg(metavar="EFFECT ...")] = (),
    bias_mm: float = 2.0,
    seed: int = 0,
    native: bool = False,
    workers: int | None = None,
) -> int:
    """Record simulated people with simulated RGB-D sensors, in the same session format as a real rig.

    What was really there (bodies, surfaces, clean depth, masks, cameras) is kept in SESSION/truth; no reconstruction
    reads it. The same options give the same frames.

    One person walking among ten Azure Kinects: humanrig simulate S.
    A crowd among furniture: humanrig simulate S --people 4 --clip random --furniture 6.
    A ChArUco board for calibration: humanrig simulate S --scenario board --seconds 20.
    Another board: humanrig simulate S --scenario board --board "checkerboard 9x6 80mm".
    The same before anybody calibrated: add --infrared --factory-error 1 --no-placed.
    A body that the model's betas describe exactly: humanrig simulate S --exact-model --outfit minimal.

    Args:
        session: Folder to create.
        scenario: people; board: a board moved through the volume; boxes: a stack of boxes; empty: the room.
        people: How many people, 1 to 6.
        clip: Motion: walk, run, jump, kick, punch, dance_a, cartwheel, … (fetched through the package index),
            a standing pose (a_pose, t_pose, stand, arms_crossed), or
            random: another for each person, made of the split's clips (mixed, mirrored, re-timed) and of random poses.
            The first random or climb_… motion fetches another 102 MB.
        split: Which people, and which clips of random motions, to draw from.
        subjects: Whose bodies, by their names in the bank (b0000 to b0399), one for each person; drawn from the split
            when left out.
        outfit: dressed: tailored clothes that move; casual or minimal: painted on thickened skin.
        wardrobe: What the dressed wear; drawn when it is left out.
        children: Share of children, 3 to 17 years old.
        exact_model: Bodies that the body model describes exactly, instead of people of the bank, whom no betas reach.
        board: Of the scenario board: a preset (room, a3, kalibr), a board.toml, or words such as "8x6 100mm legacy" or
            "aprilgrid 6x6 114mm marker=88mm".
        furniture: How many pieces of furniture stand around.
        cameras: Azure-Kinect-like devices on a ring, 1 to 10.
        radius: Of the ring, metres, 1 to 3.2. More people and furniture need more room.
        depth_mode: Mode of the depth cameras, as the vendor names them.
        color_resolution: Mode of the colour cameras.
        seconds: Length of the take.
        rate: Frames a second.
        infrared: Record the depth cameras' infrared images too: a board that they see gives the depth camera its pose.
        factory_error: How far the calibration that each device brings is off; 1 is usual, 0 exact. See --no-placed.
        placed: --no-placed: the recording does not say where the devices stand, as a rig that nobody has calibrated.
            humanrig calibrate finds out.
        phones: Hand-held iPhones with LiDAR, 60 frames a second, each on its own clock. They are synchronised, and left
            out of the later stages.
        realsense: RealSense units that stand between the Kinects, each on its own clock.
        stagger_us: Each depth camera exposes this much after the one before; below 160 they disturb each other.
        drops: Share of frames that are lost; with it, clocks jitter and devices begin up to four frames late.
        stall: Device that falls silent after 1 s and comes back 3 s later.
        noise: All sensor effects; --no-noise for perfect sensors.
        effects_off: Effects of the Kinects to leave out: axial_noise lateral_noise flying_pixels multipath invalid
            wiggling bias scale interference; of colour exposure white_balance motion_blur noise rolling_shutter jpeg.
        bias_mm: Standard deviation between devices of their constant depth error.
        seed: Of everything that is drawn: bodies, clothes, motions, places, devices, noise.
        native: Also write the recording as the makers' programs do (.mkv, .db3, .r3d, Stray Scanner) into
            SESSION/exported/native.
        workers: Processes; default one for each processor.
    """
    from capture.board_file import parse_board
    from capture.virtual.clocks import ClockEffects
    from capture.virtual.depth_effects import DepthEffects
    from capture.virtual.effects import effects_without
    from humanrig.simulation import simulate_session

    if not 0 <= bias_mm < 1000:
        raise HumanrigError(f"--bias-mm {bias_mm} is a standard deviation in millimetres; give 0 or more")
    if stall is not None and seconds <= STALL_ENDS_S:
        raise HumanrigError(
            f"--stall {stall}: it comes back {STALL_ENDS_S:g} s after the start, the take has {seconds:g} s; give more "
            "--seconds"
        )
    if effects_off and not noise:
        raise HumanrigError("--no-noise leaves out every effect already; give it or --effects-off, not both")
    if board is not None and scenario != "board":
        raise HumanrigError(f"--board {board} is of the scenario board; give --scenario board too, or leave it out")
    carried = {"board": parse_board(board)} if board is not None else {}
    clocks = None
    if drops or stall:
        healthy = (
            ClockEffects()
            if drops
            else replace(ClockEffects.quiet(), latency_spread_ms=ClockEffects().latency_spread_ms)
        )
        clocks = {**asdict(healthy), "drop_rate": drops, "stall_device": stall}
    depth_effects, color_effects = effects_without(effects_off, DepthEffects(bias_spread_m=1e-3 * bias_mm))
    with stage_progress() as update:
        made = simulate_session(
            session,
            workers=workers,
            on_progress=update,
            scenario=scenario,
            people=people,
            clip=clip,
            split=split,
            subjects=subjects,
            outfit=outfit,
            wardrobe=wardrobe,
            children=children,
            exact_model=exact_model,
            furniture=furniture,
            cameras=cameras,
            radius_m=radius,
            depth_mode=depth_mode,
            color_resolution=color_resolution,
            seconds=seconds,
            rate_hz=rate,
            infrared=infrared,
            factory_error=factory_error,
            placed=placed,
            phones=phones,
            realsense=realsense,
            clocks=clocks,
            depth_stagger_us=stagger_us,
            noise=noise,
            depth_effects=depth_effects,
            color_effects=color_effects,
            seed=seed,
            **carried,
        )
    if lost := [name for name, stream in made.streams.items() if not stream.frames]:
        say(f"no frame of {', '.join(lost)} arrived; the take is short for its faults")
    if native:
        from humanrig.export import export_session

        with stage_progress() as update:
            export_session(made, "native", session / "exported" / "native", lambda *now: update("native files", *now))
    say(f"{session}\nnext: humanrig {'reconstruct' if scenario == 'people' else 'check'} {session}")
    if scenario == "people" and people > 1:
        say("a reconstruction follows one person so far: the largest thing that moves")
    return 0
