"""Methods by name."""

import pytest

from hps.errors import HpsError
from hps.points.baselines.shipped import SHIPPED

OF_THE_ISSUE = {
    "mean_pose", "icp", "direct", "voting", "landmarks", "landmarks_fit", "estimator", "oracle", "keypoint_free",
}  # fmt: skip


def test_every_baseline_has_a_name():
    assert set(SHIPPED) >= OF_THE_ISSUE


@pytest.mark.parametrize("name", ["mean_pose", "icp", "icp_articulated", "oracle", "keypoint_free"])
def test_methods_without_a_network_are_made_and_take_no_choice(name):
    assert callable(SHIPPED[name](""))
    with pytest.raises(HpsError, match=f"'{name}' has no choices"):
        SHIPPED[name]("S")


@pytest.mark.parametrize("name", ["direct", "voting", "landmarks", "landmarks_fit", "estimator", "estimator_clip"])
def test_networks_want_weights_that_are_there(name, tmp_path):
    with pytest.raises(HpsError, match="weights"):
        SHIPPED[name](str(tmp_path / "none.safetensors"))
