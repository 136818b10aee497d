"""What can be wrong with a template."""


class TemplateError(ValueError):
    """The template cannot be read, or not be evaluated with what it was given."""


class TemplateTooExpensive(TemplateError):
    """It takes more steps, or makes more text, than any template may."""
