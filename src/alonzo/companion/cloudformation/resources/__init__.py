"""Providers: each makes, changes and deletes resources of some types through the API of their service."""
