"""Builds the ONNX graph of an encoder from its safetensors weights, by `python -m lorekeep_embedder.graph`.

The builder holds copies of the weights, so it runs in a short child process and the process that serves never imports
`onnx`. Pooling, normalising and heads are part of the graph: ids in, vectors, scores and term weights out.
"""
