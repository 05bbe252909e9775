"""Bodies from keypoints of one picture and what a lifter says of them: perspective SMPLify by Gauss-Newton."""
