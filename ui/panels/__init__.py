"""The docks of the window; each takes plain values and asks with signals."""
