"""How the keypoint detector errs: measured on pictures with a known truth, and drawn for simulated people."""
