"""Check the catalogues against each other and against the code that reads them."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.button_book import PressRefusal
from bot.commands import COMMANDS, REPORT_MENU_KEY
from bot.dashboard.charts import Span
from bot.dashboard.decisions import Decision
from bot.dashboard.door import Refusal
from bot.dashboard.pages import ROOMS
from bot.handlers.decisions import Refused, Verdict
from bot.rendering import LOCALES_DIR, read_catalogue
from engine.interview_report import AnswerState, MissReason
from engine.memory_firewall import Objection
from engine.policy_file import POLICIES_DIR, load_policy
from engine.types import InterviewAct, RejectionReason
from models.profile import list_profiles, load_profile
from storage.audit_check import AuditFault
from storage.interview_records import InterviewState
from storage.records import MANUAL, AppealState, SanctionAction, SanctionKind, SanctionState

LANGUAGES = ("ko", "en")
BOT = LOCALES_DIR.parent
TEMPLATES = sorted((BOT / "dashboard" / "templates").glob("*.html"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def literal_keys(path: Path) -> Iterator[str]:
    """Yield the string constants of a source file that stand alone, not as a part of an f-string."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def looked_up_keys(path: Path) -> Iterator[str]:
    """Yield the keys that a source file gives as a literal to `….get(key, …)` of `Texts` or to `….say(key, …)` of a visit."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        source = ast.unparse(node.func.value).split(".")[-1]
        if node.func.attr == "say" or (node.func.attr == "get" and source in {"self", "texts", "_texts"}):
            for constant in ast.walk(node.args[0]):
                if isinstance(constant, ast.Constant) and "." in str(constant.value).strip("."):
                    yield str(constant.value)


def template_keys(path: Path) -> Iterator[str]:
    """Yield the whole keys that a template of the dashboard asks for."""
    yield from re.findall(r"""\bt\(["']([\w. ]+[\w])["'][,)]""", path.read_text(encoding="utf-8"))


def dashboard_keys() -> set[str]:
    """Return the keys of the dashboard: those in its templates, and those that templates put together."""
    states, kinds = {f"state.{state}" for state in SanctionState}, {f"kind.{kind}" for kind in SanctionKind}
    events = {"appealed", "expired", "expires", *SanctionAction, *SanctionKind}
    events |= {f"appeal_{state}" for state in AppealState if state is not AppealState.OPEN}
    whys = {*Refusal, "bad_link", "bad_form", "too_many", "too_large", "not_found", "bad_request", "left"}
    spans = {f"{word}.{span}" for word in ("given", "chart", "span") for span in Span}
    means = {f"decision_means.{decision}" for decision in Decision if decision is not Decision.UPHOLD}
    parts = states | kinds | spans | means | {f"event.{event}" for event in events}
    parts |= {f"room.{room}" for room in ROOMS} | {f"decision.{decision}" for decision in Decision}
    parts |= {f"refused.{why}.{part}" for why in whys for part in ("title", "text")}
    parts |= {f"appeal_state.{state}" for state in AppealState} | {f"fault.{fault}" for fault in AuditFault}
    parts |= {f"open.{what}" for what in ("blocks", "appeals", "reports")}
    return {f"dashboard.{part}" for part in parts} | {key for path in TEMPLATES for key in template_keys(path)}


def dynamic_keys() -> set[str]:
    """Return the keys that the code puts together: of commands, of the words of an enumeration, of policies and profiles."""
    reasons = {f"rejection.{reason}" for reason in RejectionReason if reason is not RejectionReason.BLOCKED}
    policies = {name for path in POLICIES_DIR.glob("*.toml") for name in load_policy(path.stem).categories}
    normal = {load_profile(profile).ethics.normal_category for profile in list_profiles()}
    profiles = normal | {name for profile in list_profiles() for name in load_profile(profile).ethics.categories}
    refusals = {f"press.{refusal}" for refusal in PressRefusal} | {f"unfit.{why}" for why in Objection}
    memories = {f"memory.{what}_mark" for what in ("created", "replaced")} | {
        f"memory_source.{by}" for by in ("turn", "hand")
    }
    verdicts = {f"refused.{why}" for why in Refused} | {f"cases.{verdict}_button" for verdict in Verdict}
    verdicts |= {f"cases.{verdict}_title" for verdict in (Verdict.OVERTURN, Verdict.UPHOLD)}
    verdicts |= {f"{kind}.{action}" for kind in ("decided", "card_change", "verdict") for action in SanctionAction}
    verdicts |= {f"sanction_state.{state}" for state in SanctionState} | {"verdict.upheld"}
    notices = {f"{kind}.{by}" for kind in ("warning", "block") for by in ("notice", "manual")}
    ends = {f"sanctions.{action}" for action in SanctionAction} | {f"appeals.{state}" for state in AppealState}
    interviews = {f"interview_button.{act}" for act in InterviewAct if act is not InterviewAct.PAUSE}
    interviews |= {f"interview.{state}" for state in (InterviewState.RUNNING, InterviewState.PAUSED)}
    interviews |= {f"card.{state}" for state in AnswerState} | {f"card_why.{reason}" for reason in MissReason}
    categories = {f"category.{name}" for name in policies | profiles | {MANUAL}}
    words = reasons | categories | interviews | refusals | memories | verdicts | notices | ends
    return words | command_keys() | dashboard_keys()


def command_keys() -> set[str]:
    """Return the keys of every command, its group, its options and their choices."""
    named = {command.text_key for command in COMMANDS} | {f"command.{command.group}" for command in COMMANDS}
    named |= {option.text_key for command in COMMANDS for option in command.options}
    choices = {f"choice.{value}" for command in COMMANDS for option in command.options for value in option.choices}
    return {f"{key}.{part}" for key in named for part in ("name", "description")} | choices | {REPORT_MENU_KEY}


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert {path.name for path in LOCALES_DIR.iterdir()} == {f"{language}.po" for language in LANGUAGES}


def test_catalogues_have_the_same_keys() -> None:
    assert list(read_catalogue("ko")) == list(read_catalogue("en"))


@pytest.mark.parametrize("key", list(read_catalogue("ko")))
def test_texts_of_a_key_have_the_same_placeholders(key: str) -> None:
    korean, english = (read_catalogue(language)[key] for language in LANGUAGES)
    assert korean.strip()
    assert english.strip()
    assert placeholders(korean) == placeholders(english)


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_names_its_language_and_repeats_no_key(language: str) -> None:
    path = LOCALES_DIR / f"{language}.po"
    with path.open("rb") as stream:
        catalogue = read_po(stream, abort_invalid=True)
    assert str(catalogue.locale) == language
    keys = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith('msgid "')]
    assert len(keys) == len(set(keys))
    assert not [message.id for message in catalogue if message.id and message.fuzzy]


def test_every_key_in_the_code_is_in_the_catalogues() -> None:
    keys = dynamic_keys() | {key for path in BOT.rglob("*.py") for key in looked_up_keys(path)}
    assert len(keys) > 20
    assert not keys - set(read_catalogue("ko"))


def test_every_key_of_the_catalogues_is_in_the_code() -> None:
    used = dynamic_keys() | {text for path in BOT.rglob("*.py") for text in literal_keys(path)}
    assert not set(read_catalogue("ko")) - used


def test_wording_for_people_stands_in_the_catalogues_only() -> None:
    names = {"오로라"}  # her own name, in docstrings
    korean = {
        f"{path.relative_to(BOT)}: {text}"
        for path in BOT.rglob("*.py")
        for text in literal_keys(path)
        if any("가" <= letter <= "힣" for name in names for letter in text.replace(name, ""))
    }
    assert not {text for text in korean if "yyyy년" not in text}  # the form of a date
