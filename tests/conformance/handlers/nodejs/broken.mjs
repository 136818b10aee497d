throw new RangeError("no weather at all");
