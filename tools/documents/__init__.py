"""The public contract as documents, written from the code's own models and checked against the last released copy."""
