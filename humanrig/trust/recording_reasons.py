"""What the recording and its cameras cost: frames that were lost, clocks that disagree, devices left out."""

from __future__ import annotations

from calibration.rig import device_of
from humanrig.trust import limits
from humanrig.trust.collecting import Reasons
from humanrig.trust.evidence import Evidence, number


def recording_reasons(evidence: Evidence, reasons: Reasons) -> None:
    """Adds what the stages `sync` and `calibrate` tell."""
    _streams(evidence, reasons)
    for one in evidence.entries("sync", "content"):
        lag, device = number(one.get("lag_us")), str(one.get("device", ""))
        if lag is not None and one.get("sure") is True:
            text = f"{device}: its pictures say that it is {lag / 1000:+.0f} ms off; try --option sync.by_content=true"
            reasons.add("sync", limits.CONTENT_US, abs(lag), text, device)
    devices = evidence.session.devices
    for stage in ("sync", "calibrate"):
        left_out = [name for name in evidence.words(stage, "left_out") if name in devices]
        if left_out:
            text = f"{', '.join(left_out)}: recorded, but no estimate uses it"
            reasons.add(stage, limits.LEFT_OUT, len(left_out) / max(len(devices), 1), text)


def _streams(evidence: Evidence, reasons: Reasons) -> None:
    """Each device's worst stream in frames lost, silence and distance in time."""
    lost: dict[str, tuple[float, float]] = {}
    silent: dict[str, float] = {}
    late: dict[str, float] = {}
    for stream in evidence.entries("sync", "streams"):
        device = device_of(str(stream.get("stream", "")))
        drops, frames = number(stream.get("drops")), number(stream.get("frames"))
        if drops is not None and frames is not None:
            share = drops / max(drops + frames, 1.0)
            lost[device] = max(lost.get(device, (0.0, 0.0)), (share, drops))
        stalls = stream.get("stalls")
        told = stalls if isinstance(stalls, list) else []
        seconds = [number(stall.get("seconds")) for stall in told if isinstance(stall, dict)]
        silent[device] = max(silent.get(device, 0.0), sum(s for s in seconds if s is not None))
        if (p95 := number(stream.get("residual_p95_us"))) is not None:
            late[device] = max(late.get(device, 0.0), p95)
    for device, (share, drops) in lost.items():
        text = f"{device} lost {drops:.0f} frames ({share:.0%}); look at its cable and the host's USB"
        reasons.add("sync", limits.DROPS, share, text, device)
    for device, seconds in silent.items():
        reasons.add("sync", limits.STALL_S, seconds, f"{device} was silent for {seconds:.1f} s", device)
    for device, us in late.items():
        text = f"{device}: its frames lie up to {us / 1000:.1f} ms from their instants; wire it to the others"
        reasons.add("sync", limits.RESIDUAL_US, us, text, device)
