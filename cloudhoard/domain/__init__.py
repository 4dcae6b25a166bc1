"""Values and decisions: no files, sockets, clocks or logging."""
