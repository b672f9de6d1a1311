"""A/B tests on recorded days."""
