"""Godwit: an MQTT platform."""
