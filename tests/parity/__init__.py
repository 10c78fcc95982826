"""weft against PyTorch's own operator database; `python -m tests.parity --help`."""
