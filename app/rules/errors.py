"""What goes wrong around rules: with what is asked for, with an action, with what an action talks to."""

from __future__ import annotations


class BadArguments(Exception):
    """A rule or a resource that cannot be; the text is what EMQX puts behind `Bad Arguments: `."""


class ActionFailed(Exception):
    """An action did not do its work and will not do it if it is tried again."""


class TryAgain(ActionFailed):
    """An action did not do its work this time; its target may come round."""


class ResourceDown(Exception):
    """What a resource stands for cannot be reached; one sentence that says why."""
