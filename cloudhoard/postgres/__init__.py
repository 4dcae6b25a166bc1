"""What talks to, or walks, a PostgreSQL cluster."""
