"""Shapes of batches, rounded up so that few differ: OpenVINO makes code for each, 3 to 7 ms, and keeps it."""

# Tokens: up to so many, rounded to multiples of that. The code for attention is quickest at multiples of 16: a batch of
# 208 or 240 takes less time than one of 200 or 232, and one of 256 less than one of 248.
_STEPS = ((24, 4), (64, 8))
_COARSE = 16
_STEPS_AN_OCTAVE = 16
_FEW_TEXTS, _SOME_TEXTS = 4, 12


def rounded(texts: int, tokens: int, window_tokens: int) -> tuple[int, int]:
    """Texts and tokens of the shape in which a batch is computed, each at least what it has.

    A length grows by at most 3 tokens up to 24, by 7 up to 64, by 15 up to 512, then by at most a sixteenth; up to 4
    texts stay as they are, more become even, and over 12 a multiple of 4.
    """
    return _texts(texts), min(_tokens(tokens), max(window_tokens, tokens))


def _tokens(count: int) -> int:
    step = next((step for most, step in _STEPS if count <= most), 0)
    if step:
        return _up(count, step)
    octave: int = 2 ** ((count - 1).bit_length() - 1)
    return _up(count, max(_COARSE, octave // _STEPS_AN_OCTAVE))


def _texts(count: int) -> int:
    if count <= _FEW_TEXTS:
        return count
    return _up(count, 2 if count <= _SOME_TEXTS else 4)


def _up(count: int, step: int) -> int:
    return -(-count // step) * step
