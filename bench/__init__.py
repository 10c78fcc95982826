"""Benchmarks against PyTorch: `python -m bench` (see `bench/__main__.py`), `bench/threads.py`, `bench/dispatch.py`."""
