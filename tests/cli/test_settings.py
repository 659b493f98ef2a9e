"""Every setting is documented, as it is."""

from pathlib import Path

import pytest

from tests.cli.conftest import Place
from tests.cli.running import tsg
from tests.llm import personas
from tests.llm.server import serving
from tsg_agent.cli.settings_command import rows, table
from tsg_agent.errors import SettingsError
from tsg_agent.settings import AllThresholds, ModelSettings, Settings, Thresholds, load_settings

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
    [
        ("query_timeout = 'soon'", "query_timeout"),
        ("nonsense = 1", "nonsense"),
        ("query_timeout = ", "tsg.toml"),
        ("threads = " + "9" * 5000, "tsg.toml"),
        (f"threads = {'[' * 5000}{']' * 5000}", "tsg.toml"),
        ("[thresholds.verdict]\nbucket_minutes = 0", "bucket_minutes"),
        ("[thresholds.verdict]\nbucket_minutes = 999999999999", "bucket_minutes"),
        ("window_hours = inf", "window_hours"),
        ("window_hours = 1e300", "window_hours"),
        ("query_timeout = 1e300", "query_timeout"),
    ],
    ids=lambda text: text[:24],
)
def test_a_wrong_settings_file_is_named(text: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tsg.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in str(caught.value)
    assert caught.value.fix


NUMBERS = [
    (group, name, kind)
    for group, kinds in AllThresholds.model_fields.items()
    for name, field in (kinds.annotation or Thresholds).model_fields.items()
    if (kind := field.annotation) in (int, float)
]


@pytest.mark.parametrize(("group", "name", "kind"), NUMBERS, ids=lambda part: getattr(part, "__name__", part))
def test_every_threshold_is_a_finite_number(group: str, name: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared with them, everything would pass, or nothing."""
    for value in ("nan", "inf", "-inf"):
        monkeypatch.setenv(f"TSG_THRESHOLDS__{group}__{name}".upper(), value)
        with pytest.raises(SettingsError, match=rf"thresholds\.{group}\.{name} is wrong"):
            load_settings()
    monkeypatch.setenv(f"TSG_THRESHOLDS__{group}__{name}".upper(), "1")
    assert kind(getattr(getattr(load_settings().thresholds, group), name)) == 1


def test_there_are_thresholds_to_try() -> None:
    assert len(NUMBERS) > 60


def test_a_group_in_the_environment_that_is_no_json_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSG_THRESHOLDS", "{")
    with pytest.raises(SettingsError, match=r"thresholds.*JSON"):
        load_settings()


def test_defaults_need_no_environment() -> None:
    assert Settings.model_construct().default_threshold == 99.9


FREE = """
query_timeout = 7
memory_limit = "1GB"
threads = 2
window_hours = 3
default_threshold = 99.5
maximum_groups = 10
[thresholds.endpoint]
success = 91
[model]
timeout = 5
maximum_calls = 3
analyse = false
"""
OPERATORS = {
    'state_dir = "elsewhere"': "state_dir",
    '[model]\nname = "one"': "model.name",
    '[model]\nbase_url = "http://elsewhere.example/v1"': "model.base_url",
    '[model]\napi_key = "k"': "model.api_key",
    "[model]\nredact = false": "model.redact",
}
SANDBOX = {
    "[sandbox]\nunsafe_no_isolation = true": "sandbox.unsafe_no_isolation",
    "sandbox = 1": "sandbox",
    'sandbox.unsafe_no_isolation = "yes"': "sandbox.unsafe_no_isolation",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that may be anybody's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TSG_STATE_DIR", raising=False)
    return tmp_path


@pytest.mark.parametrize(("text", "name"), [*OPERATORS.items(), *SANDBOX.items(), ("model = 3", "model")])
def test_the_current_folder_does_not_choose_where_data_goes_or_how_code_runs(
    text: str, name: str, folder: Path
) -> None:
    (folder / "tsg.toml").write_text(text)
    for load in (load_settings, Settings):
        with pytest.raises(SettingsError, match=rf"{folder / 'tsg.toml'} may not set {name}:") as caught:
            load()
        assert f"TSG_{name.upper().replace('.', '__')}" in caught.value.fix
        assert ("TSG_CONFIG" in caught.value.fix) == (not name.startswith("sandbox"))


def test_every_setting_is_the_operators_unless_it_is_listed(folder: Path) -> None:
    """A new one that nobody thought about is refused in a folder's file."""
    (folder / "tsg.toml").write_text(FREE)
    free = load_settings()
    assert (free.query_timeout, free.threads, free.thresholds.endpoint.success) == (7, 2, 91)
    assert (free.model.timeout, free.model.maximum_calls, free.model.analyse) == (5, 3, False)
    for name in Settings.model_fields.keys() - {"model", "sandbox"}:
        (folder / "tsg.toml").write_text(f"{name} = 1")
        refused = "may not set" in str(_wrong())
        assert refused == (name in {"state_dir", "keep_days", "keep_number"}), name
    mine = {"name", "base_url", "api_key", "redact"}
    for name in ModelSettings.model_fields:
        (folder / "tsg.toml").write_text(f"[model]\n{name} = []")
        assert ("may not set" in str(_wrong())) == (name in mine), name


def _wrong() -> SettingsError | None:
    try:
        load_settings()
    except SettingsError as error:
        return error
    return None


@pytest.mark.parametrize("text", [*OPERATORS, FREE])
def test_a_file_that_is_named_is_trusted_and_taken_instead(
    text: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.toml").write_text(text)
    (folder / "tsg.toml").write_text('state_dir = "anybodys"')
    monkeypatch.setenv("TSG_CONFIG", "mine.toml")
    settings = load_settings()
    assert settings != Settings.model_construct()
    assert settings.state_dir != Path("anybodys")


@pytest.mark.parametrize(("text", "name"), SANDBOX.items())
def test_only_the_environment_opens_the_sandbox(
    text: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().sandbox.unsafe_no_isolation is False
    monkeypatch.setenv("TSG_SANDBOX__UNSAFE_NO_ISOLATION", "true")
    assert load_settings().sandbox.unsafe_no_isolation is True
    monkeypatch.setenv("TSG_CONFIG", str(folder / "mine.toml"))
    (folder / "mine.toml").write_text(text)
    with pytest.raises(SettingsError, match=f"may not set {name}:"):
        load_settings()


def test_a_named_file_that_is_not_there_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSG_CONFIG", str(folder / "none.toml"))
    with pytest.raises(SettingsError, match="TSG_CONFIG names"):
        load_settings()


def test_a_hostile_folder_gets_no_key_and_no_text(shard: Place, tmp_path: Path) -> None:
    """The whole way: the file of the current folder names an endpoint, and nobody asks it."""
    with serving(personas.honest) as endpoint:
        (tmp_path / "tsg.toml").write_text(f'[model]\nname = "m"\nbase_url = "{endpoint.url}"\n')
        done = tsg("run", str(shard.incident), "-t", shard.telemetry, state=tmp_path, OPENAI_API_KEY="sk-mine")
        assert done.returncode == 2
        assert "model.base_url" in done.stderr
        assert endpoint.requests == []
