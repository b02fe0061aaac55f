"""Measure tiny encoders: each of the profile has its figures, and they fit together."""

from __future__ import annotations

import pytest

from models.benchmark.encoder_speed import measure_encoders
from models.profile import Profile
from models.settings import Device, ModelSettings

TEXTS = [f"오늘 뭐 먹지 {number}" for number in range(6)]


def test_every_encoder_is_measured_one_by_one_and_together(profile: Profile) -> None:
    figures = measure_encoders(profile, ModelSettings(device=Device.CPU), TEXTS)
    assert [each["encoder"] for each in figures] == ["memory", "ethics"]
    for each in figures:
        assert each["texts"] == 6
        assert each["together_per_s"] > 0
        assert each["one_by_one_per_s"] * each["one_ms"] == pytest.approx(1000, rel=0.05)
