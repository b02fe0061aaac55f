"""Check what the pages show, and to whom: within a moderator's scope, as it is, and harmless."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from bot.answers import Rights
from storage.appeals import AppealStore
from storage.records import AppealState, SanctionState
from tests.bot.dashboard.visiting import Browser, House, plain
from tests.bot.handlers.conftest import MakeCase
from tests.bot.handlers.lobby import MODERATOR, user_key
from tests.fakes import HATE, POLITICS

DAY = timedelta(days=1)
SCRIPT = '<script>window.__xss = 1</script><img src=x onerror="window.__xss=1">'
INJECTIONS = [
    "' OR '1'='1",
    '"; DROP TABLE sanctions; --',
    "1) UNION SELECT digest FROM dashboard_passes --",
    "%' --",
    "\\",
    "\0",
]


async def appeal(house: House, number: int, text: str = "농담이었어요", user: str = "1001") -> None:
    person = house.lobby.person(user)
    await person.fill_in(await person.run("appeal", sanction=number), text=text)


async def appeal_states(house: House, user: str = "1001") -> list[AppealState]:
    async with house.lobby.database.read() as session:
        return [each.state for each in await AppealStore(session).of_user(user_key(user))]


def numbers(page: str) -> list[int]:
    """Return the cases of a list, in their order."""
    return [int(found) for found in re.findall(r'class="number"><a href="/cases/(\d+)"', page)]


async def fill_log(house: House, make_case: MakeCase) -> Browser:
    """Give six sanctions in two communities, and one in private; return a moderator of the first."""
    await house.lobby.sanction(make_case(user="1001", community="9", text="오늘 대통령 얘기 하자"))
    await house.lobby.sanction(make_case(user="1001", community="9", block=DAY, level=2, text="정치 얘기 또 하자"))
    await house.lobby.sanction(make_case(HATE, user="2002", community="9", block=7 * DAY, text="나쁜 말 ABC"))
    await house.lobby.sanction(make_case(HATE, user="2002", community="8", block=DAY, text="다른 곳 비밀"))
    await house.lobby.sanction(make_case(user="3003", text="둘이서 한 말"))
    house.lobby.clock.advance(2 * DAY)
    await house.lobby.sanction(make_case(HATE, user="4004", community="9", block=9 * DAY))
    return await house.enter("5005")


# --- the log ---


async def test_log_shows_what_came_about_in_the_community_newest_first(house: House, make_case: MakeCase) -> None:
    browser = await fill_log(house, make_case)
    page = await browser.text("/")
    assert numbers(page) == [6, 3, 2, 1]
    assert "비밀" not in page
    assert "둘이서" not in page


async def test_owner_sees_the_whole_platform_and_no_other(house: House, make_case: MakeCase) -> None:
    await fill_log(house, make_case)
    assert numbers(await (await house.owner()).text("/")) == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"user": "1001"}, [2, 1]),
        ({"category": HATE}, [6, 3]),
        ({"category": POLITICS}, [2, 1]),
        ({"kind": "warning"}, [1]),
        ({"kind": "block", "user": "2002"}, [3]),
        ({"state": "active"}, [6, 3, 1]),
        ({"state": "expired"}, [2]),
        ({"state": "lifted"}, []),
        ({"community": "8"}, []),
        ({"since": "2026-03-12"}, []),
        ({"until": "2026-03-11"}, [6, 3, 2, 1]),
        ({"since": "2026-03-11", "until": "2026-03-11"}, [6, 3, 2, 1]),
        ({"until": "2026-03-10"}, []),
        ({"q": "얘기"}, [2, 1]),
        ({"q": "얘기 대통령"}, [1]),
        ({"q": "abc"}, [3]),
        ({"q": "ＡＢＣ"}, [3]),
        ({"q": "부담스러워", "user": "2002"}, [3]),
        ({"q": "비밀"}, []),
        ({"before": "3"}, [2, 1]),
        ({"before": "3", "q": "얘기"}, [2, 1]),
        ({"before": "x"}, [6, 3, 2, 1]),
        ({"before": "9" * 40}, [6, 3, 2, 1]),
    ],
)
async def test_filter_finds(house: House, make_case: MakeCase, query: dict[str, str], found: list[int]) -> None:
    browser = await fill_log(house, make_case)
    answer = await browser.get("/", params=query)
    assert answer.status_code == 200
    assert numbers(answer.text) == found


@pytest.mark.parametrize(
    "query", [{"state": "x"}, {"kind": "'"}, {"since": "yesterday"}, {"until": "9999-12-31"}, {"since": "2026-02-30"}]
)
async def test_filter_that_means_nothing_shows_nothing_and_says_so(
    house: House, make_case: MakeCase, query: dict[str, str]
) -> None:
    browser = await fill_log(house, make_case)
    answer = await browser.get("/", params=query)
    assert numbers(answer.text) == []
    assert "cannot be read" in answer.text


async def test_pages_of_the_log_follow_each_other_without_gap_or_double(house: House, make_case: MakeCase) -> None:
    for _ in range(120):
        await house.lobby.sanction(make_case(community="9"))
    browser, address, seen = await house.enter("5005"), "/?kind=warning", []
    for _ in range(3):
        page = await browser.text(address)
        seen += numbers(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = html.unescape(older[1]) if older else ""
    assert seen == list(range(120, 0, -1))
    assert address == ""


async def test_forgotten_text_is_not_found_again(house: House, make_case: MakeCase) -> None:
    browser = await fill_log(house, make_case)
    assert numbers((await browser.get("/", params={"q": "abc"})).text) == [3]
    person = house.lobby.person("2002")
    asked = await person.run("forgetme")
    await person.press(asked, next(button.label for row in asked.buttons for button in row))
    assert numbers((await browser.get("/", params={"q": "abc"})).text) == []


# --- cases ---


async def test_case_shows_evidence_scores_and_where_it_stands(house: House, make_case: MakeCase) -> None:
    await house.lobby.sanction(make_case(block=DAY, community="9"))
    seen = await (await house.enter("5005")).seen("/cases/1")
    for part in ("대통령 어때?", "미안, 부담스러워", "0.970", "0.95", "+0.020", "active", "2026-11-1", "r-1"):
        assert part in seen, part


@pytest.mark.parametrize("path", ["/cases/4", "/cases/5", "/cases/77", "/users/3003", "/users/nobody"])
async def test_what_is_outside_of_the_scope_is_not_there(house: House, make_case: MakeCase, path: str) -> None:
    browser = await fill_log(house, make_case)
    assert (await browser.get(path)).status_code == 404


async def test_user_page_shows_only_what_came_about_here(house: House, make_case: MakeCase) -> None:
    browser = await fill_log(house, make_case)
    page = await browser.text("/users/2002")
    assert numbers(page) == [3]
    assert "비밀" not in page


@pytest.mark.parametrize("number", [4, 5])
@pytest.mark.parametrize("decision", ["lift", "reduce", "overturn", "uphold"])
async def test_case_of_another_community_cannot_be_decided(
    house: House, make_case: MakeCase, number: int, decision: str
) -> None:
    browser = await fill_log(house, make_case)
    answer = await browser.post(f"/cases/{number}", decision=decision, reason="mine now", remaining="1h")
    assert answer.status_code == 404
    owner = await house.owner()
    assert "mine now" not in await owner.text(f"/cases/{number}")


@pytest.mark.parametrize(
    ("decision", "state", "is_blocked"),
    [
        ("lift", SanctionState.LIFTED, False),
        ("reduce", SanctionState.REDUCED, True),
        ("overturn", SanctionState.OVERTURNED, False),
    ],
)
async def test_moderator_decides(
    house: House, make_case: MakeCase, decision: str, state: SanctionState, is_blocked: bool
) -> None:
    await house.lobby.sanction(make_case(block=7 * DAY, community="9"))
    browser = await house.enter("5005")
    answer = await browser.post("/cases/1", decision=decision, reason="오해였어요", remaining="12h")
    assert answer.status_code == 200
    assert 'role="status"' in answer.text
    (stored,) = await house.lobby.sanctions()
    assert stored.state(house.lobby.clock()) is state
    assert await house.lobby.is_blocked(community="9") is is_blocked
    seen = await browser.seen("/cases/1")
    assert "오해였어요" in seen
    assert f"sanction.{state}" in seen


async def test_decision_needs_a_reason_and_a_reduction_a_length(house: House, make_case: MakeCase) -> None:
    await house.lobby.sanction(make_case(block=7 * DAY, community="9"))
    browser = await house.enter("5005")
    for fields in (
        {"decision": "lift", "reason": "  "},
        {"decision": "lift"},
        {"decision": "lift", "reason": "x" * 501},
        {"decision": "reduce", "reason": "r"},
        {"decision": "reduce", "reason": "r", "remaining": "soon"},
        {"decision": "reduce", "reason": "r", "remaining": "8d"},
    ):
        assert (await browser.post("/cases/1", **fields)).status_code == 200
    assert (await browser.post("/cases/1", decision="erase", reason="r")).status_code == 400
    (stored,) = await house.lobby.sanctions()
    assert stored.decision is SanctionState.ACTIVE


async def test_nobody_decides_their_own_case_but_an_owner(house: House, make_case: MakeCase) -> None:
    await house.lobby.sanction(make_case(user="5005", block=7 * DAY, community="9"))
    await appeal(house, 1, user="5005")
    browser = await house.enter("5005")
    assert "Nobody decides their own case" in await browser.seen("/cases/1")
    assert "Another moderator decides your own appeal" in await browser.seen("/appeals")
    for decision in ("lift", "reduce", "overturn", "uphold"):
        await browser.post("/cases/1", decision=decision, reason="myself", remaining="1h")
    (stored,) = await house.lobby.sanctions("5005")
    assert stored.decision is SanctionState.ACTIVE
    assert await appeal_states(house, "5005") == [AppealState.OPEN]


async def test_who_loses_the_role_decides_nothing(house: House, make_case: MakeCase) -> None:
    await house.lobby.sanction(make_case(block=7 * DAY, community="9"))
    browser = await house.enter("5005")
    token = re.search(r'name="csrf" value="([^"]+)"', await browser.text("/cases/1"))
    assert token is not None
    house.platform.known["5005", "9"] = Rights()
    form = {"csrf": token[1], "decision": "lift", "reason": "r"}
    assert (await browser.client.post("/cases/1", data=form)).status_code == 403
    assert await house.lobby.is_blocked(community="9")


# --- appeals ---


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ("uphold", AppealState.DENIED),
        ("lift", AppealState.GRANTED),
        ("reduce", AppealState.GRANTED),
        ("overturn", AppealState.GRANTED),
    ],
)
async def test_appeal_is_decided_from_the_queue(
    house: House, make_case: MakeCase, decision: str, state: AppealState
) -> None:
    await house.lobby.sanction(make_case(block=7 * DAY, community="9"))
    await appeal(house, 1, "정말 <b>억울</b>해요")
    browser = await house.enter("5005")
    assert "정말 <b>억울</b>해요" in await browser.seen("/appeals")
    await browser.post("/cases/1", page="/appeals", decision=decision, reason="읽어 봤어요", remaining="6h")
    assert await appeal_states(house) == [state]
    assert "No appeal is waiting" in await browser.seen("/appeals")


async def test_queue_holds_the_appeals_of_the_community_only(house: House, make_case: MakeCase) -> None:
    await fill_log(house, make_case)
    await appeal(house, 4, "다른 커뮤니티의 말", user="2002")
    assert "다른 커뮤니티" not in await (await house.enter("5005")).text("/appeals")
    assert "다른 커뮤니티" in await (await house.owner()).text("/appeals")


# --- charts and audit ---


@pytest.mark.parametrize("span", ["", "month", "quarter", "year", "'; --"])
async def test_charts_count_by_category(house: House, make_case: MakeCase, span: str) -> None:
    browser = await fill_log(house, make_case)
    answer = await browser.get("/charts", params={"span": span})
    assert answer.status_code == 200
    assert answer.text.count('<rect class="c') >= 4
    assert "blocks in force 2" in html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).replace("  ", " ")


async def test_audit_is_whole_and_shows_a_moderator_their_own_community(house: House, make_case: MakeCase) -> None:
    await fill_log(house, make_case)
    owner, moderator = await house.owner(), await house.enter("5005")
    await owner.post("/cases/4", decision="overturn", reason="r")
    await moderator.post("/cases/3", decision="lift", reason="r")
    seen = await moderator.seen("/audit")
    assert "All 2 rows are as they were written" in seen
    assert "#3" in seen
    assert "#4" not in seen
    assert "#4" in await owner.seen("/audit")


# --- attacks ---


async def test_stored_scripts_are_shown_as_typed(house: House, make_case: MakeCase) -> None:
    case = make_case(user="1001", block=DAY, community="9", text=SCRIPT)
    await house.lobby.sanction(case)
    await appeal(house, 1, SCRIPT)
    moderator = house.lobby.person("5005", community="9", rights=MODERATOR)
    await moderator.run("warn", user="1001", reason=SCRIPT[:90])
    await moderator.run("note", user="1001", text=SCRIPT)
    browser = await house.enter("5005")
    await browser.post("/cases/1", decision="reduce", reason=SCRIPT, remaining="1h")
    for path in (
        "/",
        "/cases/1",
        "/cases/2",
        "/appeals",
        "/users/1001",
        "/charts",
        "/audit",
        f"/?q={SCRIPT}&user={SCRIPT}",
    ):
        page = await browser.text(path)
        assert "<script>" not in page, path
        assert "<img src=x" not in page, path
        assert "onerror=&#34;" in page or "__xss" not in page, path


@pytest.mark.parametrize("value", INJECTIONS)
async def test_sql_in_any_field_is_only_text(house: House, make_case: MakeCase, value: str) -> None:
    browser = await fill_log(house, make_case)
    for name in ("user", "category", "community", "q", "kind", "state", "since", "until", "before"):
        answer = await browser.get("/", params={name: value})
        assert answer.status_code == 200
        assert numbers(answer.text) == ([6, 3, 2, 1] if name == "before" else []), name
    for fields in ({"decision": "lift", "reason": value}, {"decision": "reduce", "reason": "r", "remaining": value}):
        assert (await browser.post("/cases/3", **fields)).status_code == 200
    assert (await browser.post("/cases/3", decision=value, reason="r")).status_code == 400
    assert numbers(await browser.text("/")) == [6, 3, 2, 1]


async def test_answers_that_fail_tell_a_number_and_nothing_else(house: House, caplog: pytest.LogCaptureFixture) -> None:
    browser = await house.enter("5005")
    house.platform.known["5005", "9"] = "no rights at all"  # type: ignore[assignment]
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert "tell the owner this number" in answer.text
    assert "no rights at all" not in answer.text
    assert "the dashboard failed" in caplog.text
    assert "no rights at all" not in caplog.text


# --- replay ---

MILDER = """
schema = 1
version = "test-1"
longest_block = "30 d"

