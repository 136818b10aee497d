"""The language of CloudWatch Logs' filter patterns, which chooses log events: terms, JSON, columns.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html and its pages on unstructured, JSON and
space-delimited log events.
"""
