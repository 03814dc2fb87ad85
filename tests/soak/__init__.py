"""A node that is killed under load for as long as one likes, held against the books of its clients."""
