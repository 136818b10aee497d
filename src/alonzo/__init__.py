"""Alonzo runs AWS Lambda functions anywhere: AWS's own API, real isolated execution environments, no Docker."""

__version__ = "0.1.0"
