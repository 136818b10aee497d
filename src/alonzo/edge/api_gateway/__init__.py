"""API Gateway's data plane: requests to APIs whose configuration API Gateway holds, in the companion or wherever it is."""
