"""The tables of the schema `retention`, and the only SQL that touches them, set by set."""
