"""Hashed n-grams of syllables and jamo: a small, fast text encoder that sentence-transformers can train, save and load.

A message is read as it is written and as letters only (inserted symbols, digits and spaces are dropped, jamo are composed), so that
사💗랑💗해 and 사랑해 look alike. Its n-grams are hashed into one embedding table (Weinberger et al. 2009), added up over the root of
their number, and mapped by a two-layer head with a skip connection.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from torch import Tensor, nn

from models.fronts import split_front
from models.types import HER_LINE

_LETTERS = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣa-z]+")
_WORDS = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣa-z0-9]+")
_SYMBOLS = re.compile(r"[^\w\s]")
_LEFT = re.compile(r" \((?:남은 답변: [^()]*|[^():]*완료)\)$")
_STATE_REPEATS = 4
_TABLE, _SCALE = "table.weight", "table.scale"  # in the file
_LARGEST_INT8 = 127
_TINIEST = 1e-7  # a scale that float16 still holds
_REPEATS = re.compile(r"(.)\1{2,}")
_CALLS = re.compile(r"^(오?로라야?|롤아야)[\s,!~.]*")
_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_TAILS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
_SPLIT_SYLLABLE = re.compile(
    f"([{_LEADS}])([{_VOWELS}])(?:([{''.join(_TAILS)}])(?![{_VOWELS}])(?!\\3(?![{_VOWELS}])))?"
)


def normalise(text: str) -> str:
    """Return `text` composed, lower-case, without invisible characters, with runs of a character cut to two."""
    text = unicodedata.normalize("NFC", text)
    # Compatibility forms become plain ones, but single jamo such as ㅋ stay what people type.
    text = "".join(c if "ㄱ" <= c <= "ㆎ" else unicodedata.normalize("NFKC", c) for c in text).lower()
    text = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Mn"})
    return _REPEATS.sub(r"\1\1", text).strip()


def normalise_call(text: str) -> str:
    """Return `text` normalised, without her name in front where more is said."""
    text = normalise(text)
    return _CALLS.sub("", text) or text


def compose_jamo(letters: str) -> str:
    """Compose jamo that were typed one by one: ㅅㅏㄹㅏㅇ becomes 사랑; ㅋㅋ and ㅠㅠ stay."""

    def compose(match: re.Match[str]) -> str:
        lead, vowel = _LEADS.index(match[1]), _VOWELS.index(match[2])
        tail = _TAILS.index(match[3]) if match[3] else 0
        return chr(ord("가") + (lead * 21 + vowel) * 28 + tail)

    return _SPLIT_SYLLABLE.sub(compose, letters)


def split_jamo(letters: str) -> str:
    """Split syllables into their jamo; other letters stay."""
    parts = []
    for letter in letters:
        if "가" <= letter <= "힣":
            code = ord(letter) - ord("가")
            parts.append(_LEADS[code // 588] + _VOWELS[code // 28 % 21] + _TAILS[code % 28])
        else:
            parts.append(letter)
    return "".join(parts)


def features(text: str) -> Iterator[str]:
    """Yield the features of `text`: n-grams as written and of its letters alone, jamo 4-grams, whole words, symbols.

    Chosen by cross-validation (docs/decisions/0010).
    """
    text = normalise_call(text)
    letters = f"^{compose_jamo(''.join(_LETTERS.findall(text)))}$"
    spaced = f"_{'_'.join(text.split())}_"
    for kind, written in (("s", letters), ("c", spaced)):
        for size in (1, 2, 3):
            yield from (f"{kind}{written[i : i + size]}" for i in range(len(written) - size + 1))
    jamo = split_jamo(letters)
    yield from (f"j{jamo[i : i + 4]}" for i in range(len(jamo) - 3))
    yield from (f"w{word}" for word in _WORDS.findall(text))
    yield from (f"p{symbol}" for symbol in _SYMBOLS.findall(text))


def turn_features(text: str) -> Iterator[str]:
    """Yield the features of an interview turn, `question -> answer (남은 답변: …)`; of another text, such as a label, those of a message.

    What was asked, and what is left to answer, are whole features, repeated so that a long answer does not drown them. The n-grams of
    the answer come by themselves and once more bound to the question, because the same words are right under one question and wrong
    under another.
    """
    topic, arrow, rest = text.partition(" -> ")
    if not arrow:
        yield f"n{text}"
        yield from features(text)
        return
    answer, _, left = rest.rpartition(" (") if rest.endswith(")") and _LEFT.search(rest) else (rest, "", "")
    for number in range(_STATE_REPEATS):
        yield f"q{number}{topic}"
        if left:
            yield f"l{number}{left}"
            yield f"t{number}{topic}|{left}"
    for feature in features(answer):
        yield feature
        yield f"{topic}|{feature}"


def dialogue_features(text: str) -> Iterator[str]:
    """Yield the features of a message, those of what stands in front of it apart; or those of a line of hers (`HER_LINE`)."""
    if text.startswith(HER_LINE):
        yield from (f"r{feature}" for feature in features(text.removeprefix(HER_LINE)))
        return
    front, mark, message = split_front(text)
    yield from (f"m{feature}" for feature in features(message))
    if contexts := front + mark:
        yield from (f"f{feature}" for feature in features(contexts))


READINGS = {"message": features, "turn": turn_features, "dialogue": dialogue_features}


class HashedNgrams(InputModule):  # type: ignore[misc]
    """Text to embedding by hashed n-grams; a module for `SentenceTransformer(modules=[HashedNgrams()])`."""

    config_keys: ClassVar[list[str]] = ["buckets", "dimensions", "hidden", "max_features", "feature_dropout", "reading"]
    config_file_name: ClassVar[str] = "hashed_ngrams.json"
    modalities: ClassVar[list[str]] = ["text"]

    def __init__(
        self,
        buckets: int = 16384,
        dimensions: int = 128,
        hidden: int = 256,
        max_features: int = 1024,
        feature_dropout: float = 0.5,
        reading: str = "message",
    ) -> None:
        """Make an untrained encoder that reads messages, or turns of an interview (`READINGS`).

        A text uses at most `max_features` n-grams (about 150 characters); in training each is left out with the probability
        `feature_dropout`, so that no single n-gram decides.
        """
        super().__init__()
        self.buckets = buckets
        self.dimensions = dimensions
        self.hidden = hidden
        self.max_features = max_features
        self.feature_dropout = feature_dropout
        self.reading = reading
        self._known: dict[str, Tensor] | None = None
        self.table = nn.EmbeddingBag(buckets + 1, dimensions, mode="sum", padding_idx=0)
        self.head = nn.Sequential(nn.Linear(dimensions, hidden), nn.GELU(), nn.Linear(hidden, dimensions))
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[0].zero_()

    def bucket_ids(self, text: str) -> list[int]:
        """Return the table rows of `text`, each in 1..buckets; row 0 is padding."""
        return [zlib.crc32(f.encode()) % self.buckets + 1 for f in READINGS[self.reading](text)][: self.max_features]

    def remember(self) -> None:
        """Keep the table rows of every text from now on: training reads the same texts again and again."""
        self._known = {}

    def _ids(self, text: str) -> Tensor:
        if self._known is None:
            return torch.tensor(self.bucket_ids(text), dtype=torch.int32)
        if text not in self._known:
            self._known[text] = torch.tensor(self.bucket_ids(text), dtype=torch.int32)
        return self._known[text]

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: Any) -> dict[str, Tensor]:
        """Return `input_ids` (texts, longest), padded with 0."""
        rows = [self._ids(f"{prompt or ''}{text}") for text in inputs]
        ids = torch.zeros(len(rows), max((len(row) for row in rows), default=1), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
        return {"input_ids": ids}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `sentence_embedding`, shape (texts, dimensions)."""
        ids = features["input_ids"]
        if self.training:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.feature_dropout, 0)
        count = (ids > 0).sum(dim=1, keepdim=True).clamp_min(1)
        bag = self.table(ids) / count.sqrt()
        features["sentence_embedding"] = bag + self.head(bag)
        return features

    def get_embedding_dimension(self) -> int:
        """Return the number of dimensions of an embedding."""
        return self.dimensions

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write the configuration and the weights: safetensors, the table in int8 with a scale for each row, the head in float16."""
        self.save_config(output_path, self.config_file_name)
        weights = {name: value.half().contiguous() for name, value in self.state_dict().items() if name != _TABLE}
        table = self.state_dict()[_TABLE]
        weights[_SCALE] = (table.abs().amax(dim=1, keepdim=True) / _LARGEST_INT8).clamp_min(_TINIEST).half()
        weights[_TABLE] = (table / weights[_SCALE].float()).round().clamp(-_LARGEST_INT8, _LARGEST_INT8).to(torch.int8)
        save_file(weights, str(Path(output_path, "model.safetensors")))

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **_: Any) -> Self:
        """Load from a local folder; a table in float16, as older encoders have it, has no scales."""
        folder = Path(model_name_or_path, subfolder)
        module = cls(**cls.load_config(str(folder), config_filename=cls.config_file_name))
        weights = {name: value.float() for name, value in load_file(str(folder / "model.safetensors")).items()}
        if _SCALE in weights:
            weights[_TABLE] *= weights.pop(_SCALE)
        module.load_state_dict(weights)
        return module
