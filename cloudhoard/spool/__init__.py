"""Files on this machine that outlive one run."""
