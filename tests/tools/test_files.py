"""Files that are written whole or not at all, on whatever the path leads to."""

import errno
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from micrograd_plus._tools import files
from micrograd_plus._tools.files import check_places, write, write_all
from tests.processes import started, until

POSIX = pytest.mark.skipif(os.name == "nt", reason="files there have no such rights")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link", tmp_path / "there" / "state"
    link.symlink_to(target)
    for content in (b"one", b"two"):
        assert write(link, content) == link
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert list((tmp_path / "there").iterdir()) == [target]


@POSIX
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


def test_writers_in_several_threads_do_not_disturb_one_another(tmp_path):
    path = tmp_path / "state"
    contents = [bytes([65 + i]) * 20_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: [write(path, content) for _ in range(10)], contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


@POSIX
def test_what_is_private_is_so_before_it_is_complete(tmp_path, monkeypatch):
    """From when a part has anything in it, its rights are those of the file to be replaced."""
    path, seen, chmod = tmp_path / "state", [], os.fchmod
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(tmp_path.iterdir()) or look())
    monkeypatch.setattr(os, "fchmod", lambda number, mode: chmod(number, mode) or look())

    def look():
        found = [file.stat() for file in tmp_path.iterdir() if file.suffix == ".part"]
        assert {status.st_mode & 0o777 for status in found if status.st_size} <= {
            path.stat().st_mode & 0o777
        }

    before = os.umask(0)
    try:
        for mode in (0o600, 0o640, 0o666, 0o644):
            path.chmod(mode)
            write(path, b"x" * 1_000_000)
            assert path.stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)
    assert {file.suffix for file in seen} == {"", ".lock", ".part"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="gives files to others")
def test_a_file_keeps_its_owner(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"before")
    os.chown(path, 1234, 2345)
    path.chmod(0o4640)
    write(path, b"after")
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 2345, 0o4640)


@pytest.fixture
def folder():
    """A folder for someone for whom no rights are waived, also where these tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), os.name != "nt" and os.geteuid() == 0
        if root:
            folder.chmod(0o777)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)


def read_only(path):
    path.write_bytes(b"before")
    path.chmod(0o444)


def write_only(path):
    path.write_bytes(b"before")
    path.chmod(0o200)


def link(target):
    return lambda path: path.symlink_to(target)


PLACES = {
    "nothing": lambda path: None,
    "a file": lambda path: path.write_bytes(b"before"),
    "a read-only file": read_only,
    "a write-only file": write_only,
    "a link to a read-only file": lambda path: (read_only(path.with_name("x")), link("x")(path)),
    "a folder": Path.mkdir,
    "a link to a folder": link("."),
    "a link to itself": link("state"),
    "a link to nothing": link("new"),
    "a link to nowhere": link("missing/new"),
    "a link to a device": link("/dev/null"),
    "a full device": link("/dev/full"),
}


def outcome(path, write):
    """What comes of writing: the error's number, and whom it is about."""
    try:
        write(path)
    except OSError as error:
        return error.errno, str(error.filename)
    return None


@POSIX
@pytest.mark.parametrize("place", PLACES)
def test_it_is_refused_where_open_would_be(place, folder):
    """And the same is found out before."""
    path, twin = folder / "one" / "state", folder / "other" / "state"
    for each in (path, twin):
        each.parent.mkdir()
        PLACES[place](each)
    before = sorted(folder.rglob("*"))
    expected = outcome(twin, lambda path: path.write_bytes(b"after"))
    if expected == (errno.ENOSPC, str(twin)) or place == "a full device":
        expected = errno.ENOSPC, str(twin)  # which only the writing finds out
    else:
        found = outcome(path, lambda path: check_places({"the state": path}))
        assert found == (expected and (expected[0], str(path)))
        assert set(path.parent.iterdir()) <= set(before)
    found = outcome(path, lambda path: write(path, b"after"))
    assert found == (expected and (expected[0], str(path)))
    assert names(path.parent) == names(twin.parent)
    if not expected and "only" not in place and "device" not in place:
        assert path.read_bytes() == b"after"


