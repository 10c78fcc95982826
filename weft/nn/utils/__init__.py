"""Utilities for gradients and parameters."""
