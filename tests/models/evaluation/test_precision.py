"""Check precision and recall where there is something to count and where there is nothing."""

from __future__ import annotations

from models.evaluation.precision import PrecisionRecall


def test_precision_is_of_what_was_found_and_recall_of_what_was_wanted() -> None:
    counts = PrecisionRecall(right=3, found=4, wanted=6)
    assert (counts.precision, counts.recall) == (0.75, 0.5)


def test_nothing_found_or_wanted_has_no_share() -> None:
    counts = PrecisionRecall(right=0, found=0, wanted=0)
    assert (counts.precision, counts.recall) == (None, None)
