"""The independent verifier: measures every invariant from raw tables and topics, and imports no service."""
