"""REST APIs (version 1)."""
