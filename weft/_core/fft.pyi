# Generated from the operator table by `python -m gen --docs`. Do not edit.
