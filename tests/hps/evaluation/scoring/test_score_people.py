"""Scoring of people known by name: right numbers, under the right protocol, and nothing left out in silence."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scored_people import FRAMES, walker

from body.loading import load_body_model
from hps.errors import HpsError
from hps.evaluation.scoring import SCORING_PROTOCOLS, BodyModels, read_regressor, score_people, scoring_protocol
from hps.evaluation.scoring.posing import posed_clip
from hps.evaluation.scoring.scoring_protocol import FRONTAL
from hps.metrics.positions import mpjpe_mm, pve_mm
from hps.metrics.subject_bootstrap import mean_interval
from hps.metrics.world_motion import rte_percent, w_mpjpe_mm
from hps.protocols import PROTOCOLS, measure_mm

EVERY = np.arange(FRAMES)


def _clip(person):
    return posed_clip(person, EVERY, BodyModels())


def _values(report) -> dict[str, float]:
    return {f"{one.label} {one.unit}".strip(): one.interval.value for one in report.figures if one.interval.n}


@pytest.mark.parametrize("name", ["smpl24", "emdb", "emdb_world", "3dpw_challenge"])
def test_a_perfect_prediction_has_no_error(name):
    found = _values(score_people([walker()], [walker()], scoring_protocol(name)))
    full = {label: value for label, value in found.items() if "PCK" in label or "AUC" in label}
    moving = {label for label in found if "jitter" in label or "sliding" in label}
    assert list(full.values()) == pytest.approx([{"%": 100.0}.get(label[-1], 1.0) for label in full])
    rest = {label: value for label, value in found.items() if label not in full and label not in moving}
    assert len(rest) >= 2
    assert all(abs(value) < 1e-4 for value in rest.values())  # angles near 0 have an error of a root of rounding


def test_numbers_are_those_of_the_metrics_with_an_interval_over_sequences():
    truths = [walker(seed) for seed in range(3)]
    estimates = [walker(seed, noise=0.02 * (seed + 1)) for seed in range(3)]
    report = score_people(estimates, truths, scoring_protocol("smpl24"))
    sides = [(_clip(e), _clip(t)) for e, t in zip(estimates, truths, strict=True)]
    errors = [mpjpe_mm(e.joints, t.joints, root=0) for e, t in sides]
    wanted = mean_interval(np.concatenate(errors), np.repeat(["a", "b", "c"], FRAMES))
    figures = {(one.measure, one.protocol): one for one in report.figures}
    found = figures["MPJPE", "smpl24_root"]
    assert [found.interval.value, found.interval.low, found.interval.high] == pytest.approx(
        [wanted.value, wanted.low, wanted.high]
    )
    assert found.interval.low < found.interval.value < found.interval.high
    pve = [pve_mm(e.vertices, t.vertices, offset=t.joints[:, 0] - e.joints[:, 0]) for e, t in sides]
    assert figures["PVE", "smpl24_root"].interval.value == pytest.approx(np.mean(pve))
    assert [row.values["MPJPE [smpl24_root] mm"] for row in report.rows] == pytest.approx([e.mean() for e in errors])
    assert report.counts.frames == 3 * FRAMES


def test_a_shift_is_an_error_of_place_alone():
    moved = walker(transl=walker().transl + [0.1, 0.0, 0.0])
    found = _values(score_people([moved], [walker()], scoring_protocol("smpl24")))
    assert found["MPJPE [smpl24_abs] mm"] == pytest.approx(100)
    assert found["MRPE [pelvis] mm"] == pytest.approx(100)
    assert found["MPJPE [smpl24_root] mm"] == pytest.approx(0, abs=1e-9)
    assert found["PVE [smpl24_root] mm"] == pytest.approx(0, abs=1e-9)


def test_both_roots_of_3dpw14_stand_beside_their_numbers():
    model = load_body_model()
    rng = np.random.default_rng(4)
    regressor = rng.random((17, model.vertex_count)) ** 200  # each joint near few vertices
    regressor /= regressor.sum(1, keepdims=True)
    truth, estimate = walker(valid=np.ones(FRAMES, bool)), walker(noise=0.03)
    report = score_people([estimate], [truth], scoring_protocol("3dpw14"), regressors={"h36m17": regressor})
    found = _values(report)
    e, t = (np.einsum("jv,fvc->fjc", regressor, _clip(side).vertices) for side in (estimate, truth))
    for name in ("3dpw14_h36m", "3dpw14_midhip"):
        assert found[f"MPJPE [{name}] mm"] == pytest.approx(measure_mm(PROTOCOLS[name], e, t).mean())
    assert found["PA-MPJPE [3dpw14_pa] mm"] == pytest.approx(measure_mm(PROTOCOLS["3dpw14_pa"], e, t).mean())
    assert found["PVE [3dpw14_h36m] mm"] != pytest.approx(found["PVE [3dpw14_midhip] mm"])
    alone = _values(
        score_people([estimate], [truth], scoring_protocol("3dpw14_midhip"), regressors={"h36m17": regressor})
    )
    assert alone.items() <= found.items()


def test_a_camera_in_one_file_joins_camera_and_world():
    T = np.eye(4)
    T[:3, :3] = [[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]
    T[:3, 3] = [0.2, 1.0, 4.0]
    Ts = np.repeat(T[None], FRAMES, 0)
    world = walker(Ts_camera_world=Ts)
    posed = _clip(world)
    in_camera = posed.moved(Ts, "camera")
    assert posed.joints == pytest.approx(in_camera.moved(np.linalg.inv(T)[None].repeat(FRAMES, 0), "world").joints)
    estimate = walker(
        frame="camera",
        body="smpl",
        betas=None,
        global_orient=None,
        body_pose=None,
        transl=None,
        joints=in_camera.joints,
    )
    found = _values(score_people([estimate], [world], scoring_protocol("smpl24")))
    assert found["MPJPE [smpl24_abs] mm"] == pytest.approx(0, abs=1e-9)
    assert "PVE [smpl24_root] mm" not in found
    placed = replace(estimate, Ts_camera_world=Ts)
    for name, label in (("smpl24", "MPJPE [smpl24_abs] mm"), ("emdb_world", "W-MPJPE_100 [smpl24_abs] mm")):
        own = score_people([placed], [walker()], scoring_protocol(name))  # by the prediction's own camera
        assert _values(own)[label] == pytest.approx(0, abs=1e-9)
    with pytest.raises(HpsError, match="neither file says where the camera was"):
        score_people([estimate], [walker()], scoring_protocol("smpl24"))
    mirror = np.diag([-1.0, 1, 1, 1]) @ Ts
    with pytest.raises(HpsError, match="the pictures are mirrored"):
        score_people([estimate], [walker(Ts_camera_world=mirror)], scoring_protocol("smpl24"))
    with pytest.raises(HpsError, match="this protocol compares in the world"):
        score_people([estimate], [world], scoring_protocol("emdb_world"))


@pytest.mark.parametrize("name", ["emdb", "3dpw14"])
def test_a_moving_camera_is_in_jitter_and_accelerations_whatever_frame_the_file_is_in(name):
    regressors = {"h36m17": np.eye(17, load_body_model().vertex_count)}
    Ts = np.repeat(np.eye(4)[None], FRAMES, 0)
    Ts[:, :3, :3] = Rotation.from_rotvec(np.linspace([1.5, 0, 0], [1.8, 0.9, 0], FRAMES) ** 2).as_matrix()
    truth, world = walker(Ts_camera_world=Ts), walker(noise=0.02)
    seen = _clip(world).moved(Ts, "camera")
    absent = {"betas": None, "global_orient": None, "body_pose": None, "transl": None}
    camera = walker(**absent, frame="camera", joints=seen.joints, vertices=seen.vertices)
    one, two = (
        _values(score_people([side], [truth], scoring_protocol(name), regressors=regressors))
        for side in (world, camera)
    )
    assert {label: one[label] for label in two} == pytest.approx(two)
    still = _values(score_people([world], [walker()], scoring_protocol(name), regressors=regressors))
    moving = {label for label in still if label in two and still[label] != pytest.approx(one[label])}
    assert moving == {label for label in two if "acceleration" in label or "jitter" in label}
    assert moving


def test_bodies_without_translations_have_no_errors_of_place():
    truth, nowhere = walker(), walker(noise=0.02, transl=None)
    lost = score_people([nowhere], [truth], scoring_protocol("smpl24"))
    unmeasured = {(one.measure, one.protocol) for one in lost.figures if one.unmeasured}
    assert unmeasured == {
        ("MPJPE", "smpl24_abs"), ("MRPE", "pelvis"), ("jitter", "smpl24_abs"), ("jitter of the truth", "smpl24_abs"),
        ("foot sliding", "feet"),
    }  # fmt: skip
    there = walker(noise=0.02)
    wanted = _values(score_people([there], [truth], scoring_protocol("smpl24")))
    assert _values(lost) == pytest.approx({label: wanted[label] for label in _values(lost)})
    stored = replace(nowhere, joints=_clip(there).joints)  # whose pelvis says where
    assert _values(score_people([stored], [truth], scoring_protocol("smpl24"))) == pytest.approx(wanted)


def test_clips_that_are_too_short_for_some_measures_give_the_others():
    truth = walker(frames=1, frame="world")
    for name, lost in (("emdb", {"jitter"}), ("emdb_world", {"RTE", "jitter", "foot sliding"})):
        report = score_people([walker(frames=1, noise=0.02)], [truth], scoring_protocol(name))
        assert {one.measure for one in report.figures if one.unmeasured} == lost
        assert all(one.interval.n == 1 for one in report.figures if one.measure not in lost)


def test_frames_that_do_not_count_are_left_out_and_counted():
    valid = np.array([True] * 5 + [False] * 3)
    estimate = walker()
    spoiled = replace(estimate, transl=estimate.transl + np.where(valid, 0.0, 9.0)[:, None] * [0, 1, 0])
    body_pose = np.where(valid[:, None], estimate.body_pose, 0.0)
    report = score_people([replace(spoiled, body_pose=body_pose)], [walker(valid=valid)], scoring_protocol("emdb"))
    assert _values(report)["MPJPE [smpl24_midhip] mm"] == pytest.approx(0, abs=1e-9)
    assert (report.counts.frames, report.counts.ignored_frames) == (5, 3)
    unsaid = score_people([estimate], [walker()], scoring_protocol("emdb"))
    assert "does not say which frames are valid: emdb counts all of them" in " ".join(unsaid.told)


def test_missing_frames_are_refused_or_counted_and_refusals_are_in_no_mean():
    truth, estimate = walker(), walker(noise=0.02)
    short = walker(noise=0.02, frames=FRAMES - 2)
    with pytest.raises(HpsError, match="the prediction has 6 frames, the truth 8 of which 8 count; frame 6 and 1 more"):
        score_people([short], [truth], scoring_protocol("smpl24"))
    with pytest.raises(HpsError, match=r"and 1 more have no prediction \(1 refused by the estimator\)\. Predict"):
        score_people([replace(short, extra={"refused": np.array([7])})], [truth], scoring_protocol("smpl24"))
    report = score_people([short], [truth], scoring_protocol("smpl24"), partial=True)
    assert (report.counts.frames, report.counts.lacking_frames) == (6, 2)
    transl = estimate.transl.copy()
    transl[3] = np.nan
    with pytest.raises(HpsError, match="the truth of frame 3 is not finite although the frame counts"):
        score_people([estimate], [replace(truth, transl=transl)], scoring_protocol("emdb"))
    unsaid = replace(truth, transl=transl, valid=np.arange(FRAMES) != 3)
    assert score_people([estimate], [unsaid], scoring_protocol("emdb")).counts.ignored_frames == 1
    refused = score_people([replace(estimate, transl=transl)], [truth], scoring_protocol("smpl24"))
    assert (refused.counts.frames, refused.counts.refused_frames) == (7, 1)
    inside = {one.measure: one.interval.n for one in refused.figures}
    assert inside["MRPE"] == 7
    assert inside["jitter"] == 1  # of the 4 frames behind the hole; 3 before it are too few
    late = replace(estimate, frames=EVERY + 100)
    with pytest.raises(HpsError, match="no frame is in both, the prediction has frames 100 to 107"):
        score_people([late], [truth], scoring_protocol("smpl24"), partial=True)


def test_people_are_paired_by_name_and_nobody_is_lost_in_silence():
    truths = [walker(1, person="a"), walker(1, person="b"), walker(2, person="a")]
    estimates = [walker(1, person="a"), walker(1, person="c"), walker(2, person="someone")]
    report = score_people(estimates, truths, scoring_protocol("smpl24"))
    c = report.counts
    assert (c.people, c.missing_people, c.unknown_people, c.lacking_frames) == (2, 1, 1, FRAMES)
    told = " ".join(report.told)
    assert "sequence2: person someone of the prediction is compared with person a" in told
    assert "1 true people have no prediction: sequence1, person b" in told
    assert "1 predicted people are nobody in the truth: sequence1, person c" in told
    with pytest.raises(HpsError, match="no person is in both: the predictions have sequence8"):
        score_people([walker(8), walker(9)], truths, scoring_protocol("smpl24"))
    with pytest.raises(HpsError, match="the truth name sequence1, person a twice"):
        score_people(estimates, [truths[0], truths[0]], scoring_protocol("smpl24"))


def test_millimetres_other_joints_and_lacking_models_are_said():
    truth, posed = walker(), _clip(walker())
    bare = {"betas": None, "global_orient": None, "body_pose": None, "transl": None, "body": "smpl"}
    with pytest.raises(HpsError, match="looks like millimetres"):
        score_people([walker(**bare, joints=1000 * posed.joints)], [truth], scoring_protocol("smpl24"))
    names = tuple(f"joint_{n}" for n in range(14))
    with pytest.raises(HpsError, match="14 joints are stored, without 'pelvis' and 23 more of SMPL's 24"):
        score_people(
            [walker(**bare, joints=posed.joints[:, :14], joint_names=names)], [truth], scoring_protocol("smpl24")
        )
    with pytest.raises(HpsError, match="no smpl model to pose the parameters with"):
        score_people([walker(body="smpl")], [truth], scoring_protocol("smpl24"))
    with pytest.raises(HpsError, match=r"pass --regressor J_regressor_h36m\.npy"):
        score_people([truth], [truth], scoring_protocol("3dpw14"))
    with pytest.raises(HpsError, match="no scoring protocol is called '3dpw'; there are 3dpw14, "):
        scoring_protocol("3dpw")
    opened = score_people([walker(body="smpl")], [truth], scoring_protocol("smpl24"), models=BodyModels(place="open"))
    assert "posed with the open body, whose shapes differ" in " ".join(opened.told)


def test_what_the_numbers_hang_on_is_told():
    other = replace(walker(), joints=_clip(walker(3)).joints)
    report = score_people([other], [walker(valid=np.ones(FRAMES, bool), fps=float("nan"))], scoring_protocol("smpl24"))
    assert "were made with another body model" in " ".join(report.told)
    assert [one.unmeasured for one in report.figures if one.unit == "m/s²"] == [
        "the frame rate is not known; pass --fps"
    ]
    far = score_people([walker(transl=1000 * walker().transl)], [walker()], scoring_protocol("smpl24"))
    assert "the prediction is 921 m from the truth; are translations metres?" in " ".join(far.told)
    gendered = score_people(
        [walker(gender="female")],
        [walker()],
        scoring_protocol("3dpw14"),
        regressors={"h36m17": np.eye(17, load_body_model().vertex_count)},
    )
    assert "3dpw14 compares neutral bodies: predictions such as sequence0, person 0 are female" in gendered.told


def test_human36m_s_second_protocol_is_of_the_frontal_camera():
    regressor = {"h36m17": np.eye(17, load_body_model().vertex_count)}
    images = tuple(f"S9_Walking.{FRONTAL if n < 3 else '54138969'}_{n:06d}.jpg" for n in range(FRAMES))
    one, two = (scoring_protocol(name) for name in ("h36m_p1", "h36m_p2"))
    truth = walker(images=images)
    assert score_people([walker()], [truth], one, regressors=regressor).counts.frames == FRAMES
    assert score_people([walker()], [truth], two, regressors=regressor).counts.frames == 3
    named = walker(sequence=f"S9_Walking.{FRONTAL}")
    assert score_people([walker()], [named], two, regressors=regressor).counts.frames == FRAMES
    with pytest.raises(HpsError, match="tell the camera"):
        score_people([walker()], [walker()], two, regressors=regressor)


def test_stored_joints_of_human36m_are_the_truth_that_joints_are_regressed_for():
    rng = np.random.default_rng(6)
    joints = rng.normal(0, 0.4, (FRAMES, 17, 3))
    bare = {"betas": None, "global_orient": None, "body_pose": None, "transl": None}
    names = tuple(f"h36m_{n}" for n in range(17))
    truth = walker(**bare, joints=joints, joint_names=names, sequence=FRONTAL)
    estimate = walker(**bare, joints=joints + [0.3, 0, 0], joint_names=names, sequence=FRONTAL)
    coco = replace(estimate, joint_names=("nose", *names[1:]))
    with pytest.raises(HpsError, match="17 joints are stored, without 'pelvis'"):
        score_people([coco], [truth], scoring_protocol("h36m_p2"))
    found = _values(score_people([estimate], [truth], scoring_protocol("h36m_p2")))
    assert found == pytest.approx({"MPJPE [3dpw14_h36m] mm": 0, "PA-MPJPE [3dpw14_pa] mm": 0}, abs=1e-9)


def test_gaps_are_not_bridged_but_where_the_paper_bridges_them():
    frames = np.array([0, 1, 2, 3, 14, 15, 16, 17])
    truth, estimate = walker(frames=8), walker(noise=0.01)
    report = score_people(
        [replace(estimate, frames=frames)], [replace(truth, frames=frames)], scoring_protocol("smpl24")
    )
    counts = {(one.measure, one.unit): one.interval.n for one in report.figures}
    assert counts["acceleration error", "mm/frame²"] == 4  # 2 of each stretch of 4
    assert counts["jitter", "10m/s³"] == 2
    bridged = score_people(
        [replace(estimate, frames=frames)], [replace(truth, frames=frames)], scoring_protocol("emdb_world")
    )
    figures = {one.measure: one.interval for one in bridged.figures}
    assert figures["jitter"].n == 5
    e, t = _clip(estimate).joints, _clip(truth).joints
    assert figures["W-MPJPE_100"].value == pytest.approx(w_mpjpe_mm(e, t).mean())  # one chunk of all frames that count
    assert figures["RTE"].value == pytest.approx(rte_percent(e[:, 0], t[:, 0]).mean())


def test_every_sixth_frame_has_a_sixth_of_the_rate():
    truth, estimate = walker(), walker(noise=0.01)
    kept = {"frames": 6 * EVERY}
    sixth, every = (
        {one.unit: one.interval.value for one in score_people([e], [t], scoring_protocol("smpl24")).figures}
        for e, t in (((replace(estimate, **kept)), replace(truth, **kept)), (estimate, truth))
    )
    assert sixth["mm/frame²"] == pytest.approx(every["mm/frame²"])
    assert sixth["m/s²"] == pytest.approx(every["m/s²"] / 36)
    assert sixth["10m/s³"] == pytest.approx(every["10m/s³"] / 216)


def test_a_regressor_is_a_matrix_of_17_joints(tmp_path):
    good = tmp_path / "J_regressor_h36m.npy"
    np.save(good, np.zeros((17, 6890), np.float32))
    assert read_regressor(good).shape == (17, 6890)
    wrong = (
        (np.zeros((24, 6890)), "24 joints"), (np.zeros(5), "not a matrix"), (np.full((17, 20), "a"), "finite numbers"),
        (np.full((17, 20), np.nan), "finite numbers"),
    )  # fmt: skip
    for matrix, match in wrong:
        np.save(tmp_path / "bad.npy", matrix)
        with pytest.raises(HpsError, match=match):
            read_regressor(tmp_path / "bad.npy")
    (tmp_path / "text.npy").write_text("no")
    with pytest.raises(HpsError, match=r"text\.npy is not a \.npy file"):
        read_regressor(tmp_path / "text.npy")


def test_every_protocol_names_what_it_measures():
    for name, one in SCORING_PROTOCOLS.items():
        assert name == one.name
        assert one.says
        assert one.source
        labels = [measure.label for measure in one.measures]
        assert len(set(labels)) == len(labels), name
        assert all(measure.says and measure.joints in PROTOCOLS for measure in one.measures)
