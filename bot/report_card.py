"""An interview's report card for people: a few lines for the chat, and a page to keep."""

from __future__ import annotations

from html import escape

from bot.rendering import Texts
from bot.report_chart import draw_chart_svg
from engine.interview_report import AnswerResult, AnswerState, QuestionResult, Report

_STYLE = """
body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2430;background:#fff}
svg{max-width:100%;height:auto}h2{margin-top:2rem;border-bottom:1px solid #d0d4da}h3{margin-bottom:.2rem}
blockquote{margin:.3rem 0;padding-left:.8rem;border-left:3px solid #d0d4da;white-space:pre-wrap}
.answered{color:#00517d}.missed{color:#a34700}.not_reached{color:#5b6470}li{margin:.15rem 0}
"""
_MOST_LINES = 8


def write_card_text(report: Report, texts: Texts) -> str:
    """Write the card in a few lines: the sum, each topic, what was missed and why, and what to read next."""
    lines = [
        texts.get("card.title", title=report.title),
        texts.get("card.summary", answered=report.answered, missed=report.missed),
        *(
            texts.get("card.topic", topic=topic.topic, answered=topic.answered, missed=topic.missed)
            for topic in report.topics
            if topic.answered or topic.missed
        ),
    ]
    missed = [question for question in report.questions if question.is_missed]
    if missed:
        lines += ["", texts.get("card.study")]
        for each in missed[:_MOST_LINES]:
            lines += [texts.get("card.study_item", question=each.label, why=_why_question(each, texts))]
            if points := [point for answer in each.answers if _is_missed(answer) for point in answer.missing]:
                lines += [texts.get("card.study_points", points=", ".join(points))]
        reading = list(dict.fromkeys(work for each in missed for work in each.read))
        if reading:
            lines += ["", texts.get("card.read"), *(f"· {work}" for work in reading[:_MOST_LINES])]
    elif report.answered:
        lines += ["", texts.get("card.nothing_missed")]
    return "\n".join(lines)


def write_card_page(report: Report, texts: Texts) -> bytes:
    """Write the card as one HTML page without scripts or anything from elsewhere, to keep or to print."""
    title = escape(texts.get("card.title", title=report.title))
    when = escape(texts.get("card.when", moment=texts.moment(report.ended_at)))
    body = "".join(_question_part(question, texts) for question in report.questions)
    reading = dict.fromkeys(work for each in report.questions if each.is_missed for work in each.read)
    if reading:
        items = "".join(f"<li>{escape(work)}</li>" for work in reading)
        body += f"<h2>{escape(texts.get('card.read'))}</h2><ul>{items}</ul>"
    page = (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1><p>{when}</p>"
        f"{draw_chart_svg(report, texts)}{body}</body></html>"
    )
    return page.encode()


def _question_part(question: QuestionResult, texts: Texts) -> str:
    answers = "".join(_answer_part(answer, question, texts) for answer in question.answers)
    return f"<h2>{escape(question.label)}</h2><p>{escape(question.topic)}</p>{answers}"


def _answer_part(answer: AnswerResult, question: QuestionResult, texts: Texts) -> str:
    parts = []
    if answer.label != question.label:
        parts.append(f"<h3>{escape(answer.label)}</h3>")
    parts.append(f'<p class="{answer.state}">{escape(_state(answer, texts))}</p>')
    if answer.said:
        parts.append(f"<blockquote>{escape(answer.said)}</blockquote>")
    if answer.state is not AnswerState.NOT_REACHED:
        for key, points in (("card.covered", answer.covered), ("card.missing", answer.missing)):
            if points:
                items = "".join(f"<li>{escape(point)}</li>" for point in points)
                parts.append(f"<p>{escape(texts.get(key))}</p><ul>{items}</ul>")
    return "".join(parts)


def _state(answer: AnswerResult, texts: Texts) -> str:
    """Write what became of an answer, in how many tries, and how it was judged."""
    line = texts.get(f"card.{answer.state}")
    if answer.state is AnswerState.MISSED:
        line = f"{line}: {_why(answer, texts)}"
    elif answer.tries > 1 or answer.hints:
        effort = texts.get("card.effort", tries=answer.tries, hints=answer.hints)
        line = f"{line} ({effort})"
    return line


def _why(answer: AnswerResult, texts: Texts) -> str:
    """Write why an answer was missed: the reason, the label that the last try got, how near this answer came."""
    why = texts.get(f"card_why.{answer.reason}")
    if answer.judged_as and answer.score is not None:
        why += ", " + texts.get("card.judged", label=answer.judged_as, score=f"{answer.score:.2f}")
    if answer.closeness is not None and answer.closeness >= 0.005:  # nothing of it, as most who do not know, is no news
        why += ", " + texts.get("card.close", closeness=f"{answer.closeness:.2f}")
    return why


def _why_question(question: QuestionResult, texts: Texts) -> str:
    missed = [answer for answer in question.answers if _is_missed(answer)]
    if len(question.answers) == 1:
        return _why(missed[0], texts)
    return "; ".join(f"{answer.label}: {_why(answer, texts)}" for answer in missed)


def _is_missed(answer: AnswerResult) -> bool:
    return answer.state is AnswerState.MISSED
