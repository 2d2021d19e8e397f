"""Measurements, run by hand or by make; nothing here is a test."""
