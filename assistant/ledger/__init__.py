"""What was accepted, where it is now, and what still binds it."""
