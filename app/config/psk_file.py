"""Parameters of emqx_psk_file. Source: EMQX 4.4 `emqx_psk_file.conf`."""

from __future__ import annotations

from app.config.kinds import any_text, word
from app.config.table import Setting

PSK_FILE_PATH = Setting(
    "psk.file.path",
    any_text,
    "",
    "File with a line `IDENTITY:KEY` for each client; empty is `psk.txt` in the instance folder. The key is the text "
    "as it stands there.",
)
PSK_FILE_DELIMITER = Setting(
    "psk.file.delimiter", word, ":", "What stands between identity and key in each line."
)

PSK_FILE_ROWS = (PSK_FILE_PATH, PSK_FILE_DELIMITER)
