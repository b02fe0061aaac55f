"""`main.py interview`: look after question banks."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.options import JsonOption, print_figures
from models.interview_bank import load_bank

interview_app = typer.Typer(help="Look after question banks.", no_args_is_help=True)


@interview_app.callback()
def interview_group() -> None:
    """Look after question banks."""


@interview_app.command("check")
def interview_check_command(
    bank: Annotated[str, typer.Argument(help="Name of a bank that ships, or a path to a .toml file.")],
    as_json: JsonOption = False,
) -> None:
    """Check a question bank (docs/formats.md) and say what is in it."""
    found = load_bank(bank)
    graded = [question for question in found.questions if question.is_graded]
    figures = {
        "name": found.name,
        "title": found.title,
        "judged_by": found.judged_by.value,
        "questions": len(found.questions),
        "graded": len(graded),
        "answers": sum(len(question.answers) for question in found.questions),
        "points": sum(len(answer.points) for question in graded for answer in question.answers),
        "terms": len(found.terms),
    }
    print_figures(figures, as_json)
