"""The window: a view of the core, which it knows only through the bridge and the domain's frozen values."""
