"""torch's backend over models of every kind, against sentence-transformers' own encode and predict."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder.backends.seam import SparseVector, Tokens, Vectors
from lorekeep_embedder.backends.torch.backend import TorchBackend
from lorekeep_embedder.backends.torch.models import Form
from lorekeep_embedder.texts.tokenizer import Tokenizer as LorekeepTokenizer
from tests.embedder import tiny_torch_models as tiny

TEXTS = [
    "the cell",
    "How do I reset my password?",
    "x",
    "gardens soil weather and the many plain words of a model " * 4,
]
PAIRS = [("reset password", text) for text in TEXTS]


@contextmanager
def opened(folder: Path, form: Form, precision: str = "float32", **more: bool) -> Iterator[TorchBackend]:
    backend = TorchBackend(folder, form, device="cpu", precision=precision, **more)
    try:
        yield backend
    finally:
        backend.close()


def tokenised(folder: Path, texts: Sequence[str] | Sequence[tuple[str, str]]) -> list[Tokens]:
    """As the embedder's own tokenizer reads them: from tokenizer.json, in two steps."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [Tokens(each.ids, each.type_ids) for each in tokenizer.encode_batch(texts)]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(7)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(("pooling", "stored"), [("mean", "mean"), ("cls", "cls"), ("last", "lasttoken")])
def test_each_pooling_is_that_of_the_model(tmp_path: Path, pooling: str, stored: str, normalise: bool) -> None:
    tiny.dense(tmp_path, stored, normalise=normalise)
    expected = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True).encode(TEXTS)
    with opened(tmp_path, Form(pooling=pooling, normalise=normalise)) as backend:
        vectors = backend.compute(tokenised(tmp_path, TEXTS)).vectors
    assert vectors.dtype == np.float32
    assert np.abs(vectors - expected).max() < 1e-5
    assert np.allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5) is normalise


def test_a_decoder_padded_on_the_right_makes_what_it_makes_padded_on_the_left(tmp_path: Path) -> None:
    tiny.decoder(tmp_path)
    oracle = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    assert oracle.tokenizer.padding_side == "left"
    prompt = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    expected = oracle.encode(TEXTS, prompt=prompt)
    texts = tokenised(tmp_path, [prompt + text for text in TEXTS])
    with opened(tmp_path, Form(pooling="last")) as backend:
        assert np.abs(backend.compute(texts).vectors - expected).max() < 1e-5


def test_a_decoder_reads_the_same_ids_as_sentence_transformers_with_the_end_last(tmp_path: Path) -> None:
    tiny.decoder(tmp_path)
    own = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    spec: Any = SimpleNamespace(name="decoder", window_tokens=64)
    read = LorekeepTokenizer(spec, tmp_path).tokenised(TEXTS, truncate=True)
    assert [list(each.ids) for each in read.texts] == own(TEXTS, truncation=True, max_length=64)["input_ids"]
    assert {each.ids[-1] for each in read.texts} == {own.eos_token_id}
    assert (read.truncated_count, max(map(len, read.texts))) == (1, 64)


def test_a_reranker_gives_scores_from_0_to_1(tmp_path: Path) -> None:
    tiny.reranker(tmp_path)
    oracle = CrossEncoder(str(tmp_path), device="cpu", local_files_only=True)
    expected = oracle.predict(PAIRS, activation_fn=torch.nn.Sigmoid())
    pairs = tokenised(tmp_path, PAIRS)
    with opened(tmp_path, Form(kind="reranker")) as backend:
        scores = backend.compute(pairs).vectors
        without_types = backend.compute([Tokens(each.ids) for each in pairs]).vectors
    assert scores.shape == (len(PAIRS), 1)
    assert np.abs(scores[:, 0] - expected).max() < 1e-5
    assert np.abs(scores - without_types).max() > 1e-4


def test_a_classifier_of_several_labels_is_no_reranker(tmp_path: Path) -> None:
    tiny.reranker(tmp_path, labels=3)
    with pytest.raises(Unavailable, match="3 labels"), opened(tmp_path, Form(kind="reranker")):
        pass


def test_splade_gives_the_terms_of_its_vocabulary(tmp_path: Path) -> None:
    tiny.splade(tmp_path)
    oracle = SparseEncoder(str(tmp_path), device="cpu", local_files_only=True)
    expected = oracle.encode(TEXTS, convert_to_sparse_tensor=False).numpy()
    with opened(tmp_path, Form(sparse=True)) as backend:
        outputs = backend.compute(tokenised(tmp_path, TEXTS))
    assert outputs.vectors.shape == (len(TEXTS), 0)
    assert np.abs(_full(outputs.sparse, expected.shape[1]) - expected).max() < 1e-5


def test_bge_m3_gives_a_vector_and_the_greatest_weight_of_each_term(tmp_path: Path) -> None:
    tiny.dense_and_sparse(tmp_path)
    texts = tokenised(tmp_path, TEXTS)
    with opened(tmp_path, Form(pooling="cls", sparse=True)) as backend:
        outputs = backend.compute(texts)
    oracle = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    assert np.abs(outputs.vectors - oracle.encode(TEXTS)).max() < 1e-5
    for tokens, sparse in zip(texts, outputs.sparse, strict=True):
        expected = _lexical_weights(tmp_path, tokens)
        assert list(sparse.indices) == sorted(expected)
        assert np.allclose(sparse.values, [expected[int(term)] for term in sparse.indices], atol=1e-5)
    assert sum(len(each.indices) for each in outputs.sparse) > 5


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_stays_near_float32(tmp_path: Path, precision: str) -> None:
    tiny.dense(tmp_path, "mean", normalise=True)
    texts = tokenised(tmp_path, TEXTS)
    with opened(tmp_path, Form()) as exact, opened(tmp_path, Form(), precision) as half:
        cosines = np.sum(exact.compute(texts).vectors * half.compute(texts).vectors, axis=1)
        assert (half.precision, half.memory_bytes < 0.6 * exact.memory_bytes) == (precision, True)
    assert cosines.min() >= 0.999


