"""Bodies from 2D keypoints of one camera: what works on real photographs, because a detector has crossed the gap."""
