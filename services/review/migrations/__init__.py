"""Versions of review's schema."""
