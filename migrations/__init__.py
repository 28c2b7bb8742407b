"""How the schema grew, one revision a file; run by `core.storage.migration` over its own connection."""
