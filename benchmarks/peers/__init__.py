"""Peers: small, honest programs that do the same work for the same durability."""
