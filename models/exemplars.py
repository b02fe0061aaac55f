"""Find what was written for messages like this one: an index of the corpus' exchanges by the bigrams of their messages.

A small model knows how to answer what is in its corpus, and blends when it must answer something else. So it is shown the answer to the
nearest message that somebody has written, as one example in front of what it answers (retrieve and refine, Weston et al. 2018,
arXiv:1808.04776; docs/decisions/0042). The index is TF-IDF over character bigrams within words (Salton & Buckley 1988), built when the models load.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from models.errors import ModelError
from models.exemplar_names import mask_name
from models.exemplar_words import as_said_in, recalled_memory
from models.fronts import split_front
from models.text_features import normalise_call
from models.training.dialogue_files import DATA_DIR
from models.training.dialogue_rows import DialogueCorpus
from models.training.memory_notes import read_memory_notes
from models.training.slots import draw_values, fill
from models.types import WrittenExchange

_FRONT_WEIGHT = 0.2
"""Of what stands in front, beside the message: a twenty-fifth of the square length of both. More finds less that fits (0043)."""
_SPARE = 3
_WITHOUT_KEY, _NO_SUCH_KEY = 0, -1
_SEED = 7


class ExemplarIndex:
    """Messages that somebody wrote, with her answers; finds those that are like a message."""

    def __init__(self, exchanges: Sequence[WrittenExchange]) -> None:
        """Index `exchanges` by their inputs.

        Raises:
            ModelError: there is nothing to index.
        """
        if not exchanges:
            raise ModelError("no exchange to learn from; give a corpus that holds some")
        self.exchanges = exchanges
        keys = [recalled_memory(each.input)[0] for each in exchanges]
        self._key_numbers = {key: number for number, key in enumerate(dict.fromkeys(["", *keys]))}
        self._keys = np.array([self._key_numbers[key] for key in keys])
        parts = [_split(each.input) for each in exchanges]
        self._words = _make_vectorizer()
        fronts, messages = zip(*parts, strict=True)
        vectors = self._words.fit_transform(messages)
        different = {front: number for number, front in enumerate(dict.fromkeys(fronts))}
        rows = self._words.transform(different)[[different[front] for front in fronts]]
        self._columns = _join(vectors, rows).T.tocsr()

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.exchanges)

    @property
    def bigrams(self) -> list[str]:
        """The bigrams that are counted, in the order of the rows of `arrays`."""
        return [str(bigram) for bigram in self._words.get_feature_names_out()]

    @property
    def keys(self) -> list[str]:
        """The keys of memories that stand in front of messages, in the order of their numbers in `arrays`."""
        return list(self._key_numbers)

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the numbers of the index by name, for `restore`: weights of bigrams, a sparse matrix of bigrams and messages, and each message's key."""
        columns = self._columns
        return {
            "idf": self._words.idf_,
            "data": columns.data,
            "indices": columns.indices,
            "indptr": columns.indptr,
            "key_numbers": self._keys,
        }

    @classmethod
    def restore(
        cls,
        exchanges: Sequence[WrittenExchange],
        bigrams: Sequence[str],
        keys: Sequence[str],
        arrays: Mapping[str, np.ndarray[Any, Any]],
    ) -> ExemplarIndex:
        """Return the index of `exchanges` that had these `bigrams`, `keys` and `arrays`.

        Raises:
            ValueError, KeyError: they do not fit together.
        """
        if len(arrays["key_numbers"]) != len(exchanges):
            raise ValueError(f"{len(exchanges)} exchanges with {len(arrays['key_numbers'])} keys")
        index = cls.__new__(cls)
        index.exchanges = exchanges
        index._keys = arrays["key_numbers"]
        index._key_numbers = {key: number for number, key in enumerate(keys)}
        index._words = _make_vectorizer({bigram: number for number, bigram in enumerate(bigrams)})
        index._words.idf_ = arrays["idf"]
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        index._columns = csr_matrix(parts, shape=(2 * len(bigrams), len(exchanges)))
        return index

    def find(
        self, final_input: str, count: int, same_key: float = 0.0, *, adapted: bool = False
    ) -> list[tuple[WrittenExchange, float]]:
        """Return up to `count` exchanges that share something with `final_input`, with their likeness, nearest first.

        What answers a memory is nothing for a message without one, or with one of another kind: there is no value to put in. One of
        the same kind gets `same_key` more, since a memory is only there because the message calls for it. What is `adapted` has this
        memory's value, this day and these numbers in the places of its own; without those that cannot be put so.
        """
        likeness = (self._rows([final_input]) @ self._columns).tocsr()
        key, _ = recalled_memory(final_input)
        keys = self._keys[likeness.indices]
        is_same = keys == self._key_numbers.get(key, _NO_SUCH_KEY) if key else np.zeros(len(keys), dtype=bool)
        fitting = is_same | (keys == _WITHOUT_KEY)
        numbers, cosines = likeness.indices[fitting], (likeness.data + same_key * is_same)[fitting]
        most = _SPARE * count if adapted else count  # some cannot be put into the terms of this message
        nearest = np.argpartition(-cosines, most)[:most] if most < len(cosines) else np.arange(len(cosines))
        order = nearest[np.argsort(-cosines[nearest], kind="stable")]
        found = [(self.exchanges[numbers[place]], float(cosines[place])) for place in order]
        if not adapted:
            return found
        put_in = ((as_said_in(final_input, exchange), cosine) for exchange, cosine in found)
        return list(islice(((exchange, cosine) for exchange, cosine in put_in if exchange is not None), count))

    def likeness(self, final_input: str, others: Sequence[str]) -> list[float]:
        """Return the likeness of `final_input` to each of `others`, which need not be in the index."""
        one, *rows = self._rows([final_input, *others])
        return [float((one @ row.T).sum()) for row in rows]

    def _rows(self, final_inputs: Sequence[str]) -> csr_matrix:
        fronts, messages = zip(*(_split(each) for each in final_inputs), strict=True)
        return _join(self._words.transform(messages), self._words.transform(fronts))


