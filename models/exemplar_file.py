"""Keep an index of exemplars in a file, so that only the first start after a change of the corpus builds it.

The file is a cache: it lies in the user's cache folder, is named by the hash of everything that it was made from, and is made anew when it cannot be read.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import sklearn
from platformdirs import user_cache_path

from models.exemplars import ExemplarIndex, written_exchanges, written_notes
from models.profile import WEIGHTS_DIR, Profile
from models.training.dialogue_files import DATA_DIR, CorpusError
from models.training.dialogue_rows import read_corpus
from models.types import WrittenExchange

_log = logging.getLogger(__name__)
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
_CODE = ("exemplars.py", "exemplar_file.py", "fronts.py", "text_features.py", "training/slots.py", "training/dialogue_files.py", "training/dialogue_rows.py", "training/memory_notes.py", "training/text_lines.py", "exemplar_words.py", "exemplar_names.py")  # fmt: skip
_KEPT = 4  # files of each kind, the newest


def read_exemplars(profile: Profile) -> dict[str, ExemplarIndex]:
    """Return the indexes of what the adapters of `profile` are shown, by their names.

    Raises:
        CorpusError: a file breaks the format, or there is none.
    """
    indexes = {}
    for name, adapter in profile.adapters.items():
        if adapter.exemplars is not None:
            folder = WEIGHTS_DIR / (adapter.exemplars.source or DATA_DIR)
            if not folder.is_dir():
                raise CorpusError(
                    f"no folder {folder} for the exemplars of {name}; correct their source in the profile"
                )
            sources, build = _notes(folder) if name == "memory" else _dialogues(folder)
            indexes[name] = load_or_build(name, sources, build)
    return indexes


def _dialogues(folder: Path) -> tuple[list[Path], Callable[[], ExemplarIndex]]:
    sources = [*(folder / "dialogue").glob("*.txt"), folder / "slots.txt"]
    return sources, lambda: ExemplarIndex(list(written_exchanges(read_corpus(folder))))


def _notes(folder: Path) -> tuple[list[Path], Callable[[], ExemplarIndex]]:
    return list((folder / "memory").glob("notes_*.txt")), lambda: ExemplarIndex(list(written_notes(folder)))


def load_or_build(name: str, sources: Iterable[Path], build: Callable[[], ExemplarIndex]) -> ExemplarIndex:
    """Return the index `name` that `build` makes of the files `sources`: from its file, or built and kept for the next time.

    Raises:
        CorpusError: a file breaks the format, or there is none.
    """
    folder = user_cache_path("ohlora-chat", appauthor=False) / "exemplars"
    file = folder / f"{name}-{_fingerprint(sources)}.npz"
    try:
        return _read(file)
    except FileNotFoundError:
        pass
    except _UNREADABLE as error:
        _log.warning("the index %s cannot be read (%s) and is made anew", file, error)
    index = build()
    try:
        _write(index, file)
        for old in sorted(folder.glob(f"{name}-*.npz"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        _log.info("the index is not kept for the next start: %s", error)
    return index


def _fingerprint(sources: Iterable[Path]) -> str:
    """Hash what the index is made from, and the code that makes it."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256(f"numpy {np.__version__} scikit-learn {sklearn.__version__}\n".encode())
    for path in (*(here / each for each in _CODE), *sorted(sources)):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def _write(index: ExemplarIndex, file: Path) -> None:
    """Write all at once: who reads meanwhile sees no half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays = index.arrays()
    exchanges = [(each.input, each.source, *each.answers) for each in index.exchanges]
    texts = {
        "exchanges": _to_bytes("\t".join(part.replace("\t", " ") for part in parts) for parts in exchanges),
        "bigrams": _to_bytes(index.bigrams),
        "keys": _to_bytes(index.keys),
    }
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as target:
        try:
            np.savez(target, allow_pickle=False, **arrays, **texts)
            target.close()
            os.replace(target.name, file)
        except BaseException:
            Path(target.name).unlink(missing_ok=True)
            raise


def _read(file: Path) -> ExemplarIndex:
    with file.open("rb") as source, np.load(source, allow_pickle=False) as kept:
        texts = {name: _to_lines(kept[name]) for name in ("exchanges", "bigrams", "keys")}
        arrays = {name: kept[name] for name in kept.files if name not in texts}
    return ExemplarIndex.restore(_Lines(texts["exchanges"]), texts["bigrams"], texts["keys"], arrays)


class _Lines(Sequence[WrittenExchange]):
    """Exchanges that are taken out of their lines when somebody asks for them: a start needs none, and a turn a few of all."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> WrittenExchange: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[WrittenExchange]: ...
    def __getitem__(self, place: int | slice) -> WrittenExchange | Sequence[WrittenExchange]:
        if isinstance(place, slice):
            return _Lines(self._lines[place])
        text, origin, *answers = self._lines[place].split("\t")
        return WrittenExchange(input=text, answers=tuple(answers), source=origin)


def _to_bytes(lines: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)


def _to_lines(content: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> Sequence[str]:
    return content.tobytes().decode().split("\n")
