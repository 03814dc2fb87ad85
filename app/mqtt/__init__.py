"""MQTT 3.1, 3.1.1 and 5.0 as a pure codec: bytes to packets and packets to bytes.

No I/O, no clock, no logging, nothing of the broker. `frames` reads a stream, `packets` holds one
class per packet, and the tables `properties` and `reason_codes` say what MQTT 5 allows where.
"""
