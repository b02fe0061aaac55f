"""A generated report: one Markdown page in a folder, its plots beside it. Nothing in it depends on when it was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from models.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The page `folder/name.md`, made by `command`; its plots are `folder/name-….png`. A `remark` stands above the figures."""

    folder: Path
    name: str
    command: str
    remark: str = ""

    def image(self, name: str, shows: str, draw: Callable[[Path], None]) -> str:
        """Let `draw` write a plot and return the Markdown that shows it.

        Raises:
            ModelError: the file cannot be written.
        """
        file = self.folder / f"{self.name}-{name}.png"
        try:
            draw(file)
        except OSError as error:
            raise _in_the_way(file, error) from error
        return f"![{shows}]({file.name})"

    def write(self, title: str, profile: str, parts: Sequence[str]) -> None:
        """Write the page: a title, where it comes from, and `parts` as paragraphs; an older page is overwritten.

        Raises:
            ModelError: the file cannot be written.
        """
        file = self.folder / f"{self.name}.md"
        origin = f"Generated with the profile `{profile}`; run this again rather than edit it:"
        page = [f"# {title}", origin, f"```\n{self.command}\n```", *([self.remark] if self.remark else []), *parts]
        try:
            file.write_text("\n\n".join(page) + "\n", encoding="utf-8")
        except OSError as error:
            raise _in_the_way(file, error) from error


def open_report(folder: Path, name: str, command: str) -> Report:
    """Make `folder` and return the report `name` in it; nothing is written yet.

    Raises:
        ModelError: the folder cannot be made, or something that is no file has the page's name.
        ModuleNotFoundError: matplotlib is not installed; better said now than after the measuring.
    """
    import_module("matplotlib")
    page = folder / f"{name}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _in_the_way(folder, error) from error
    if page.exists() and not page.is_file():
        raise ModelError(f"{page} is no file; remove it, or give another --report")
    return Report(folder=folder, name=name, command=command)


def _in_the_way(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path} cannot be written ({error.strerror}); remove what is there, or give another --report")
