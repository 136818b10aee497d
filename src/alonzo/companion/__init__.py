"""The AWS services beside Lambda, in a process of their own: moto behind a WSGI server.

The node starts it as `python -m alonzo.companion` when the first request comes (`node/companion.py`) and hands it a listening socket. It
imports nothing of the node, and the node nothing of it: they speak HTTP with each other, in both directions.
"""
