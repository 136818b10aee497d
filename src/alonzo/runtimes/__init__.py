"""The catalog of Lambda's runtimes and the interpreters of this machine that can run them."""
