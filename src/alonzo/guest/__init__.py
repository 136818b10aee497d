"""The only code that enters a sandbox: launcher, zygote, init, bootstraps.

Standard library only, Python 3.9 syntax and up (it runs under every interpreter that functions may ask for), imports nothing of the
rest of Alonzo and is imported by nobody: the node copies it beside the runtime's packages and talks to it over sockets.
"""
