"""Application Load Balancers whose targets are functions."""
