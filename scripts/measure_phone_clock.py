"""Error of a phone's clock against the host's, measured on simulated exchanges: offset and skew by length and link.

python scripts/measure_phone_clock.py [--seeds 200]
"""

from __future__ import annotations

import argparse

import numpy as np

from capture.iphone.clock_sync import fit_clock, window_minima
from capture.iphone.simulated_wifi import PhoneClock, WifiDelays, simulated_exchanges

LINKS = {
    "asymmetric jitter": WifiDelays(),
    "cable": WifiDelays(up_ms=0.3, down_ms=0.3, up_jitter_ms=0.1, down_jitter_ms=0.1, spike_rate=0.0),
    "busy (jitter x 3)": WifiDelays(up_jitter_ms=18.0, down_jitter_ms=9.0),
    "power save naps 90 %": WifiDelays(nap_rate=0.9),
    "1 ms lasting asymmetry": WifiDelays(up_ms=3.0, down_ms=2.0),
}
SECONDS = (2.5, 10.0, 60.0, 300.0)


def errors(delays: WifiDelays, seconds: float, seeds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Largest offset error over the measurement (ms), skew error (ppm), raw offset error of single pings (ms rms)."""
    offsets, skews, raw = [], [], []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 7])
        clock = PhoneClock(
            offset_us=float(rng.uniform(-1e10, 1e10)), skew_ppm=float(20 * rng.standard_normal()), origin_us=5e9
        )
        measured = simulated_exchanges(rng, clock, delays, seconds=seconds)
        fit = fit_clock(window_minima(measured))
        ends = (measured[0].phone_us, measured[-1].phone_us)
        offsets.append(max(abs(t + fit.offset_at(t) - clock.host_us(t)) for t in ends) / 1000)
        skews.append(abs(fit.skew_ppm - clock.skew_ppm))
        raw.append(np.sqrt(np.mean([(e.host_us - clock.host_us(e.phone_us)) ** 2 for e in measured])) / 1000)
    return np.array(offsets), np.array(skews), np.array(raw)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    print(f"{seeds} seeds, skew sigma 20 ppm, a ping every 50 ms; medians / 95 % / largest")
    print(f"{'link':<24}{'seconds':>8}{'single ping rms':>17}{'offset error ms':>28}{'skew error ppm':>28}")
    for name, delays in LINKS.items():
        for seconds in SECONDS:
            offset, skew, raw = errors(delays, seconds, seeds)
            spread = [f"{np.median(v):.3f} / {np.percentile(v, 95):.3f} / {v.max():.3f}" for v in (offset, skew)]
            print(f"{name:<24}{seconds:>8.1f}{np.median(raw):>17.2f}{spread[0]:>28}{spread[1]:>28}")


if __name__ == "__main__":
    main()
