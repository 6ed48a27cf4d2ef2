"""Where tokens come from: one protocol, and a module for each way to run a model."""
