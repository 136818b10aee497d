"""The Lambda API: operations by name, from botocore's parameters to the domain and back."""
