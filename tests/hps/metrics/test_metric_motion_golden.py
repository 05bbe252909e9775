"""World motion, foot sliding and EMDB's vertices: what public implementations print for the same inputs."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden_motion import golden_motion

from hps.errors import HpsError
from hps.metrics import acceleration_error_mm, jitter_10m_s3
from hps.metrics.acceleration import EMDB_IGNORED
from hps.metrics.alignment import rooted
from hps.metrics.foot_sliding import foot_contact, foot_sliding_mm
from hps.metrics.positions import mpjpe_mm, pa_mpjpe_mm, pa_pve_by_joints_mm, pve_mm
from hps.metrics.world_motion import rte_percent, w_mpjpe_mm, wa_mpjpe_mm

WANTED = json.loads((Path(__file__).parent / "golden_motion_values.json").read_text())["values"]
INPUTS = golden_motion()
HIPS = (1, 2)


def _same(ours, name: str, scale: float = 1.0) -> None:
    # the bar that was set; float64 on both sides leaves about 1e-12
    assert scale * np.asarray(ours) == pytest.approx(np.asarray(WANTED[name]), rel=0, abs=1e-9), name


def test_every_golden_motion_is_used():
    text = Path(__file__).read_text()
    assert not [name for name in WANTED if f'"{name}"' not in text]


def test_world_motion_is_that_of_wham_and_gvhmr():
    e, t = INPUTS.estimate, INPUTS.truth
    w, wa = w_mpjpe_mm(e, t), wa_mpjpe_mm(e, t)
    _same(w.mean(), "wham.w_mpjpe mm")
    _same(wa.mean(), "wham.wa_mpjpe mm")
    _same(w[[0, 1, 2, 99, 100, 150, 229]], "wham.w_mpjpe of some frames mm")
    _same(w.mean(), "gvhmr.wa2_mpjpe")
    _same(wa.mean(), "gvhmr.waa_mpjpe")
    _same(rte_percent(e[:, 0], t[:, 0]).mean(), "wham.rte percent")
    _same(rte_percent(e[:, 0], t[:, 0]).mean(), "gvhmr.rte")
    _same(jitter_10m_s3(e, 30.0).mean(), "gvhmr.jitter")
    _same(jitter_10m_s3(e, 30.0, EMDB_IGNORED).mean(), "emdb.jitter")


def test_foot_sliding_is_that_of_wham_and_gvhmr():
    slides = foot_sliding_mm(INPUTS.feet, INPUTS.true_feet)
    _same(slides.mean(), "wham.foot_sliding mm")
    _same(slides.mean(), "gvhmr.fs")
    _same(slides[:5], "wham.foot_sliding first mm")
    assert len(slides) == WANTED["wham.foot contacts"] == foot_contact(INPUTS.true_feet).sum()


def test_camera_errors_are_those_of_gvhmr_and_emdb():
    e, t, v, tv = INPUTS.estimate, INPUTS.truth, INPUTS.vertices, INPUTS.true_vertices
    a, b = rooted(e, HIPS, e), rooted(t, HIPS, t)
    pve = pve_mm(rooted(v, HIPS, e), rooted(tv, HIPS, t)).mean()
    for code, pa in (("gvhmr.cam pa_mpjpe", "gvhmr.cam mpjpe"), ("emdb.mpjpe_pa", "emdb.mpjpe")):
        _same(pa_mpjpe_mm(e, t).mean(), code)
        _same(mpjpe_mm(a, b).mean(), pa)
    _same(pve, "gvhmr.cam pve")
    _same(pve, "emdb.mve")
    _same(pa_pve_by_joints_mm(v, tv, e, t).mean(), "emdb.mve_pa")
    _same(acceleration_error_mm(a, b, 30.0).mean() / 1000, "gvhmr.cam accel")  # m/s², no value dropped


def test_world_errors_ignore_what_they_align():
    t = INPUTS.truth
    turned = 2.0 * t @ np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]) + [3.0, -1, 2]
    assert w_mpjpe_mm(turned, t) == pytest.approx(0, abs=1e-9)
    assert wa_mpjpe_mm(turned, t) == pytest.approx(0, abs=1e-9)
    assert rte_percent(turned[:, 0] / 2.0, t[:, 0]) == pytest.approx(0, abs=1e-9)
    assert rte_percent(turned[:, 0], t[:, 0]).mean() > 1  # it is rigid: size counts
    drifting = t + 0.01 * np.arange(len(t))[:, None, None] * [1.0, 0, 0]
    assert w_mpjpe_mm(drifting, t)[99] > 10 * w_mpjpe_mm(drifting, t)[1]  # grows from the two frames that are aligned
    assert w_mpjpe_mm(drifting, t).mean() > wa_mpjpe_mm(drifting, t).mean()


def test_what_world_motion_cannot_measure_is_said():
    still = np.zeros((5, 3))
    with pytest.raises(HpsError, match="does not move in 5 frames"):
        rte_percent(still, still)
    with pytest.raises(HpsError, match="at least 2 frames, there are 1"):
        foot_sliding_mm(np.zeros((1, 4, 3)), np.zeros((1, 4, 3)))
    far = np.cumsum(np.full((4, 4, 3), 0.1), 0)
    assert len(foot_sliding_mm(far, far)) == 0
