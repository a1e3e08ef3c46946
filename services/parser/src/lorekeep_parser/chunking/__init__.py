"""How elements become chunks: what is counted, where is cut, six strategies."""
