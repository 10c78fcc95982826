"""The generator: a module per artefact. It reads records and names no operator."""
