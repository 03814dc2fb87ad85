"""What rules keep on disk: results that wait for their targets, and those that were given up."""