@pytest.mark.parametrize("place", ["missing/state", "x" * 300, "file/state"])
def test_places_that_can_not_be_written(place, tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / place
    expected = outcome(path, lambda path: path.write_bytes(b""))
    assert expected[1] == str(path)
    assert outcome(path, lambda path: check_places({"the state": path})) == expected
    assert outcome(path, lambda path: write(path, b"")) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ---------------------------------------------------------------------- one place for two


def test_one_place_for_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, new = Path("state"), Path("new")
    path.write_bytes(b"before")
    Path("folder").mkdir()
    Path("link").symlink_to("state")
    Path("to new").symlink_to("new")
    os.link("state", "twin")
    one = [path, "./state", tmp_path / "state", "folder/../state", "link", "twin"]
    other = [new, "./new", tmp_path / "new", "to new"]
    for same in (one, other):
        for a in same:
            for b in same:
                with pytest.raises(
                    ValueError, match=f"^{re.escape(str(b))} is for b and for a: each needs its own"
                ):
                    check_places({"a": a, "b": b})
    for a in one:
        for b in other:
            check_places({"a": a, "b": b})
    check_places({"a": "/dev/null", "b": "/dev/null"})
    assert names(Path()) == ["folder", "link", "state", "to new", "twin"]
    assert path.read_bytes() == b"before"


def test_places_of_folders(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    for name in ("there", "new"):
        check_places({"a": tmp_path / "a", "b": None}, {"frames": tmp_path / name, "c": None})
        with pytest.raises(ValueError, match=f"{name} is for d and for frames|new is for frames"):
            check_places({"a": tmp_path / "new"}, {"frames": tmp_path / name, "d": tmp_path / name})
    for name, error in (("file", NotADirectoryError), ("missing/new", FileNotFoundError)):
        with pytest.raises(error, match=name):
            check_places({}, {"frames": tmp_path / name})
    assert names(tmp_path) == ["file", "there"]


@pytest.mark.parametrize(
    ("stream", "what"), [("stdout", "standard output"), ("stderr", "standard error")]
)
def test_where_the_program_prints(stream, what, tmp_path):
    code = (
        "import sys; from micrograd_plus._tools.files import check_places;"
        "check_places({'a': sys.argv[1]})"
    )
    path = tmp_path / "state"
    with path.open("wb") as file:
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: file}
        done = subprocess.run([sys.executable, "-c", code, path], **given, check=False)
    assert done.returncode == 1
    message = path.read_bytes() if stream == "stderr" else done.stderr
    assert f"{path} is for a and for {what}: each needs its own" in message.decode()


# ---------------------------------------------------------------------- what is left over

WRITER = """
import os, sys
from pathlib import Path
from micrograd_plus._tools.files import write_all
real, saves = os.fsync, 0
def fsync(number):
    global saves
    saves += 1
    real(number)
    if saves == abs(int(sys.argv[2])):
        print("in the middle", flush=True)
        if saves == int(sys.argv[2]):
            input()
os.fsync = fsync
folder = Path(sys.argv[1])
while True:
    write_all((folder / name, b"whole" * 10_000) for name in ("a", "b"))
"""


def writer(folder, save):
    """A process that writes two files over and over, and waits in that save, but not in a -save."""
    return started([sys.executable, "-c", WRITER, folder, save], stdin=subprocess.PIPE)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@POSIX
def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    draw = random.Random(1)
    for save in (1, 2, -3, -4, -5, 3, 4, -3, -4, -5):
        with writer(tmp_path, save) as [process]:
            assert process.stdout.readline() == "in the middle\n"
            if save > 0:
                parts = [name for name in names(tmp_path) if name.endswith(".part")]
                assert len(parts) == 2 - save % 2
            else:  # at any moment
                time.sleep(draw.uniform(0, 0.03))
        for name in ("a", "b"):
            if (tmp_path / name).exists():
                assert (tmp_path / name).read_bytes() == b"whole" * 10_000
        write(tmp_path / "c", b"")
        assert set(names(tmp_path)) <= {"a", "b", "c"}


@POSIX
def test_what_a_living_process_writes_is_left_to_it(tmp_path):
    with writer(tmp_path, 2) as [first]:
        with writer(tmp_path, 4) as [second]:
            for process in (first, second):
                assert process.stdout.readline() == "in the middle\n"
            before = names(tmp_path)
            assert len([name for name in before if name.endswith((".lock", ".part"))]) == 6
            write(tmp_path / "c", b"")
            assert names(tmp_path) == sorted([*before, "c"])
        write(tmp_path / "c", b"")
        left = names(tmp_path)
        assert len([name for name in left if name.endswith((".lock", ".part"))]) == 3
        (tmp_path / "a").unlink()
        print(file=first.stdin, flush=True)
        until((tmp_path / "a").exists, first)


def test_what_others_left_is_left(tmp_path):
    others = [
        ".0123456789abcdef.part",
        ".micrograd-plus-1.part",
        "micrograd-plus.lock",
        ".micrograd-plus-0123456789abcdef.part.txt",
        ".micrograd-plus-0123456789ABCDEF.lock",
    ]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".micrograd-plus-0123456789abcdef.lock").mkdir()
    write(tmp_path / "state", b"")
    assert {*names(tmp_path)} == {*others, "state", ".micrograd-plus-0123456789abcdef.lock"}


def test_a_lock_that_another_takes_for_a_leftover(tmp_path, monkeypatch):
    real, taken = pytest.importorskip("fcntl").flock, []

    def flock(file, kind):
        real(file, kind)
        if not taken:
            taken.append(file.name)
            Path(file.name).unlink()

    monkeypatch.setattr(files, "flock", flock)
    assert write(tmp_path / "state", b"whole").read_bytes() == b"whole"
    assert taken
    assert names(tmp_path) == ["state"]


@pytest.mark.parametrize("missing", ["module", "locks"])
def test_systems_without_locks(missing, tmp_path, monkeypatch):
    def flock(file, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    left = tmp_path / ".micrograd-plus-0123456789abcdef.lock"
    left.touch()
    if missing == "module":
        monkeypatch.setattr(files, "flock", None)
    else:
        monkeypatch.setattr(files, "flock", flock)
    assert write(tmp_path / "state", b"whole").read_bytes() == b"whole"
    assert names(tmp_path) == [left.name, "state"]  # perhaps its writer lives


@POSIX
def test_disks_without_owners_and_rights(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "fchown", fail)
    monkeypatch.setattr(os, "fchmod", fail)
    for content in (b"one", b"two"):
        assert write(tmp_path / "state", content).read_bytes() == content


def test_all_files_or_none(tmp_path):
    def contents():
        yield tmp_path / "a", b"new"
        yield tmp_path / "b", b"new"
        yield tmp_path / "missing" / "c", b"new"

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileNotFoundError, match="missing"):
        write_all(contents())
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]
