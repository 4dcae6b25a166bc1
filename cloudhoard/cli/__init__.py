"""What all commands have in common: arguments, wiring, running, output."""