def test_float16_that_overflows_is_an_error_and_no_vector(tmp_path: Path) -> None:
    tiny.dense(tmp_path, "mean", normalise=True)
    with opened(tmp_path, Form(), "float16") as backend:
        backend._model.modules[0].model.embeddings.LayerNorm.bias.data.fill_(60_000)
        with pytest.raises(Unavailable, match="beyond the range of float16"):
            backend.compute(tokenised(tmp_path, TEXTS))


def test_attention_is_torchs_own(tmp_path: Path) -> None:
    tiny.dense(tmp_path, "mean", normalise=True)
    with opened(tmp_path, Form()) as backend:
        assert backend._model.modules[0].model.config._attn_implementation == "sdpa"


def test_files_that_pool_otherwise_than_the_registry_says_are_refused(tmp_path: Path) -> None:
    tiny.dense(tmp_path, "cls", normalise=True)
    with pytest.raises(Unavailable, match="pool by cls"), opened(tmp_path, Form(pooling="mean")):
        pass


def test_files_that_name_no_modules_are_pooled_as_the_registry_says(tmp_path: Path) -> None:
    tiny.dense(tmp_path, "cls", normalise=True)
    expected = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True).encode(TEXTS)
    (tmp_path / "modules.json").unlink()
    with opened(tmp_path, Form(pooling="cls")) as backend:
        assert np.abs(backend.compute(tokenised(tmp_path, TEXTS)).vectors - expected).max() < 1e-5


def test_files_for_other_runtimes_do_no_harm(tmp_path: Path) -> None:
    tiny.dense(tmp_path, "mean", normalise=True)
    for name in ("openvino/openvino_model.bin", "pytorch_model.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no weights")
    with opened(tmp_path, Form()) as backend:
        assert backend.compute(tokenised(tmp_path, TEXTS)).vectors.shape == (len(TEXTS), 32)


@pytest.mark.parametrize("place", ["pytorch_model.bin", "2_Dense/pytorch_model.bin"])
def test_pickled_weights_are_not_read(tmp_path: Path, place: str) -> None:
    tiny.dense(tmp_path, "mean", normalise=True)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / "model.safetensors").rename(tmp_path / "gone")
    (tmp_path / place).write_bytes(b"")
    with pytest.raises(Unavailable, match="safetensors"), opened(tmp_path, Form()):
        pass


def test_code_that_a_model_brings_is_not_run(tmp_path: Path) -> None:
    tiny.dense(tmp_path, "mean", normalise=True)
    (tmp_path / "own.py").write_text("raise SystemExit('the code of a model ran')")
    modules = (tmp_path / "modules.json").read_text()
    (tmp_path / "modules.json").write_text(modules.replace('"type": "sentence_transformers', '"type": "own', 1))
    with pytest.raises(Exception, match="own"), opened(tmp_path, Form()):
        pass


def test_a_compiler_that_fails_is_logged_and_left(tmp_path: Path) -> None:
    from lorekeep_embedder.backends.torch.compiling import compile_forward

    calls = []

    def at_once(forward: Callable[..., object], **_: bool) -> Callable[..., object]:
        raise RuntimeError("there is no compiler")

    def later(forward: Callable[..., object], **options: bool) -> Callable[..., object]:
        def compiled(*_: object, **__: object) -> object:
            calls.append(options)
            raise RuntimeError("the shapes cannot be compiled")

        return compiled

    module = torch.nn.Linear(2, 2)
    ones = torch.ones(1, 2)
    expected = module(ones)
    for compiler in (at_once, later):
        compile_forward(module, compiler)
        assert torch.equal(module(ones), expected)
        assert torch.equal(module(ones), expected)
    assert calls == [{"dynamic": True}]


def _full(sparse: Sequence[SparseVector], terms: int) -> Vectors:
    rows = np.zeros((len(sparse), terms), np.float32)
    for row, each in zip(rows, sparse, strict=True):
        assert (np.diff(each.indices.astype(np.int64)) > 0).all()
        row[each.indices] = each.values
    return rows


def _lexical_weights(folder: Path, tokens: Tokens) -> dict[int, float]:
    """Written after the published description of the model: linear, ReLU, the greatest of a term, no special ones."""
    head = torch.load(folder / "sparse_linear.pt", weights_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    with torch.inference_mode():
        hidden = model(torch.tensor([tokens.ids])).last_hidden_state[0]
        weights = torch.relu(hidden @ head["weight"].T + head["bias"])[:, 0]
    found: dict[int, float] = {}
    for term, weight in zip(tokens.ids, weights.tolist(), strict=True):
        if weight > 0 and term not in (0, 1, 2, 3):
            found[term] = max(weight, found.get(term, 0.0))
    return found
