"""Importing this module makes `torch` mean weft: for the fork server, which is told only names of modules."""

from weft._alias import install

install()
