"""Versions of the schema `retention`."""
