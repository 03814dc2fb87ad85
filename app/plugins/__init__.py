"""Plugins and modules under EMQX's names: what they are, which there are, and the small ones themselves.

They work on the broker's loop and join it by hooks; nothing in `app.broker` knows them. They know neither the database
nor the web: what they need of it is handed to them by the composition root as plain functions.
"""

from app.plugins.base import Context, ExtensionError, Module, Plugin, PluginEndpoint

__all__ = ["Context", "ExtensionError", "Module", "Plugin", "PluginEndpoint"]
