"""Measure a tiny random base: the figures are those of the rows that were asked for, with the engine's threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch

from models.benchmark.generator_speed import Decoding, OpenedBases, measure_bases, open_bases
from models.processor import tune_processor
from models.profile import ADAPTER_NAMES, Profile
from models.settings import Device, ModelSettings, Precision

CPU = torch.device("cpu")
OTHER = 3  # threads that nothing here chooses


@pytest.fixture(scope="module")
def opened(profile: Profile) -> OpenedBases:
    return open_bases(profile, "tiny", ModelSettings(device=Device.CPU, precision=Precision.FLOAT32))


@pytest.fixture(autouse=True)
def processor_as_it_was() -> Iterator[None]:
    threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    yield
    torch.set_num_threads(threads)
    sys.setswitchinterval(interval)


def test_random_base_decodes_as_many_rows_as_are_asked_for(opened: OpenedBases) -> None:
    told: list[int] = []
    what = Decoding(rows=(1, 6), prompt_tokens=12, new_tokens=5, with_limits=False)
    figures = measure_bases(opened, what, lambda done, of, _: told.append(done))
    assert told == [1, 2]
    assert [each["rows"] for each in figures["decoding"]] == [1, 6]
    assert all(
        each["new_tokens_per_s"] > 0 and each["step_ms"] >= each["best_step_ms"] > 0 for each in figures["decoding"]
    )
    assert "share" not in figures["decoding"][0]
    assert "gpu_peak_mb" not in figures["decoding"][0]  # the tests run on the CPU
    assert opened.bases[0].adapters == ADAPTER_NAMES


def test_memory_is_that_of_all_bases_together(opened: OpenedBases) -> None:
    twice = OpenedBases(bases=(*opened.bases, *opened.bases), device=CPU, dtype=torch.float32)
    what = Decoding(rows=(1, 16), prompt_tokens=4, new_tokens=2, with_limits=False)
    once, both = (measure_bases(each, what, lambda *_: None)["memory"] for each in (opened, twice))
    assert [each["rows"] for each in both] == [1, 16]
    assert both[1]["caches_mb"] == pytest.approx(2 * once[1]["caches_mb"]) != 0
    assert both[1]["together_mb"] == pytest.approx(both[1]["weights_mb"] + both[1]["caches_mb"], abs=0.11)


def test_steps_run_with_the_threads_of_the_engine_and_are_set_beside_their_limit(opened: OpenedBases) -> None:
    torch.set_num_threads(OTHER)
    tune_processor((base.network for base in opened.bases), CPU)
    engine = torch.get_num_threads()  # 1, unless the owner has said otherwise
    torch.set_num_threads(OTHER)
    sys.setswitchinterval(0.005)
    what = Decoding(rows=(1,), prompt_tokens=4, new_tokens=2, with_limits=True)
    figures = measure_bases(opened, what, lambda *_: None)
    assert figures["threads"] == torch.get_num_threads() == engine
    assert sys.getswitchinterval() < 0.001
    assert figures["read_gb_per_s"] > 0
    assert figures["decoding"][0]["share"] > 0
    assert figures.get("all_cores", {"threads": engine})["threads"] == OTHER
    assert ("share_of_all_cores" in figures["decoding"][0]) == (engine != OTHER)
