"""The demonstration: one story, from capture to certificate, told as it happens and checked as it is told."""
