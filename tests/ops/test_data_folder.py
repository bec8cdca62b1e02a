"""The data folder is its owner's, whoever made it (B10), and what stands in its way is named."""

import sqlite3
from pathlib import Path

import pytest

from ops.data_folder import DATABASE_FILE, TEMPORAL_FILE, DataFolder, DataFolderError
from ops.settings import DEVELOPMENT_FILE


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_B10_a_folder_that_was_open_to_others_is_closed_to_them(tmp_path: Path):
    path = tmp_path / "data"
    path.mkdir()
    (path / "logs").mkdir()
    files = [path / name for name in (DATABASE_FILE, f"{DATABASE_FILE}-wal", TEMPORAL_FILE, DEVELOPMENT_FILE)]
    for file in files:
        if file.name in {DATABASE_FILE, TEMPORAL_FILE}:
            sqlite3.connect(file).executescript("CREATE TABLE t (x)")
        else:
            file.touch()
        file.chmod(0o644)
    for folder in (path, path / "logs"):
        folder.chmod(0o755)
    DataFolder.claim(path).release()
    assert {file.name: mode(file) for file in files} == dict.fromkeys([file.name for file in files], 0o600)
    assert {mode(folder) for folder in (path, path / "logs", path / "run", path / "mailbox")} == {0o700}


@pytest.mark.parametrize(("file", "folder"), [("data", "data"), ("data/mailbox", "data"), ("d", "d/data")])
def test_the_file_that_stands_where_a_folder_has_to_be_is_named(tmp_path: Path, file: str, folder: str):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(DataFolderError) as refused:
        DataFolder.claim(tmp_path / folder)
    assert str(refused.value).startswith(f"{tmp_path / file} is not a folder; ")
