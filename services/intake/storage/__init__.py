"""Intake's tables and the only SQL that touches them, set by set."""
