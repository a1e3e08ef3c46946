"""Index spaces: their names, and the facts about a model that are kept beside its vectors."""

from hashlib import blake2b

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors

Facts = dict[str, str | int]

_DISTANCES = ("cosine", "dot")
_MOST_DIMENSIONS = 65_535


def checked(space: search_pb2.IndexSpace) -> search_pb2.IndexSpace:
    """The space as given; InvalidInput where a part is missing or wrong."""
    if not space.fingerprint or not space.model:
        raise errors.InvalidInput("The index space needs the name and the fingerprint of a model.", field="space")
    if not 1 <= space.dimensions <= _MOST_DIMENSIONS:
        raise errors.InvalidInput(
            f"The index space needs 1 to {_MOST_DIMENSIONS} dimensions, not {space.dimensions}.", field="space"
        )
    if space.distance not in _DISTANCES:
        raise errors.InvalidInput("The distance of an index space is `cosine` or `dot`.", field="space")
    return space


def name(space: search_pb2.IndexSpace) -> str:
    """The space's name in the engine: the same for the same fingerprint and dimensions, safe as a file name."""
    digest = blake2b(f"{space.fingerprint}\n{space.dimensions}".encode(), digest_size=12).hexdigest()
    return f"lorekeep-{digest}"


def facts(space: search_pb2.IndexSpace) -> Facts:
    """What is kept beside the vectors, so that another model's never come among them."""
    return {
        "model": space.model,
        "fingerprint": space.fingerprint,
        "dimensions": space.dimensions,
        "distance": space.distance,
    }


def agree(space: search_pb2.IndexSpace, kept: Facts) -> None:
    """ModelMismatch where the space asked for is not the one kept; a model may be called by another name."""
    for key in ("fingerprint", "dimensions", "distance"):
        if facts(space)[key] != kept.get(key):
            raise errors.ModelMismatch(
                f"The index space was made with {key} {kept.get(key)}, and {facts(space)[key]} was asked for. Use the "
                "model that the collection was built with, or build a new generation."
            )


def unknown() -> errors.NotFound:
    """The error for writing to a space that nobody prepared."""
    return errors.NotFound("The index space is not there yet. Call Prepare first.", reason="space_not_prepared")
