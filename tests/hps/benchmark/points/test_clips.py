"""Methods that want clips: what is a clip, and that each is asked for once and whole."""

from dataclasses import replace

import numpy as np
import pytest
from simple_clouds import Knowing, simple_samples

from hps.benchmark.points.runner.answering import answers
from hps.benchmark.points.runner.clips import MOST, clips_of, packs_of
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.held_out_cameras import HeldOutCameras
from hps.benchmark.points.runner.method_spec import MethodSpec
from hps.benchmark.points.runner.run import run_benchmark, whole_sequences
from hps.benchmark.points.runner.timing import BATCH, timings
from hps.benchmark.prediction import Prediction
from hps.datasets.reader import Entry
from hps.errors import HpsError


class OfClips:
    """Knows the truth, and remembers what it was asked: instants and first points of each clip"""

    def __init__(self, samples, interrupt_at=None):
        self._knowing, self._stop = Knowing(samples), interrupt_at
        self.clips = []

    def of_clip(self, clouds, time_s):
        if len(self.clips) == self._stop:
            raise KeyboardInterrupt
        self.clips.append(tuple(np.round(time_s, 9).tolist()))
        return self._knowing(clouds)


def entrant(method, label="clips", digest="1"):
    return Entrant(spec=MethodSpec(label=label, target="x:y"), method=method, digest=digest)


def interleaved(samples):
    """All first frames, then all second frames, …"""
    return sorted(samples, key=lambda sample: (sample.frame, sample.sequence))


def test_a_clip_ends_with_its_sequence_its_time_and_its_frame_of_reference():
    one = simple_samples(1, 4)[0]

    def at(time_s, sequence="a", frame=0, up=(0.0, -1.0, 0.0)):
        cloud = replace(one.cloud, up=None if up is None else np.array(up))
        return replace(one, sequence=sequence, frame=frame, time_s=time_s, cloud=cloud)

    tilted = (0.0, -np.cos(0.1), np.sin(0.1))
    samples = [
        at(0.3, frame=3), at(0.0, frame=0), at(0.1, "b"), at(0.1, frame=1),  # a: 0, 1, 3; b
        at(5.0, frame=50), at(5.1, frame=51, up=tilted), at(5.2, frame=52, up=tilted),
        at(np.nan, "c", 0), at(np.nan, "c", 1), at(0.0, ""), at(0.1, ""),
        at(0.5, "d", 0), at(0.5, "d", 1), at(0.6, "d", 2, up=None),
    ]  # fmt: skip
    found = [clip.tolist() for clip in clips_of(samples)]
    assert found == [[1, 3, 0], [4], [5, 6], [2], [7], [8], [9], [10], [11], [12], [13]]


def test_every_clip_is_asked_for_once_and_whole_whatever_the_order_and_the_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("hps.benchmark.points.runner.run.CHUNK", 3)
    samples = interleaved(simple_samples())
    method, knowing, done = OfClips(samples), Knowing(samples), []
    run = run_benchmark(
        samples, [entrant(method), entrant(knowing, "alone")], tmp_path, on_progress=lambda n, of: done.append((n, of))
    )
    assert method.clips == [(0.0, 0.1, 0.2, 0.3)] * 3
    assert knowing.calls == [3] * 4
    assert done[-1] == (24, 24)
    assert done == sorted(done)
    for table in run.tables:
        np.testing.assert_allclose(table.errors["mpjpe_abs"], 0, atol=1e-2)  # micrometres: posed in float32
    again = run_benchmark(samples, [entrant(method)], tmp_path)
    assert len(method.clips) == 3
    np.testing.assert_array_equal(again.tables[0].joints, run.tables[0].joints)
    for row in range(len(samples)):
        np.testing.assert_array_equal(again.answer(0, row).parameters.transl, samples[row].truth.transl)


