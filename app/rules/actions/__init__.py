"""Actions: what becomes of a rule's results."""
