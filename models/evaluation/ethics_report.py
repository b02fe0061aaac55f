"""The report on the ethics encoder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from models.evaluation.ethics import EthicsScores, ethics_figures, precision_of
from models.evaluation.learning_curves import learning_curves
from models.evaluation.markdown import escape, figure, share, table
from models.evaluation.plots import Distribution, draw_confusion, draw_distributions
from models.evaluation.report import Report
from models.evaluation.spread import pick_spread
from models.profile import EthicsThresholds, Profile
from models.training.encoder_data import CATEGORIES

ENGLISH = dict(zip(CATEGORIES, ("love", "normal", "politics", "paedrip", "hate"), strict=True))
HATE = CATEGORIES[4]
MOST_WRONG = 40


def write_ethics_report(
    report: Report,
    scores: EthicsScores,
    profile: Profile,
    title: str = "Ethics encoder",
    parts_of: Mapping[str, EthicsScores] | None = None,
) -> None:
    """Write figures, of `scores` and of the parts of them that are named, the confusion matrix, score distributions, what is sanctioned, and the sentences that go wrong.

    Raises:
        ModelError: a file cannot be written.
    """
    confusion = scores.confusion()
    counts = [list(row.values()) for row in confusion.values()]
    names = [ENGLISH[name] for name in CATEGORIES]
    parts = [
        _figures({"all": scores, **(parts_of or {})}),
        "## Categories",
        report.image("confusion", "confusion matrix", partial(draw_confusion, counts, names)),
        _categories(confusion, scores.normal),
        "## Scores and thresholds",
        f"{scores.normal} reaching {profile.ethics.normal:g} means that nothing is sanctioned.",
        report.image("scores", "scores by category", partial(draw_distributions, _spread(scores, profile.ethics))),
        "## Sanctions",
        _sanctions(scores, profile.ethics),
        *_wrong(scores),
        *learning_curves(report, {"ethics": profile.encoders["ethics"].source}),
    ]
    report.write(title, profile.name, parts)


def _figures(scores: Mapping[str, EthicsScores]) -> str:
    """Show the figures of each part of the sentences; the column of names is left out where there is one."""
    rows = []
    for name, part in scores.items():
        figures = ethics_figures(part)
        sanctioned = share(figures["false_sanctions"], figures["normal"])
        caught = share(figures["caught"], figures["sanctionable"])
        numbers = [figure(figures[each]) for each in ("accuracy", "mse", "mae", "corr")]
        rows.append([name, figures["n"], *numbers, sanctioned, caught])
    head = ["", "sentences", "accuracy", "MSE", "MAE", "correlation", "normal ones sanctioned", "others caught"]
    return table(head, rows) if len(rows) > 1 else table(head[1:6], [rows[0][1:6]])


def _categories(confusion: dict[str, dict[str, int]], normal: str) -> str:
    """Show the confusion matrix with precision and recall, and those of hate where only hate and normal are looked at."""
    head = ["true \\ predicted", *(ENGLISH[name] for name in confusion), "precision", "recall"]
    rows = []
    for name, row in confusion.items():
        counts = precision_of(confusion, name)
        rows.append([f"{name} ({ENGLISH[name]})", *row.values(), figure(counts.precision), figure(counts.recall)])
    pair = precision_of(confusion, HATE, normal)
    against = (
        f"{HATE} against {normal}, the other categories left out: "
        f"precision {figure(pair.precision)}, recall {figure(pair.recall)}."
    )
    return f"{table(head, rows)}\n\n{against}"


def _spread(scores: EthicsScores, thresholds: EthicsThresholds) -> list[Distribution]:
    """Return, for each category, the scores of its own sentences and of all others."""
    limits = {**thresholds.categories, thresholds.normal_category: thresholds.normal}
    return [
        Distribution(
            title=ENGLISH[name],
            inside=("own sentences", scores.cosines[scores.true == index, index]),
            outside=("all others", scores.cosines[scores.true != index, index]),
            threshold=limits.get(name),
        )
        for index, name in enumerate(CATEGORIES)
    ]


def _sanctions(scores: EthicsScores, thresholds: EthicsThresholds) -> str:
    """Tell what the policy does with the sentences of each category, before any reply is looked at."""
    rows = []
    for name in CATEGORIES:
        offences = [
            found for each, found in zip(scores.sentences, scores.offences, strict=True) if each.category == name
        ]
        own = None if name == scores.normal else sum(name in found for found in offences)
        other = sum(bool(found - {name}) for found in offences)
        rows.append(
            [
                name,
                figure(thresholds.categories.get(name), 2),
                len(offences),
                None if own is None else share(own, len(offences)),
                None if own is None else share(len(offences) - own, len(offences)),
                share(other, len(offences)),
            ]
        )
    head = ["category", "threshold", "sentences", "sanctioned for it", "missed", "sanctioned for another"]
    return table(head, rows)


def _wrong(scores: EthicsScores) -> list[str]:
    """List sentences that are taken for another category, sanctioned without reason, or missed."""
    predicted = scores.predicted
    wrong = [
        index
        for index, sentence in enumerate(scores.sentences)
        if CATEGORIES[predicted[index]] != sentence.category
        or scores.is_false_sanction(index)
        or scores.is_missed(index)
    ]
    rows = []
    for index in pick_spread(wrong, MOST_WRONG):
        sentence, row = scores.sentences[index], scores.cosines[index]
        rows.append(
            [
                escape(sentence.text),
                sentence.category,
                figure(float(row[CATEGORIES.index(sentence.category)]), 2),
                CATEGORIES[predicted[index]],
                figure(float(row[predicted[index]]), 2),
                _verdict(scores, index),
            ]
        )
    listed = f"## Wrong: {len(rows)} of {len(wrong)}"
    head = ["sentence", "true", "its score", "predicted", "its score", "policy"]
    return [listed, table(head, rows)] if rows else ["## Wrong: none"]


def _verdict(scores: EthicsScores, index: int) -> str:
    """Say in a word or two what the policy does with a sentence."""
    if scores.is_missed(index):
        return "missed"
    if scores.is_false_sanction(index):
        return "sanctioned without reason"
    return "lets it pass" if scores.sentences[index].category == scores.normal else "sanctioned"
