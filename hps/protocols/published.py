"""What the code of four point-cloud papers measures: to compare with their tables, never to judge a method by.

Read in the code itself, at the commits that docs/point_metrics.md names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hps.protocols.protocol import Protocol

_ALL: Final = tuple(range(24))
LIDAR_HMR15: Final = (0, 1, 2, 4, 5, 7, 8, 12, 15, 16, 17, 18, 19, 20, 21)
"""SMPL joints of LiDAR-HMR and of DAPT's subset."""

_LIVEHPS = Protocol(
    name="livehps_pose",
    joints=_ALL,
    root=(0,),
    given=("betas",),
    says="24 joints relative to the pelvis, the true shape given: the first column, named after pose alone",
    source="4DVLab/LiveHPS, test.py",
)
_DAPT = Protocol(
    name="dapt24",
    joints=_ALL,
    says="24 joints in the frame of the centred cloud, which is the sensor's moved: no root is subtracted",
    source="AnxQ/dapt, utils/metrics.py, configs/base_smpl.py",
)

PUBLISHED: Final = (
    _LIVEHPS,
    replace(
        _LIVEHPS,
        name="livehps_shape",
        given=(),
        says="24 joints relative to the pelvis (the columns with -s): equal to smpl24_root",
    ),
    replace(
        _LIVEHPS,
        name="livehps_global",
        given=(),
        flipped_translation=True,
        says="24 joints with the pelvis's error added once with the wrong sign (the columns with -ts)",
    ),
    Protocol(
        name="votehmr",
        joints=_ALL,
        given=("transl",),
        validity="over_18_parts",
        says="24 joints of the estimate moved by the true SMPL translation, of clouds that show more than 18 parts",
        source="hanabi7/VoteHMR, src/models/human_point_cloud.py, src/utils/evaluator.py",
    ),
    Protocol(
        name="lidar_hmr",
        joints=LIDAR_HMR15,
        unit="cm",
        regressed_estimate=True,
        says="15 joints regressed from the estimated mesh against SMPL's posed ones, in the frame of the centred cloud",
        source="soullessrobot/LiDAR-HMR, scripts/lidar_hmr/test_lidarhmr.py",
    ),
    Protocol(
        name="lidar_hmr_lidarh26m",
        joints=LIDAR_HMR15,
        root=(0,),
        unit="cm",
        regressed_estimate=True,
        says="the same relative to each side's pelvis: LiDAR-HMR on LiDARHuman26M only",
        source="soullessrobot/LiDAR-HMR, scripts/lidar_hmr/test_lidarhmr.py",
    ),
    _DAPT,
    replace(_DAPT, name="dapt24_pa", alignment="similarity", says="24 joints after the best turn, shift and size"),
    replace(
        _DAPT,
        name="dapt15",
        joints=LIDAR_HMR15,
        says="15 joints in the frame of the centred cloud",
        source="AnxQ/dapt, utils/metrics.py, configs/base_smpl_subset.py",
    ),
    replace(
        _DAPT,
        name="dapt15_pa",
        joints=LIDAR_HMR15,
        alignment="similarity",
        says="15 joints after the best turn, shift and size",
        source="AnxQ/dapt, utils/metrics.py, configs/base_smpl_subset.py",
    ),
)
