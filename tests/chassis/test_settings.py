"""Settings: environment over file over defaults, files for secrets, every problem named at once."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from lorekeep_chassis.settings import ServiceSettings, SettingsError, load


class Sample(ServiceSettings):
    grpc_port: int = Field(50051, ge=0, le=65535)
    parser_token: SecretStr = Field(description="needed")
    redis_url: SecretStr | None = None


TOKEN = {"LOREKEEP_PARSER_TOKEN": "t0k3n"}


def test_defaults_come_from_the_class_and_the_port_table() -> None:
    settings = load(Sample, "parser", TOKEN)
    assert (settings.grpc_port, settings.metrics_port, settings.log_level) == (50051, 9102, "INFO")


def test_the_environment_goes_over_the_file_and_the_role_over_both(tmp_path: Path) -> None:
    file = tmp_path / "lorekeep.yaml"
    file.write_text("grpc_port: 1\nredis_url: redis://file\nanother_roles_setting: 3\n")
    environment = {**TOKEN, "LOREKEEP_CONFIG": str(file), "LOREKEEP_GRPC_PORT": "2"}
    assert load(Sample, "parser", environment).grpc_port == 2
    assert load(Sample, "parser", environment).redis_url == SecretStr("redis://file")
    assert load(Sample, "parser", {**environment, "LOREKEEP_PARSER_GRPC_PORT": "3"}).grpc_port == 3


def test_a_guides_name_is_an_alias() -> None:
    settings = load(Sample, "parser", {**TOKEN, "REDIS_URL": "redis://alias"})
    assert settings.redis_url == SecretStr("redis://alias")


def test_a_redis_is_named_by_its_url_or_by_nothing() -> None:
    assert load(Sample, "parser", {**TOKEN, "REDIS_URL": ""}).redis_url == SecretStr("")
    with pytest.raises(SettingsError, match=r"LOREKEEP_REDIS_URL: .*must begin with redis://") as caught:
        load(Sample, "parser", {**TOKEN, "REDIS_URL": ":s3cret@cache:6379"})
    assert "s3cret" not in str(caught.value)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    settings = load(Sample, "parser", {"LOREKEEP_PARSER_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.parser_token.get_secret_value() == "from-a-file"


def test_a_secret_is_not_given_twice(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    with pytest.raises(SettingsError, match="give one"):
        load(Sample, "parser", {**TOKEN, "LOREKEEP_PARSER_TOKEN_FILE": str(tmp_path / "token")})


def test_one_message_names_every_problem_and_no_value() -> None:
    environment = {"LOREKEEP_GRPC_PORT": "99999", "LOREKEEP_LOG_LEVEL": "LOUD-s3cret"}
    with pytest.raises(SettingsError) as caught:
        load(Sample, "parser", environment)
    message = str(caught.value)
    assert all(name in message for name in ("LOREKEEP_GRPC_PORT", "LOREKEEP_LOG_LEVEL", "LOREKEEP_PARSER_TOKEN"))
    assert "s3cret" not in message


@pytest.mark.parametrize("weak", ["changeme", "short", "a" * 64])
def test_production_refuses_a_weak_token(weak: str) -> None:
    with pytest.raises(SettingsError, match="too weak") as caught:
        load(Sample, "parser", {"LOREKEEP_ENVIRONMENT": "production", "LOREKEEP_PARSER_TOKEN": weak})
    assert weak not in str(caught.value)
