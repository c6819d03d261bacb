"""One module per invariant, or per two that read the same rows."""
