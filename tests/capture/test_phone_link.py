"""What the rig knows of one phone: which frames it takes, from where it has them sent again, when it lets go."""

import threading
import time
from dataclasses import replace

import pytest

from capture.iphone import phone_link
from capture.iphone.frame_message import PhoneFrame
from capture.iphone.phone_link import PhoneLink
from capture.iphone.protocol import Ack, Discard, Hello, PhoneStream, ProtocolError, Sending, Start, Stop, Stopped

HELLO = Hello(
    version=1, serial="P", run="first", streams=[PhoneStream(kind="color", rate_hz=60.0, width=64, height=48)]
)


class Sink:
    def __init__(self):
        self.numbers, self.takes = [], True

    def phone_frame(self, frame, host_us):
        if self.takes:
            self.numbers.append(frame.number)
        return self.takes

    def phone_exchange(self, exchange):
        pass


@pytest.fixture
def phone():
    """A link in the middle of a take with frames 0 to 4 taken, what it was told, and who takes its frames."""
    link, told, sink = PhoneLink(HELLO), [], Sink()
    link.connect(HELLO, told.append)
    link.begin(sink)
    begin(link, told)
    for number in range(5):
        give(link, told, number)
    return link, told, sink


def take(told):
    return next(m.take for m in reversed(told) if isinstance(m, Start | Stop))


def begin(link, told):
    link.sending(Sending(take=take(told), next=told[-1].next))


def give(link, told, number, timestamp_s=None):
    timestamp_s = 1 + number / 60 if timestamp_s is None else timestamp_s
    frame = PhoneFrame(take=take(told), number=number, timestamp_s=timestamp_s, color=b"x", depth=None, message=None)
    return link.receive(frame, 0)


def test_frames_that_were_under_way_leave_no_gap(phone):
    """A device that was lost and comes back on a standing connection: frames sent before its start do not count."""
    link, told, sink = phone
    sink.takes = False  # the device is lost
    assert give(link, told, 5) is None
    assert link.end(0.0, hold=True) is False
    sink.takes = True
    link.begin(sink)
    assert told[-1] == Start(take=take(told), next=5)
    assert give(link, told, 7) is None  # was in the cable
    begin(link, told)
    for number in (5, 6, 7):
        assert give(link, told, number) == Ack(take=take(told), next=number + 1)
    assert sink.numbers == list(range(8))


def test_a_new_connection_goes_on_where_the_old_one_broke(phone):
    link, told, sink = phone
    link.disconnect(told.append)
    again = []
    link.connect(HELLO, again.append)
    assert again == [Start(take=take(told), next=5)]
    begin(link, again)
    assert give(link, again, 4) == Ack(take=take(told), next=5)
    assert give(link, again, 5) == Ack(take=take(told), next=6)
    assert sink.numbers == list(range(6))
    assert link.status().duplicates == 1


def test_an_old_connection_that_ends_late_breaks_nothing(phone):
    link, told, _ = phone
    again = []
    link.connect(HELLO, again.append)
    link.disconnect(told.append)
    assert link.connected


def test_an_app_started_anew_leaves_a_gap(phone):
    link, _, sink = phone
    again = []
    time.sleep(0.1)
    link.connect(replace(HELLO, run="second"), again.append)
    first = again[0].next
    assert 5 + 1 + 3 <= first < 5 + 1 + 60  # 0.1 s of silence at 60 Hz is 6 frames
    begin(link, again)
    give(link, again, first, timestamp_s=0.5)  # its clock may have begun anew too
    assert sink.numbers[-1] == first


def test_a_take_that_ends_waits_for_the_rest(phone):
    link, told, sink = phone

    def finish():
        while not isinstance(told[-1], Stop):
            time.sleep(0.005)
        give(link, told, 5)
        link.stopped(Stopped(take=take(told), frames=8))

    thread = threading.Thread(target=finish)
    thread.start()
    assert link.end(3.0) is True
    thread.join()
    assert sink.numbers == list(range(6))
    assert link.short == 2  # 6 and 7 were numbered and never sent
    assert told[-1] == Discard()
    assert give(link, told, 6) == Discard()


def test_a_phone_that_does_not_finish_is_not_waited_for_for_ever(phone):
    link, told, _ = phone
    assert link.end(0.05) is False
    assert told[-1] == Discard()


def test_a_held_take_is_let_go_in_the_end(phone, monkeypatch):
    link, told, sink = phone
    monkeypatch.setattr(phone_link, "HOLD_S", 0.05)
    link.disconnect(told.append)
    assert link.end(5.0, hold=True) is False  # at once
    again = []
    link.connect(HELLO, again.append)
    assert again == []  # it may be taken up again
    time.sleep(0.06)
    link.tick()
    assert again == [Discard()]
    link.begin(sink)
    assert again[-1].next == 0
    assert again[-1].take != take(told)


def test_a_held_take_that_grew_old_is_not_taken_up_again(phone, monkeypatch):
    link, told, sink = phone
    monkeypatch.setattr(phone_link, "HOLD_S", 0.0)
    old = take(told)
    link.end(0.0, hold=True)
    time.sleep(0.01)
    link.begin(sink)  # before the server's next tick
    assert (take(told) != old, told[-1].next) == (True, 0)


def test_frames_of_a_take_that_was_stopped_over_a_broken_link_do_not_come_into_the_next(phone):
    link, told, _ = phone
    old = take(told)
    link.disconnect(told.append)
    assert link.end(0.05) is False
    after, again = Sink(), []
    link.begin(after)
    link.connect(HELLO, again.append)
    assert again[-1].take != old
    assert again[-1].next == 0
    begin(link, again)
    assert give(link, told, 5) is None  # of the old take
    assert give(link, again, 0) == Ack(take=take(again), next=1)
    assert after.numbers == [0]


def test_a_phone_that_comes_back_while_its_take_ends_sends_the_rest(phone):
    link, told, sink = phone
    link.disconnect(told.append)
    again = []

    def come_back():
        time.sleep(0.05)
        link.connect(HELLO, again.append)
        begin(link, again)
        give(link, again, 5)
        link.stopped(Stopped(take=take(again), frames=6))

    thread = threading.Thread(target=come_back)
    thread.start()
    assert link.end(3.0) is True
    thread.join()
    assert again[0] == Stop(take=take(told), next=5)
    assert sink.numbers == list(range(6))


def test_what_a_phone_says_of_itself_is_plain_text(phone):
    link, _, _ = phone
    link.report("too\x1b[2J hot,\n\u202ecool it ")
    assert link.problem == "too [2J hot, cool it"


@pytest.mark.parametrize(("number", "timestamp_s", "words"), [(5, 0.5, "after 1.0"), (200_000, 9.0, "one by one")])
def test_times_rise_and_numbers_do_not_leap(phone, number, timestamp_s, words):
    link, told, _ = phone
    with pytest.raises(ProtocolError, match=words):
        give(link, told, number, timestamp_s)


def test_a_phone_in_use_does_not_change_its_streams(phone):
    link, told, _ = phone
    link.owner = "iphone_000"
    other = replace(HELLO, streams=[PhoneStream(kind="color", rate_hz=60.0, width=48, height=64)])
    with pytest.raises(ProtocolError, match="changed its streams while iphone_000 uses it"):
        link.connect(other, told.append)
