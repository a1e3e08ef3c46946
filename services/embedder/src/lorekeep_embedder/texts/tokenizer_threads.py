"""Where texts are tokenised: few on the event loop, many or long ones in threads, so that nobody waits for another."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from lorekeep_chassis.calls import Lane
from lorekeep_embedder.texts.heads import Gone, never
from lorekeep_embedder.texts.tokenizer import Tokenised

# Fewer characters are tokenised in under a millisecond, which is less than a queue behind long texts costs.
_SHORT_CHARACTERS = 2_000
# A text far beyond any window. One of 4 MB that is a single word takes 1.5 s and 600 MB while it is tokenised.
_HUGE_CHARACTERS = 256 * 1024

# What tokenises, asked now and then whether its caller has gone.
Tokenise = Callable[[Gone], Tokenised]


class TokenizerThreads:
    """Threads of a model: each lane has its own, and all huge texts have one, which bounds what they hold."""

    def __init__(self, count: int) -> None:
        self._of_lane = {
            lane: ThreadPoolExecutor(count, thread_name_prefix=f"tokenizer-{lane}")
            for lane in (Lane.INTERACTIVE, Lane.BULK)
        }
        self._huge = ThreadPoolExecutor(1, thread_name_prefix="tokenizer-huge")

    async def run(self, lane: Lane, texts: Sequence[str], tokenise: Tokenise) -> Tokenised:
        """What `tokenise` makes of `texts`; it is told when the caller leaves."""
        lengths = [len(text) for text in texts]
        if sum(lengths) <= _SHORT_CHARACTERS:
            return tokenise(never)
        threads = self._huge if max(lengths) > _HUGE_CHARACTERS else self._of_lane[lane]
        gone = Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, tokenise, gone.is_set)
        finally:
            gone.set()

    def close(self) -> None:
        """Ends the threads once they are done; nothing is asked of them afterwards."""
        for threads in (*self._of_lane.values(), self._huge):
            threads.shutdown(wait=False, cancel_futures=True)
