"""The local stack: a real Kafka, a real PostgreSQL and our six processes, on this machine only."""
