"""Which Godwit this is. A leaf."""

VERSION = "0.1.0"
SYSDESCR = "Godwit Broker"
