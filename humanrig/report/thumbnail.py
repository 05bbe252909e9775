"""A small picture of a session: one camera in the middle of the take, the bodies over it where there are any."""

from __future__ import annotations

import cv2
import numpy as np

from capture.session import Session
from humanrig.expected_errors import expected_errors
from humanrig.report.inline import data_address, jpeg
from humanrig.report.misread import MISREAD
from humanrig.report.people import shown_people
from humanrig.report.pictures import Picture, overlay, placed_color
from humanrig.report.worst import worst_instants

HEIGHT = 150


def thumbnail(session: Session) -> str:
    """The picture's address; empty of a session that has none to show: no colour, or nothing that can be read."""
    for draw in (_with_bodies, _plain):
        try:
            picture = draw(session)
        except (*expected_errors(), *MISREAD):
            continue  # the next has less to show; the verdict says what is damaged
        if picture is not None:
            return data_address(jpeg(picture, 70))
    return ""


def _with_bodies(session: Session) -> Picture | None:
    """The worst instant, so that a bad fit shows."""
    everybody, streams = shown_people(session), placed_color(session)
    worst = worst_instants(everybody, 1)
    if not worst or not streams:
        return None
    large = overlay(session, everybody, worst[0].instant, streams[0], 3 * HEIGHT)
    return np.asarray(cv2.resize(large, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA), np.uint8)


def _plain(session: Session) -> Picture | None:
    for stream in session.of_kind("color"):
        if frames := session.streams[stream].frames:
            image = session.frame(stream, frames // 2).payload
            width = max(1, round(image.shape[1] * HEIGHT / image.shape[0]))
            return np.asarray(cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    return None
