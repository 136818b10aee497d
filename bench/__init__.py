"""`make bench`: measures what SPECIFICATION.md promises in numbers, each figure beside the raw limit of this machine."""
