"""The page of settings is the one that the code makes, and every alias leads to a setting."""

from pathlib import Path

from lorekeep_chassis import configuration, ports, settings

PAGE = Path(__file__).resolve().parents[2] / "docs/configuration.md"


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text() == configuration.markdown(), "run `make docs`"


def test_every_alias_leads_to_a_setting() -> None:
    fields = {field for role in ports.ROLES for field in configuration._kind(role).model_fields}
    assert {target for target in settings.ALIASES.values() if target not in fields} == set()


def test_every_setting_is_described() -> None:
    bare = [
        f"{role.name}.{name}"
        for role in ports.ROLES
        for name, field in configuration._kind(role).model_fields.items()
        if not field.description
    ]
    assert bare == []
