"""The application as a server loads it, with its node started; `flask godwit …` and its like get it without.

A start that fails ends the process with one sentence; the status tells gunicorn not to try again.
"""

from __future__ import annotations

import os
import sys

from app import create_app
from app.config import SettingsError, load_settings
from app.models import DatabaseError
from app.secret_box import SecretBoxError
from app.service_manager import sockets_of_master
from app.serving import BodiesWithoutPauses, ServedByItsOwnProcess, is_serving
from app.startup import StartError, refuse

try:
    app = create_app(load_settings(os.environ))
    if is_serving(sys.argv, os.environ):
        app.extensions["godwit"].start(sockets_of_master(os.environ, os.getppid()))
except (SettingsError, StartError, DatabaseError, SecretBoxError) as error:
    refuse(error)

app.wsgi_app = ServedByItsOwnProcess(BodiesWithoutPauses(app.wsgi_app))  # type: ignore[method-assign]
