"""Traces as X-Ray has them: segments that come in, and what is asked of them."""
