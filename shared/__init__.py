"""What all three services need and none would want different."""
