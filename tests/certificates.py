"""Certificates as plain data that tests change."""

from __future__ import annotations

import json
from typing import Any

from threshc.hdl.proof.certificate import Certificate


def plain(certificate: Certificate) -> dict[str, Any]:
    """What the file of a certificate holds: fresh lists, to be changed and parsed again."""
    data: dict[str, Any] = json.loads(certificate.text())
    return data
