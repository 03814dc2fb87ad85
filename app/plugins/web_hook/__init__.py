"""`emqx_web_hook`: events of clients, sessions and messages told to a web server, and what rules need of one."""

from app.plugins.web_hook.plugin import WebHookPlugin

__all__ = ["WebHookPlugin"]
