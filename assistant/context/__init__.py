"""What of a workspace a prompt shows beside the document itself, and what may never stand in one."""
