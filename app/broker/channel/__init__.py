"""One client's protocol: packets in, packets out, no socket.

`channel.py` holds the state and the way out, `dispatch.py` the table of who obeys what, the other files a packet family
each.
"""
