"""The command `bprop`."""
