"""Review's tables, and the only SQL that touches them."""
