"""People followed through pictures by where they are."""

import numpy as np

from humanrig.estimating.rgb.following import follow
from registration.keypoints.detections import StreamDetections

RNG = np.random.default_rng(5)
SHAPE = RNG.uniform(-1, 1, (33, 2)) * (30, 80)


def detections(
    places: list[list[tuple[float, float, float]]], crops: list[list[int]] | None = None
) -> StreamDetections:
    """places[t]: (x, y, size) of everybody in picture t, in any order; crops: numbers of the crops of each."""
    T, P = len(places), max(len(some) for some in places)
    q = np.full((T, P, 33, 2), np.nan, np.float32)
    size = np.full((T, P), np.nan, np.float32)
    A = np.zeros((T, P, 2, 3))
    for t, some in enumerate(places):
        for p, (x, y, s) in enumerate(some):
            q[t, p] = s * SHAPE + (x, y) + RNG.normal(scale=1.0, size=(33, 2))
            size[t, p] = s
            A[t, p, 0, 2] = 1 + p if crops is None else crops[t][p]
    return StreamDetections(
        stream="s",
        indices=np.arange(T),
        q=q,
        visibility=np.ones((T, P, 33), np.float32),
        score=np.ones((T, P), np.float32),
        pixel_size=size,
        track=np.full((T, P), -1, np.int64),
        mask_bytes=np.zeros(0, np.uint8),
        mask_start=np.zeros((T, P + 1), np.int64),
        A_image_crop=A,
    )


def test_people_keep_their_names_whatever_order_they_are_found_in() -> None:
    places = []
    for t in range(20):
        both = [(100.0 + 8 * t, 100.0, 1.0), (400.0 - 8 * t, 130.0, 1.5)]
        places.append(both if RNG.uniform() < 0.5 else both[::-1])
    people, brief = follow(detections(places), np.arange(20) / 30)
    assert (len(people), brief) == (2, 0)
    for one, size in zip(people, (1.5, 1.0)):  # the larger first
        assert len(one.rows) == 20
        assert all(places[row][slot][2] == size for row, slot in zip(one.rows, one.slots))
    assert [len(one.rows) for one in follow(detections(places), np.arange(20) / 30, 1)[0]] == [20]


def test_somebody_who_was_hidden_comes_back_and_a_flicker_is_nobody() -> None:
    places = [[(100.0 + 2 * t, 100.0, 1.0)] if not 8 <= t < 14 else [] for t in range(24)]
    places[3].append((500.0, 100.0, 1.0))
    places[20].append((700.0, 300.0, 1.0))
    people, brief = follow(detections(places), np.arange(24) / 30)
    assert len(people) == 1
    assert brief == 2
    assert people[0].rows.tolist() == [t for t in range(24) if not 8 <= t < 14]


def test_who_is_gone_for_long_is_somebody_new() -> None:
    places = [[(100.0, 100.0, 1.0)] if t < 10 or t >= 50 else [] for t in range(60)]
    people, _ = follow(detections(places), np.arange(60) / 30)
    assert sorted(one.rows.tolist()[0] for one in people) == [0, 50]


def test_two_readings_of_one_crop_are_one_person_the_nearer_to_the_picture_before() -> None:
    rng = np.random.default_rng(0)
    places, crops, right = [], [], []
    for t in range(12):
        reading = [(100.0 + 2 * t, 100.0, 1.0), (118.0 + 2 * t, 112.0, 1.0)]
        first = int(rng.integers(2)) if t else 0
        places.append([reading[first], reading[1 - first]])
        right.append(0 if first == 0 else 1)
        crops.append([7, 7])
    people, brief = follow(detections(places, crops), np.arange(12) / 30)
    assert (len(people), brief) == (1, 0)
    assert people[0].slots.tolist() == right


def test_in_a_single_picture_everybody_counts() -> None:
    people, brief = follow(detections([[(100.0, 100.0, 1.0), (300.0, 100.0, 2.0), (600.0, 100.0, 0.5)]]), np.zeros(1))
    assert [one.slots.tolist() for one in people] == [[1], [0], [2]]
    assert brief == 0
