"""What authentication by other people's servers has in common: placeholders, password hashes, counters.

It works on the broker's loop. It knows neither plugins nor the database of the node nor the web.
"""
