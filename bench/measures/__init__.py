"""One module a subject; each yields `Figure`s as it gets them."""
