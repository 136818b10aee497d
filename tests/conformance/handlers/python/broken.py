raise RuntimeError("no weather at all")
