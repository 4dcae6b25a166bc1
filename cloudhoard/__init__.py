"""CloudHoard: base backups and WAL of PostgreSQL clusters in an object store."""

__version__ = "0.1.0"
