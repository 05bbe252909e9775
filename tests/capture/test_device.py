"""The device interface: its life, its bounded queue, and its word on what went wrong."""

import threading
import time

import pytest

from capture import device as device_module
from capture.device import Device, DeviceDescription, DeviceError, DeviceLost, DeviceStateError, DeviceStream
from capture.device_frames import DeliveryQueue, EncodedFrame
from capture.session_info import DeviceInfo

STREAM = DeviceStream(name="cam/color", kind="color", encoding="jpeg", rate_hz=30.0, width=4, height=2)


class HandFed(Device):
    """A device whose frames the test puts in by hand."""

    refuses_to_start = False
    closed = 0

    def _open(self):
        return DeviceDescription(info=DeviceInfo(name=self.name, serial="7"), streams=(STREAM,))

    def _start(self):
        if self.refuses_to_start:
            raise DeviceError(f"{self.name}: no sync cable; plug it in")

    def _stop(self):
        pass

    def _close(self):
        self.closed += 1

    def feed(self, sequence, size=10):
        frame = EncodedFrame(stream="cam/color", sequence=sequence, device_us=sequence, host_us=0, data=bytes(size))
        return self._queue.put(frame)

    def lose(self, reason):
        self._queue.fail(reason)


def started(**options):
    device = HandFed("cam", **options)
    device.open()
    device.start()
    return device


def taken(device):
    frame = device.next_frame(0.0)
    assert frame is not None
    return frame


def test_life_and_order():
    device = HandFed("cam")
    assert device.open().info.serial == "7"
    device.start()
    for k in range(5):
        device.feed(k)
    device.stop()
    assert [frame.sequence for frame in device.frames()] == list(range(5))
    assert device.ended
    device.start()
    assert device.health().delivered == 0
    device.close()
    device.close()
    assert device.closed == 1


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ([], r"cam: start\(\) needs a device that is open, it is closed; call open\(\) first"),
        (["open", "start"], r"start\(\) needs a device that is open, it is running; call stop\(\) first"),
    ],
)
def test_start_out_of_order(calls, message):
    device = HandFed("cam")
    for call in calls:
        getattr(device, call)()
    with pytest.raises(DeviceStateError, match=message):
        device.start()


def test_frames_before_start_and_second_open():
    device = HandFed("cam")
    with pytest.raises(DeviceStateError, match=r"it is closed; call start\(\) first"):
        device.next_frame(0.0)
    device.open()
    with pytest.raises(DeviceStateError, match=r"open\(\) needs a device that is closed"):
        device.open()
    with pytest.raises(DeviceStateError, match=r"it is open; call start\(\) first"):
        next(device.frames())


def test_a_start_that_fails_can_be_tried_again():
    device = HandFed("cam")
    device.open()
    device.refuses_to_start = True
    with pytest.raises(DeviceError, match="no sync cable"):
        device.start()
    assert device.health().state == "open"
    assert device.ended
    device.refuses_to_start = False
    device.start()
    assert device.feed(0)


def test_every_loss_is_counted_and_the_queue_stays_small():
    device = started(queue_bytes=100)
    for k in [0, 1, 4, *range(5, 20)]:  # 2 and 3 never came
        device.feed(k)
    health = device.health()
    counts = health.streams["cam/color"]
    assert (counts.delivered, counts.missed, counts.overflowed) == (10, 2, 8)
    assert health.queued == 10
    assert health.dropped == 10
    assert [taken(device).sequence for _ in range(10)] == [0, 1, 4, *range(5, 12)]
    assert device.next_frame(0.0) is None


def test_a_frame_larger_than_the_queue_passes_when_it_is_empty():
    device = started(queue_bytes=100)
    assert device.feed(0, size=1000)
    assert not device.feed(1)
    assert len(taken(device).data) == 1000


def test_a_silent_device_is_stalled_and_comes_back(monkeypatch):
    monkeypatch.setattr(device_module, "STALL_AFTER_S", 0.05)
    device = started()
    assert not device.health().stalled
    assert device.health().last_frame_age_s is None
    time.sleep(0.1)
    health = device.health()
    assert health.stalled
    assert health.message.startswith("no frame for 0.")
    device.feed(0)
    assert not device.health().stalled
    assert device.health().message == ""
    device.stop()
    time.sleep(0.1)
    assert not device.health().stalled


def test_a_lost_device_gives_what_arrived_and_then_the_reason():
    device = started()
    device.feed(0)
    device.lose("unplugged from port 3")
    assert taken(device).sequence == 0
    with pytest.raises(DeviceLost, match="cam: unplugged from port 3"):
        device.next_frame(0.0)
    assert device.health().message == "unplugged from port 3"
    device.stop()
    device.start()
    assert device.feed(1)
    assert device.health().message == ""


def test_frames_end_when_another_thread_stops():
    device = started()
    device.feed(0)
    threading.Timer(0.05, device.stop).start()
    begun = time.monotonic()
    assert len(list(device.frames())) == 1
    assert time.monotonic() - begun < 1.0  # the end wakes it, it does not wait for the poll only


def test_a_source_that_may_wait_loses_nothing():
    queue = DeliveryQueue(capacity=50)
    queue.begin(["s"])

    def put():
        for k in range(200):
            queue.put(EncodedFrame(stream="s", sequence=k, device_us=k, host_us=k, data=bytes(20)), wait=True)
        queue.end()

    thread = threading.Thread(target=put)
    thread.start()
    taken = []
    while not queue.ended:
        frame = queue.take(1.0)
        if frame is not None:
            taken.append(frame.sequence)
    thread.join()
    assert taken == list(range(200))
    assert queue.figures()[0]["s"].dropped == 0


def test_a_stream_describes_itself_for_the_session():
    info = STREAM.recorded("recording/rig.mcap", 7)
    assert (info.topic, info.frames, info.device, info.rate_hz) == ("/cam/color", 7, "cam", 30.0)


def test_with_closes_after_an_error():
    device = started()
    with pytest.raises(DeviceStateError), device:
        device.open()
    assert device.health().state == "closed"
