"""The dashboard: pages for a browser, over the same services as the APIs.

Knows Flask, HTML and words; decides nothing and sees neither tables nor live channels. A page is one file in `views`
with its templates and its Chinese texts beside it; `docs/design/dashboard.md` tells how to add one.
"""

from app.dashboard.registration import register_dashboard

__all__ = ["register_dashboard"]
