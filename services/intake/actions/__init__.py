"""What intake does. An action runs in its caller's transaction and never commits."""
