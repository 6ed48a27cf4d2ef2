"""Code completion from local models, every suggestion traced before it is shown."""
