"""Until when certificates hold."""

from __future__ import annotations

import time
from types import SimpleNamespace

from app.services.certificates import CertificatesService
from tests.harness.certificates import DAY, Authority


def listener(name, certfile):
    tls = SimpleNamespace(certfile=str(certfile)) if certfile else None
    return SimpleNamespace(identifier=f"mqtt:ssl:{name}", tls=tls)


def test_each_tls_listener_has_the_end_of_its_own_certificate(tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    pair = Authority(tmp_path).issue("server")
    found = CertificatesService(
        [
            listener("good", pair.certfile),
            listener("broken", broken),
            listener("missing", tmp_path / "missing.pem"),
            listener("plain", None),
        ]
    ).end_at_ms()
    good = found.pop("mqtt:ssl:good")
    assert good > time.time() * 1000 + DAY.total_seconds() * 100
    assert found == {"mqtt:ssl:broken": None, "mqtt:ssl:missing": None}
