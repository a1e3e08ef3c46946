"""Settings of the parser role."""

import tempfile
from pathlib import Path

from pydantic import Field, SecretStr

from lorekeep_chassis import ports
from lorekeep_chassis.settings import ServiceSettings


class ParserSettings(ServiceSettings):
    """What the parser reads from its environment."""

    grpc_port: int = Field(ports.role("parser").grpc_port, ge=0, le=65535, description="Port of gRPC; 0 takes one.")
    parser_token: SecretStr = Field(description="Service token that callers must send.")
    temp_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()) / "lorekeep-parser",
        description="Directory for scratch files; its content is removed at the start.",
    )
    concurrent_processes: int = Field(4, ge=1, le=64, description="Documents read at once; more callers are refused.")
    processing_timeout_seconds: float = Field(
        300.0, gt=0, le=86400, description="Time for a document of up to 100 pages; each further page adds 3 seconds."
    )
    silence_seconds: float = Field(
        180.0,
        gt=0,
        le=86400,
        description="A document of which its reader gives no sign for so long is given up. One page of character "
        "recognition may take 120 seconds.",
    )
