"""Files that are written whole or not at all, on whatever the path leads to."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from micrograd_plus.files import write


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link", tmp_path / "there" / "state"
    link.symlink_to(target)
    for content in (b"one", b"two"):
        assert write(link, content) == link
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert list((tmp_path / "there").iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="files there have no such rights")
def test_a_private_file_stays_private(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"before")
    path.chmod(0o600)
    write(path, b"after")
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("x" * 250)
    path.write_bytes(b"before")
    assert write(path, b"after").read_bytes() == b"after"


def test_leftovers_of_a_process_of_the_same_number(tmp_path):
    path = tmp_path / "state"
    leftover = tmp_path / f".state.{os.getpid()}.part"
    leftover.write_bytes(b"x" * 100_000)
    assert write(path, b"short").read_bytes() == b"short"


def test_writers_in_several_threads_do_not_disturb_one_another(tmp_path):
    path = tmp_path / "state"
    contents = [bytes([65 + i]) * 20_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: [write(path, content) for _ in range(10)], contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
