"""Teach copying: a noun that stands in the message and in her answer becomes another word in both.

A small model copies what stands in front of it only when it has seen that very many different words are copied; the corpus
alone would teach it to answer with the words that it knows. The new word is one of the corpus' slot values or a made-up one, and
ends as the old one does (vowel, ㄹ, another consonant), so that every particle still fits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from models.training.slots import TIME_WORDS

if TYPE_CHECKING:
    from models.training.dialogue_rows import DialogueRow

_PARTICLES = (
    "이라니", "이라면", "이라서", "에서", "으로", "한테", "에게", "부터", "까지", "처럼", "보다", "이랑", "이야", "이나", "이니", "라니", "라면", "라서",
    "은", "는", "이", "가", "을", "를", "도", "만", "에", "의", "와", "과", "랑", "로", "야", "나",
)  # fmt: skip
_SURE = re.compile("^([가-힣]{2,6}?)(을|를|이|가|에서|으로|한테|에게|부터|까지|처럼|보다|이랑|이라니)$")
_WORD = re.compile(r"(?<![0-9가-힣])[가-힣]{2,}")  # no unit behind a number
_RUN = re.compile(r"(?<![0-9가-힣])[가-힣]+")
_NOUN = re.compile(f"^([가-힣]{{2,6}}?)({'|'.join(_PARTICLES)})$")
_INFLECTED = re.compile(r"[하해되돼었았였겠있없싶같좋많않못안했됐]$")
_KEEP = frozenset((
    "오늘", "내일", "모레", "어제", "지금", "이따", "휴일", "주말", "요일", "오전", "오후", "저녁", "아침", "새벽", "오로라", "로라", "혜나", "사용자",
    "답변", "요약", "질문", "우리", "나도", "너도", "그거", "이거", "저거", "뭐라", "누구", "어디", "언제", "정말", "진짜", "너무", "하나", "모두",
    "조금", "다음", "하루", "마음", "얘기", "이야기", "생각", "사람", "친구", "때문", "시간", "혼자", "아직", "처음", "서로", "자기", "아니", "아무",
    "아무것", "글쎄", "그저께", "오래", "대체", "도대체", "어린", "수도", "모르", "하다", "보여", "기다리", "위로", "반대", "이유", "기분", "정도", "거기",
))  # fmt: skip
_FIXED = re.compile(r"\[[^\[\]:]+:|\(오로라 답변 요약\)|\(사용자 질문\)|\(지금은 [^()]*\)|\([^()]*\)$")
_REFUSAL = re.compile("미안|부담|109|범죄|안 돼|못 해")
_OPEN = [chr(ord("가") + (lead * 21 + vowel) * 28) for lead in (0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 16, 17, 18) for vowel in (0, 4, 8, 13, 20)]  # fmt: skip
_TAILS = {"vowel": (0,), "rieul": (8,), "consonant": (1, 4, 16, 17, 21)}


class WordStock:
    """Words to put in: values of the slot list that the old word stands in, and made-up ones or `others` where it stands in none."""

    def __init__(
        self, lists: Iterable[Iterable[str]], *, with_made_up: bool = True, others: Iterable[str] = ()
    ) -> None:
        """Take every value in Hangul of the slot lists but those that would call for a time mark."""
        self._with_made_up = with_made_up
        self._others: dict[str, list[str]] = {name: [] for name in _TAILS}
        for word in sorted(others):
            self._others[sound_of_end(word)].append(word)
        self._beside: dict[str, dict[str, set[str]]] = {}
        for values in lists:
            by_end: dict[str, set[str]] = {name: set() for name in _TAILS}
            for value in values:
                if re.fullmatch(r"[가-힣]{2,8}( [가-힣]{1,6})?", value) and not TIME_WORDS.search(value):
                    by_end[sound_of_end(value)].add(value)
            for name, words in by_end.items():
                for word in words:
                    self._beside.setdefault(word, {}).setdefault(name, set()).update(words)

    def draw(self, old: str, rng: random.Random) -> str:
        """Return a word that can stand for `old`: every other time of the same list, if it is in any, else made up.

        Without made-up words it is always of the same list, one of the others where it is one of them, and `old` itself elsewhere.
        """
        sound = sound_of_end(old)
        beside = self._beside.get(old, {}).get(sound, set()) - {old}
        if beside and (not self._with_made_up or rng.random() < 0.5):
            return rng.choice(sorted(beside))
        if not self._with_made_up:
            others = self._others[sound]
            return rng.choice(others) if old in others else old
        return make_up_word(sound, rng)


def sound_of_end(word: str) -> str:
    """Tell how a word in Hangul ends: vowel, rieul or consonant."""
    tail = (ord(word[-1]) - ord("가")) % 28
    return "vowel" if tail == 0 else "rieul" if tail == 8 else "consonant"


def make_up_word(sound: str, rng: random.Random) -> str:
    """Return two to four syllables that are no word, ending as `sound` says."""
    tails = [0, 0, 0, 1, 4, 8, 16, 21]
    body = [chr(ord(rng.choice(_OPEN)) + rng.choice(tails)) for _ in range(rng.randint(1, 3))]
    return "".join(body) + chr(ord(rng.choice(_OPEN)) + rng.choice(_TAILS[sound]))


def find_copied_nouns(row: DialogueRow) -> list[str]:
    """Return the nouns that stand in the input and again in the reply or in the remembered value, longest first."""
    given, nouns = _stems(_FIXED.sub(" ", row.input))
    answered, more = _stems(_FIXED.sub(" ", f"{row.reply} {row.memory or ''}"))
    found = {stem for stem in given & answered if stem in nouns | more and stem not in _KEEP}
    found -= {stem for stem in found if f"{stem}이" in found}  # 고양이, not 고양 with a particle
    return sorted(found, key=lambda stem: (-len(stem), stem))


def sure_nouns(texts: Iterable[str]) -> set[str]:
    """Return the words of `texts` that stand there with a particle which no verb has."""
    words = {word for text in texts for word in _WORD.findall(text)}
    return {match[1] for word in words if (match := _SURE.match(word)) is not None and not _INFLECTED.search(match[1])}


def swap_copied_word(row: DialogueRow, stock: WordStock, rng: random.Random) -> DialogueRow:
    """Return `row` with one copied noun exchanged everywhere but in keys and marks, or as it is where nothing is copied."""
    nouns = find_copied_nouns(row)
    if not nouns or _REFUSAL.search(row.reply):
        return row
    old = rng.choice(nouns[:2])
    new = stock.draw(old, rng)
    forms = {old, *(f"{old}{particle}" for particle in _PARTICLES)}

    def exchange(text: str | None) -> str | None:
        if not text:
            return text
        fixed = [match.span() for match in _FIXED.finditer(text)]

        def put_in(match: re.Match[str]) -> str:
            word = match[0]
            is_fixed = any(start <= match.start() < end for start, end in fixed)
            return word if is_fixed or word not in forms else new + word[len(old) :]

        return _RUN.sub(put_in, text)

    swapped = replace(
        row,
        input=exchange(row.input) or row.input,
        reply=exchange(row.reply) or row.reply,
        memory=exchange(row.memory),
        summary=exchange(row.summary),
    )
    left_over = any(old in _FIXED.sub(" ", text or "") for text in (swapped.reply, swapped.memory, swapped.summary))
    return row if left_over else swapped


def _stems(text: str) -> tuple[set[str], set[str]]:
    """Return whole words and words without their particle, and those of them that a particle shows to be nouns."""
    words = set(_WORD.findall(text))
    nouns = {match[1] for word in words if (match := _NOUN.match(word)) is not None and not _INFLECTED.search(match[1])}
    return words | nouns, nouns
