"""Other servers that run Lambda functions, or something like them, on one's own machine: measured beside Alonzo, in the same run."""