def _make_vectorizer(bigrams: Mapping[str, int] | None = None) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(2, 2),
        sublinear_tf=True,
        lowercase=False,
        dtype=np.float32,
        vocabulary=bigrams,
    )


def written_exchanges(corpus: DialogueCorpus) -> Iterator[WrittenExchange]:
    """Yield each message of `corpus` with its answers, but what is held out: what is measured there must be new to her."""
    rng = random.Random(_SEED)
    for file, exchange in corpus.exchanges():
        values = draw_values(exchange.slots(), file.lists, rng) if exchange.slots() else {}
        answers = tuple(fill(reply.text, values) for reply in exchange.replies)
        for text in exchange.inputs:
            if not corpus.is_held_out(exchange, text):
                yield WrittenExchange(input=fill(text, values), answers=answers, source=exchange.source)


def written_notes(folder: Path = DATA_DIR) -> Iterator[WrittenExchange]:
    """Yield the notes in `folder` with what is to be remembered, which may be nothing; not what is held out.

    Raises:
        CorpusError: a file breaks the format.
    """
    for note in read_memory_notes(folder):
        yield WrittenExchange(input=note.input, answers=(note.memory or "",), source=note.source)


def _join(messages: csr_matrix, fronts: csr_matrix) -> csr_matrix:
    """Return rows of length 1 for messages with what stands in front of them, shape (rows, twice the bigrams)."""
    return normalize(hstack([messages, fronts * _FRONT_WEIGHT]).tocsr(), copy=False)


def _split(final_input: str) -> tuple[str, str]:
    """Return what stands in front, and the message without her name, and without the user's where it is given."""
    front, mark, message = split_front(mask_name(final_input))
    return f"{front}{mark}", normalise_call(message)
