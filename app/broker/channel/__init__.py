"""One client's protocol: packets in, packets out, no socket.

`channel.py` holds the state, the way out and the dispatch table; the other files hold one packet family each.
"""

from app.broker.channel.channel import Channel, ClientCounters, Wire

__all__ = ["Channel", "ClientCounters", "Wire"]
