"""What docker-compose.yml needs beside the services: its secrets, its one-shot job, its health checks, its packages."""
