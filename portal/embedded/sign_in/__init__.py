"""Signing in without an identity provider: links and codes by email, and what every method has in common."""
