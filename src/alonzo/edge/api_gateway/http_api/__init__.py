"""HTTP APIs (version 2, protocol HTTP)."""
