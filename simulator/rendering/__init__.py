"""Geometry to pixels: meshes, light, shadows, sensor."""
