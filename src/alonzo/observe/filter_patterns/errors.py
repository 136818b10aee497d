"""What can be wrong with a filter pattern."""


class FilterPatternInvalid(ValueError):
    """The message says what is wrong, for whoever wrote the pattern."""
