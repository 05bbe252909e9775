"""The benchmark of lifting: bodies from the keypoints of one picture, of people and motions that nobody trained on."""
