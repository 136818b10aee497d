"""Calls to other AWS services, wherever they are: Alonzo as a client."""
