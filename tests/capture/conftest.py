"""Small videos whose frames say their own number."""

from fractions import Fraction

import av
import numpy as np
import pytest

WIDTH, HEIGHT = 64, 48


def numbered_frame(index, width=WIDTH, height=HEIGHT):
    """A picture that carries its index: eight blocks, black or white, are its bits; the left part is red."""
    image = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        image[height // 2 :, bit * width // 8 : (bit + 1) * width // 8] = 255 * (index >> bit & 1)
    image[: height // 2, : width // 4, 0] = 255
    return image


def read_number(image):
    """The index in a picture, decoded with losses."""
    height, width = image.shape[:2]
    blocks = [image[height * 3 // 4, int((bit + 0.5) * width / 8)].mean() > 127 for bit in range(8)]
    return sum(1 << bit for bit, on in enumerate(blocks) if on)


def write_video(path, frames=30, codec="libx264", rate=30, size=(WIDTH, HEIGHT), gop=12, options=None):
    """Writes numbered frames; `gop` is the distance of keyframes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        stream.time_base = Fraction(1, rate)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered_frame(index, *size), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def video():
    """The functions above."""

    class Video:
        write = staticmethod(write_video)
        number = staticmethod(read_number)
        picture = staticmethod(numbered_frame)

    return Video
