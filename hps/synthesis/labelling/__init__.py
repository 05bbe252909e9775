"""Ground truth of pictures and clouds: body parameters, keypoints, masks, parts, depth and normals."""
