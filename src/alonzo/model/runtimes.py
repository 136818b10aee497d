"""The runtimes that AWS's messages name.

Source: answers of the Lambda API recorded by the LocalStack project (Apache-2.0).
"""

RUNTIMES_LISTED = (
    *("nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25", "python3.10"),
    *("python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17", "nodejs16.x", "dotnet10", "dotnet8"),
    *("java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2"),
)
"""In the order in which messages on functions and on layers name them."""
