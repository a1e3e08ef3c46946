"""Texts to token ids, with the window kept by us and not by what a tokenizer.json happens to say.

A special token that stands in a text literally (`[SEP]`, `<s>`) is read as that token, as the models' own libraries
read it: the ids are theirs for every text. All it can change is the vector or the score of the text that holds it; what
separates the texts of a pair is put there by us.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import tokenizers

from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.backends.seam import Tokens
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.texts.heads import Gone, Head, Heads, never
from lorekeep_embedder.texts.special_tokens import frame_of_a_pair, frame_of_a_text

# What a query must leave of a pair's window: a text cut to fewer tokens says nothing.
_LEAST_TEXT_TOKENS = 16


class Tokenised:
    """Texts as a model reads them, in the order given, and the places of those that were cut."""

    def __init__(self, texts: list[Tokens], truncated: frozenset[int]) -> None:
        self.texts = texts
        self.truncated = truncated
        self.token_counts = [len(each) for each in texts]

    @property
    def token_count(self) -> int:
        """Tokens of all texts."""
        return sum(self.token_counts)

    @property
    def truncated_count(self) -> int:
        """Texts that were cut."""
        return len(self.truncated)


class Tokenizer:
    """The tokenizer of a model. Its calls hold no lock: they may run in several threads.

    `gone` of a call is asked every few thousand characters; once it says yes, the call ends with CancelledError.
    """

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        self._spec = spec
        content = (folder / "tokenizer.json").read_bytes()
        self.fingerprint = hashlib.sha256(content).hexdigest()
        tokenizer = tokenizers.Tokenizer.from_buffer(content)
        # Files on the hub carry training-time settings (MiniLM: cut at 128, pad to 128), which make wrong vectors.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._heads = Heads(tokenizer, spec.window_tokens)
        self._single = frame_of_a_text(tokenizer)
        self._pair = frame_of_a_pair(tokenizer)

    def tokenised(self, texts: Sequence[str], *, truncate: bool, gone: Gone = never) -> Tokenised:
        """Ids of the texts; InvalidInput `text_too_long` for one beyond the window, unless it may be cut."""
        frame = self._single
        room = self._spec.window_tokens - frame.length
        made, truncated = [], set()
        for index, head in enumerate(self._heads.of(texts, room, gone)):
            if self._cut(index, head, room, truncate):
                truncated.add(index)
            made.append(Tokens(frame.around(head.ids)))
            if not made[-1].ids:
                raise _nothing_to_read(index)
        return Tokenised(made, frozenset(truncated))

    def paired(self, query: str, texts: Sequence[str], *, truncate: bool, gone: Gone = never) -> Tokenised:
        """Ids of the query with each text; the query is tokenised once and never cut.

        InvalidInput `query_too_long` where it leaves hardly any room for a text, and `text_too_long` for a text that
        does not fit beside it, unless it may be cut.
        """
        window = self._spec.window_tokens
        most = window - self._pair.length - min(_LEAST_TEXT_TOKENS, window // 4)
        [of_query] = self._heads.of([query], most, gone)
        if of_query.over:
            raise self._query_too_long(most)
        frame = self._pair.begun_with(of_query.ids)
        room = window - frame.length
        made, truncated = [], set()
        for index, head in enumerate(self._heads.of(texts, room, gone)):
            if self._cut(index, head, room, truncate):
                truncated.add(index)
            made.append(Tokens(frame.around(head.ids), frame.types(len(head.ids))))
        return Tokenised(made, frozenset(truncated))

    def _cut(self, index: int, head: Head, room: int, truncate: bool) -> bool:
        """Whether a text had to be cut; InvalidInput where it may not be."""
        if not head.over or truncate:
            return head.over
        beside = self._spec.window_tokens - room
        count = f"{head.count + beside}" if head.count else f"over {self._spec.window_tokens}"
        with_query = " together with the query" if beside > self._single.length else ""
        raise InvalidInput(
            f"Text {index} has {count} tokens{with_query}, and {self._spec.name} reads at most "
            f"{self._spec.window_tokens}. Split it, or set `truncate` to have it cut.",
            reason="text_too_long",
            field=f"texts[{index}]",
        )

    def _query_too_long(self, most: int) -> InvalidInput:
        return InvalidInput(
            f"The query has over {most} tokens and leaves no room for a text: {self._spec.name} reads at most "
            f"{self._spec.window_tokens} of both together. Shorten the query.",
            reason="query_too_long",
            field="query",
        )


def _nothing_to_read(index: int) -> InvalidInput:
    return InvalidInput(
        f"Text {index} has no character that the model reads. Leave out texts without content.",
        reason="blank_text",
        field=f"texts[{index}]",
    )
