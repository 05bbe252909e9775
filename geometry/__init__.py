"""Transforms, cameras, depth images, meshes, point clouds, rays and rasterising: the ground floor."""
