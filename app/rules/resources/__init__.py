"""Resources: what actions talk to."""
