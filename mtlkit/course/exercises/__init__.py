"""The exercises' judges, one module a chapter; see `checks`."""
