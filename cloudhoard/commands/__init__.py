"""The entry points, one module for each command."""
