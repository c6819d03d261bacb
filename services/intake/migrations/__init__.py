"""Versions of intake's schema."""
