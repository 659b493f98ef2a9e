"""Every setting is documented, as it is."""

from pathlib import Path

import pytest

from tsg_agent.cli.settings import rows, table
from tsg_agent.errors import SettingsError
from tsg_agent.settings import Settings, load_settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_holds_the_table_of_defaults() -> None:
    assert table() in PAGE.read_text("utf-8")


def test_an_environment_variable_reaches_a_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TSG_STATE_DIR", raising=False)
    monkeypatch.setenv("TSG_THRESHOLDS__ENDPOINT__SUCCESS", "95")
    settings = load_settings()
    assert settings.thresholds.endpoint.success == 95
    changed = [name for name, value, default, _ in rows(settings) if value != default]
    assert changed == ["TSG_THRESHOLDS__ENDPOINT__SUCCESS"]


def test_a_settings_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tsg.toml").write_text("query_timeout = 7\nmemory_limit = '1GB'\n")
    monkeypatch.setenv("TSG_MEMORY_LIMIT", "3GB")
    settings = load_settings()
    assert (settings.query_timeout, settings.memory_limit) == (7, "3GB")


@pytest.mark.parametrize(
    ("text", "named"),
    [("query_timeout = 'soon'", "query_timeout"), ("nonsense = 1", "nonsense"), ("query_timeout = ", "tsg.toml")],
)
def test_a_wrong_settings_file_is_named(text: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tsg.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in str(caught.value)
    assert caught.value.fix


def test_defaults_need_no_environment() -> None:
    assert Settings.model_construct().default_threshold == 99.9


def test_only_the_environment_opens_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder may be anybody's: a file in it must not let a model's code out."""
    assert load_settings().sandbox.unsafe_no_isolation is False
    monkeypatch.setenv("TSG_SANDBOX__UNSAFE_NO_ISOLATION", "true")
    assert load_settings().sandbox.unsafe_no_isolation is True
    monkeypatch.delenv("TSG_SANDBOX__UNSAFE_NO_ISOLATION")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tsg.toml").write_text("[sandbox]\nunsafe_no_isolation = true\n")
    with pytest.raises(SettingsError, match="may not set") as caught:
        load_settings()
    assert "TSG_SANDBOX__UNSAFE_NO_ISOLATION" in caught.value.fix
