"""Models from a hub: which there are, under which licence, and how they come onto this machine."""
