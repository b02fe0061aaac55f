"""Measure tiny encoders: each of the profile has its figures, and they fit together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.benchmark.encoder_speed import measure_encoders
from models.profile import Profile
from models.settings import Device, ModelSettings

TEXTS = [f"오늘 뭐 먹지 {number}" for number in range(6)]


def test_optional_encoder_that_is_not_there_is_left_out(profile: Profile) -> None:
    missing = replace(profile.encoders["memory"], source="nowhere/encoder", optional=True)
    larger = replace(profile, encoders=profile.encoders | {"interview-answer": missing})
    figures = measure_encoders(larger, ModelSettings(device=Device.CPU), TEXTS[:2])
    assert [each["encoder"] for each in figures] == ["memory", "ethics"]


def test_every_encoder_is_measured_one_by_one_and_together(profile: Profile) -> None:
    figures = measure_encoders(profile, ModelSettings(device=Device.CPU), TEXTS)
    assert [each["encoder"] for each in figures] == ["memory", "ethics"]
    for each in figures:
        assert each["texts"] == 6
        assert each["together_per_s"] > 0
        assert each["one_by_one_per_s"] * each["one_ms"] == pytest.approx(1000, rel=0.05)
