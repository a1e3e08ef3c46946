"""The shape of an encoder, read from its config.json and checked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lorekeep_embedder.graph.refusal import Refused, unsupported

_MAX_CONFIG_BYTES = 4 * 1024 * 1024
_MAX_COUNT = 2**24
ACTIVATIONS = ("gelu", "relu")


@dataclass(frozen=True)
class Naming:
    """How a family names its tensors and its settings. `counts_padding`: positions begin behind the padding's id."""

    layer: str
    query: str
    key: str
    value: str
    attended: str
    attended_norm: str
    inner: str
    outer: str
    outer_norm: str
    counts_padding: bool = False
    has_types: bool = True
    settings: tuple[tuple[str, str], ...] = ()

    def setting(self, name: str) -> str:
        """What config.json calls a setting."""
        return dict(self.settings).get(name, name)


_BERT = Naming(
    layer="encoder.layer.{}",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attended="attention.output.dense",
    attended_norm="attention.output.LayerNorm",
    inner="intermediate.dense",
    outer="output.dense",
    outer_norm="output.LayerNorm",
)
_ROBERTA = Naming(**{**vars(_BERT), "counts_padding": True})
_MPNET = Naming(
    **{
        **vars(_ROBERTA),
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "attended": "attention.attn.o",
        "attended_norm": "attention.LayerNorm",
        "has_types": False,
    }
)
_DISTILBERT = Naming(
    layer="transformer.layer.{}",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attended="attention.out_lin",
    attended_norm="sa_layer_norm",
    inner="ffn.lin1",
    outer="ffn.lin2",
    outer_norm="output_layer_norm",
    has_types=False,
    settings=(
        ("num_hidden_layers", "n_layers"), ("num_attention_heads", "n_heads"), ("hidden_size", "dim"),
        ("intermediate_size", "hidden_dim"), ("hidden_act", "activation"),
    ),
)  # fmt: skip
FAMILIES = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": _MPNET,
    "distilbert": _DISTILBERT,
}


@dataclass(frozen=True)
class Architecture:
    """Sizes of an encoder. Every tensor that is read is held to them, so a config cannot ask for more than there is."""

    family: str
    naming: Naming
    layers: int
    heads: int
    hidden: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    padding_id: int
    epsilon: float
    activation: str

    @property
    def first_position(self) -> int:
        """Where the first token's row lies in the table of positions."""
        return self.padding_id + 1 if self.naming.counts_padding else 0


def read(folder: Path) -> Architecture:
    """The architecture of the model in `folder`; Refused where the builder does not know it, or cannot believe it."""
    config = loaded(folder / "config.json")
    family = config.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise unsupported(f"a model of the family {str(family)[:40]!r}; the families that have one are {known}")
    naming = FAMILIES[family]
    _check_kind(config, family)

    def count(name: str, default: int | None = None) -> int:
        return _count(config, naming.setting(name), default)

    read = Architecture(
        family=family,
        naming=naming,
        layers=count("num_hidden_layers"),
        heads=count("num_attention_heads"),
        hidden=count("hidden_size"),
        inner=count("intermediate_size"),
        vocabulary=count("vocab_size"),
        positions=count("max_position_embeddings"),
        types=count("type_vocab_size", 1),
        # MPNet's code has its padding's id written into it.
        padding_id=1 if family == "mpnet" else _count(config, "pad_token_id", 0, least=0),
        epsilon=_epsilon(config),
        activation=_activation(config, naming),
    )
    if read.hidden % read.heads:
        raise Refused(f"config.json says {read.hidden} numbers for {read.heads} heads, which do not divide them.")
    return read


def loaded(path: Path) -> dict[str, Any]:
    """The JSON object in a model's small file; Refused where there is none."""
    read = _json(path)
    if not isinstance(read, dict):
        raise Refused(f"{path.name} holds no object. Fetch the model again.")
    return read


def loaded_list(path: Path) -> list[Any]:
    """The JSON array in a model's small file; Refused where there is none."""
    read = _json(path)
    if not isinstance(read, list):
        raise Refused(f"{path.name} holds no array. Fetch the model again.")
    return read


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise Refused(f"{path.name} is larger than any model's. Fetch the model again.")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(f"{path.name} cannot be read ({type(error).__name__}). Fetch the model again.") from None


def _check_kind(config: dict[str, Any], family: str) -> None:
    positions = config.get("position_embedding_type", "absolute")
    if positions not in ("absolute", None):
        raise unsupported(f"a {family} model with {str(positions)[:40]} positions")
    if config.get("is_decoder") or config.get("add_cross_attention"):
        raise unsupported(f"a {family} model that is a decoder")


def _count(config: dict[str, Any], name: str, default: int | None = None, least: int = 1) -> int:
    value = config.get(name, default)
    value = default if value is None else value
    if type(value) is not int or not least <= value <= _MAX_COUNT:
        raise Refused(f"config.json says {str(value)[:40]} for {name}, which is no such number. Fetch the model again.")
    return value


def _epsilon(config: dict[str, Any]) -> float:
    value = config.get("layer_norm_eps", 1e-12)
    if type(value) is not float or not 0 < value < 1:
        raise Refused(f"config.json says {str(value)[:40]} for layer_norm_eps. Fetch the model again.")
    return value


def _activation(config: dict[str, Any], naming: Naming) -> str:
    value = config.get(naming.setting("hidden_act"), "gelu")
    if value not in ACTIVATIONS:
        raise unsupported(f"a model with the activation {str(value)[:40]}")
    return str(value)
