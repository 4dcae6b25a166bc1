"""Bytes to bytes: compression and authenticated encryption as streaming stages."""
