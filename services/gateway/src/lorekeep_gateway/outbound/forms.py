"""A form with one long file, sent as it is read."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from lorekeep_gateway.outbound.fetching import Upload


@dataclass(frozen=True)
class FileForm:
    """multipart/form-data: fields, then the file `name` of a length that is known."""

    fields: tuple[tuple[str, str], ...]
    field: str
    name: str
    media_type: str
    size_bytes: int
    boundary: str

    @classmethod
    def of(cls, fields: Mapping[str, str], field: str, name: str, media_type: str, size_bytes: int) -> "FileForm":
        """With a boundary that no file holds but by a chance of nothing."""
        return cls(tuple(fields.items()), field, name, media_type, size_bytes, uuid4().hex)

    @property
    def content_type(self) -> str:
        """The header that goes with it."""
        return f"multipart/form-data; boundary={self.boundary}"

    def upload(self, content: AsyncIterable[bytes]) -> Upload:
        """The body around the file's content."""
        head, tail = self._head(), f"\r\n--{self.boundary}--\r\n".encode()

        async def pieces() -> AsyncIterator[bytes]:
            yield head
            async for piece in content:
                yield piece
            yield tail

        return Upload(len(head) + self.size_bytes + len(tail), pieces())

    def _head(self) -> bytes:
        parts = [f'{self._part(name)}"\r\n\r\n{value}\r\n' for name, value in self.fields]
        opening = f'{self._part(self.field)}"; filename="{_quoted(self.name)}"\r\n'
        return f"{''.join(parts)}{opening}Content-Type: {self.media_type}\r\n\r\n".encode("utf-8", "replace")

    def _part(self, name: str) -> str:
        return f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}'


def _quoted(name: str) -> str:
    """As browsers write a name: what would end it is spelt by number."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
