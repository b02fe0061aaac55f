"""Draw the pictures of docs/dashboard.md: `make screens`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bot.handlers.lobby import OWNER
from tests.e2e.dashboard_rig import MISSING, fill, find_chromium, open_chromium, open_screen, open_served_house

OPENED = 158  # the case that is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One page as it is pictured."""

    name: str
    path: str
    language: str = "ko"
    dark: bool = False
    width: int = 1280
    height: int = 860
    community: str | None = "9"


PICTURES = (
    Picture(name="log", path="/"),
    Picture(name="log-dark", path="/", dark=True, language="en"),
    Picture(name="log-phone", path="/", width=360, height=740),
    Picture(name="case", path=f"/cases/{OPENED}", language="en"),
    Picture(name="case-dark", path=f"/cases/{OPENED}", dark=True),
    Picture(name="case-phone-dark", path=f"/cases/{OPENED}", dark=True, width=360, height=740, language="en"),
    Picture(name="appeals", path="/appeals"),
    Picture(name="charts", path="/charts?span=quarter", language="en"),
    Picture(name="charts-dark", path="/charts", dark=True),
    Picture(name="replay", path="/replay", community=None),
    Picture(name="audit", path="/audit", community=None, language="en"),
)


async def draw(folder: Path) -> None:
    """Write every picture into `folder`."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        async with open_served_house(Path(data)) as house, open_chromium(chromium) as browser:
            await fill(house.lobby.database)
            for picture in PICTURES:
                async with open_screen(
                    browser,
                    house,
                    width=picture.width,
                    height=picture.height,
                    dark=picture.dark,
                    language=picture.language,
                ) as screen:
                    if picture.community is None:
                        await screen.enter("1", None, OWNER)
                    else:
                        await screen.enter()
                    await screen.go(picture.path)
                    await screen.page.screenshot(path=folder / f"{picture.name}.png")
                    print(folder / f"{picture.name}.png")


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
