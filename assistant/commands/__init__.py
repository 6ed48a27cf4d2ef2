"""The assistant's commands, each imported only when it is called."""
