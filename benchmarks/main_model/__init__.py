"""Accuracy of the main models on real and synthetic vehicles, and what they name of vehicles that they cannot know."""
