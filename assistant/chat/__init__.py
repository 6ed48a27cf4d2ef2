"""Explaining, documenting and mending code with models that were tuned to follow instructions."""