def test_an_interrupted_run_asks_only_for_clips_that_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("hps.benchmark.points.runner.run.CHUNK", 3)
    samples = interleaved(simple_samples())
    knowing = Knowing(samples)
    run_benchmark(samples, [entrant(knowing, "alone")], tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(samples, [entrant(OfClips(samples, interrupt_at=2))], tmp_path)
    method = OfClips(samples)
    run = run_benchmark(samples, [entrant(method), entrant(knowing, "alone")], tmp_path)
    assert len(method.clips) == 1
    assert knowing.calls == [3] * 4  # what was kept of a method that sees clouds alone stays
    assert run.tables[0].answered.all()


def test_other_instants_ask_again(tmp_path):
    samples = simple_samples()
    method = OfClips(samples)
    answers(entrant(method), samples, tmp_path / "0.npz")
    later = [replace(sample, time_s=2 * sample.time_s) for sample in samples]
    answers(entrant(method), later, tmp_path / "0.npz")
    assert method.clips == [(0.0, 0.1, 0.2, 0.3)] * 3 + [(0.0, 0.2, 0.4, 0.6)] * 3


def test_a_clip_that_breaks_a_method_is_refused_and_others_are_not(tmp_path):
    samples = simple_samples()
    knowing = Knowing(samples)
    hard = samples[5].cloud.points[0].tobytes()

    class Breaks:
        def of_clip(self, clouds, time_s):
            if any(cloud.points[0].tobytes() == hard for cloud in clouds):
                raise ZeroDivisionError("no motion")
            return knowing(clouds)

    table = answers(entrant(Breaks()), samples, tmp_path / "0.npz")
    assert [n for n, words in enumerate(table.refused) if words] == [4, 5, 6, 7]
    assert table.refused[5] == "it broke on a clip of 4: ZeroDivisionError: no motion"

    class Broken:
        def of_clip(self, clouds, time_s):
            raise TypeError("no such argument")

    with pytest.raises(HpsError, match=r"breaks on every clip in the same way.*no such argument"):
        answers(entrant(Broken()), samples, tmp_path / "1.npz")

    class Miscounts:
        def of_clip(self, clouds, time_s):
            return [Prediction(refused="x")]

    with pytest.raises(HpsError, match=r"gave 1 answers \(Prediction\) to 4 clouds"):
        answers(entrant(Miscounts()), samples, tmp_path / "2.npz")


def entries(*lengths):
    return [
        Entry(key=f"{n}_{k}", subject="s", action="a", sequence=f"{n}", frame=k)
        for n, length in enumerate(lengths)
        for k in range(length)
    ]


def test_a_limit_takes_whole_sequences():
    named = entries(4, 4, 4, 4, 2)
    assert whole_sequences(named, None).tolist() == list(range(18))
    assert whole_sequences(named, 9).tolist() == [0, 1, 2, 3, 16, 17]  # the first and the last; three are too many
    assert whole_sequences(named, 11).tolist() == [0, 1, 2, 3, 8, 9, 10, 11, 16, 17]
    assert whole_sequences(named, 3).tolist() == [0, 1, 2]  # of one that is longer
    with pytest.raises(HpsError, match="limit of 0"):
        whole_sequences(named, 0)


def test_sequences_are_packed_whole_and_only_endless_ones_are_cut():
    packs = packs_of(entries(20, 20, 20, MOST + 10, 1), 32)
    assert [len(pack) for pack in packs] == [40, 20, MOST, 11]
    assert np.concatenate(packs).tolist() == list(range(60 + MOST + 11))


def test_kept_cameras_are_asked_for_in_clips_too(tmp_path):
    samples = simple_samples(2, 2, 900, 3)
    asked = []

    class Counts:
        def of_clip(self, clouds, time_s):
            asked.append([int(cloud.camera.max()) for cloud in clouds])
            return [Prediction(refused="no")] * len(clouds)

    held = HeldOutCameras([entrant(Counts())], tmp_path)
    held.offer(samples)
    held.finish()
    assert asked == [[1, 1], [1, 1]]


def test_a_clip_is_timed_alone_and_as_one_of_many():
    samples = simple_samples()
    method = OfClips(samples)
    (told,) = timings(entrant(method), [sample.cloud for sample in samples])
    assert {len(clip) for clip in method.clips} == {1, BATCH}
    assert told["batch_ms"] > 0
