"""Object stores behind one protocol; knows nothing of PostgreSQL."""
