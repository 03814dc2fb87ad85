"""The broker's core: sockets, channels, sessions and routes of MQTT.

It runs on one event loop and knows `app.mqtt` and the leaves (config, clock, ids); it must not know Flask, SQL,
or anything of the request world.
"""
