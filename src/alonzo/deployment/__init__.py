"""Deploying from a directory or a template, over AWS's API: a client of any server, with nothing of a node in it."""