[categories."정치"]
ladder = ["warning"]
reply_needs = ["미안"]
"""


async def test_owner_tries_a_policy_and_nothing_changes(house: House, make_case: MakeCase) -> None:
    for level in (1, 2):
        await house.lobby.sanction(make_case(block=DAY, level=level, community="9"))
        house.lobby.clock.advance(2 * DAY)
    owner = await house.owner()
    before = await house.lobby.sanctions()
    answer = await owner.post("/replay", policy=MILDER)
    assert answer.status_code == 200
    assert "Policy test-1 on 2 messages" in plain(answer.text)
    assert await house.lobby.sanctions() == before


@pytest.mark.parametrize(
    "policy", ["", "not toml [", 'version = "1"', MILDER.replace("warning", "nothing"), SCRIPT, "\0"]
)
async def test_policy_that_is_none_is_refused_in_a_line(house: House, policy: str) -> None:
    owner = await house.owner()
    answer = await owner.post("/replay", policy=policy)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text


async def test_policy_comes_as_a_file_too(house: House) -> None:
    owner = await house.owner()
    token = re.search(r'name="csrf" value="([^"]+)"', await owner.text("/replay"))
    assert token is not None
    sent = {"file": ("mine.toml", MILDER.encode(), "application/toml")}
    answer = await owner.client.post("/replay", data={"csrf": token[1]}, files=sent)
    assert "Policy test-1" in plain(answer.text)
    odd = {"file": ("mine.toml", b"\xff\xfe\x00", "application/toml")}
    assert (await owner.client.post("/replay", data={"csrf": token[1]}, files=odd)).status_code == 400
    two = [("file", ("a", b"a", "text/plain")), ("file", ("b", b"b", "text/plain"))]
    assert (await owner.client.post("/replay", data={"csrf": token[1]}, files=two)).status_code == 400


async def test_moderator_tries_no_policy(house: House) -> None:
    moderator = await house.enter("5005")
    assert (await moderator.get("/replay")).status_code == 404
    assert (await moderator.post("/replay", policy=MILDER)).status_code == 404
