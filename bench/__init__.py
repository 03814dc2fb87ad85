"""How fast the broker is, beside Mosquitto on the same machine in the same minutes; `python -m bench`."""
