"""Malformed calls of every operator: they raise, and nothing else happens."""
