"""The functions of ``weft.nn.functional``, one file for each family."""
