"""Benchmarks against PyTorch: `python -m bench` (see `bench/__main__.py`), `bench/gil.py`, `bench/dispatch.py`."""
