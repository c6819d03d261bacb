"""The three services: intake, retention and review."""
