"""The embedded models, loaded once for all end-to-end tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from models.profile import load_profile
from models.settings import Device, ModelSettings, Precision

if TYPE_CHECKING:
    from models.runtime import ModelRuntime


@pytest.fixture(scope="session")
def embedded_runtime() -> Iterator[ModelRuntime]:
    """The shipped models with their real device thread, in float32 and one sequence at a time so that a seed decides everything."""
    from models.runtime import open_models  # takes seconds, which tests without models need not wait for

    with asyncio.Runner() as runner:
        models = open_models(
            load_profile("embedded"), ModelSettings(device=Device.CPU, precision=Precision.FLOAT32, max_rows=1)
        )
        runtime = runner.run(models.__aenter__())
        yield runtime
        runner.run(models.__aexit__(None, None, None))
