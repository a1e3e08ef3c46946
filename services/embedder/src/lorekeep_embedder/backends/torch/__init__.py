"""sentence-transformers on torch: for CUDA, and on the CPU as the reference of the other backends.

`memory` and this module import no torch; `devices`, `models`, `compiling` and `backend` do, and only a process that
computes with torch may import them.
"""
