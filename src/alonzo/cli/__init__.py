"""The `alonzo` command. `up` starts a node; the other commands are clients of its API."""
