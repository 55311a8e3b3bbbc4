"""/opt in bubblewrap: layers merged in order, read-only, unpacked once, and removed when they are not needed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bootjack import LocalFunction, LocalLambda
from runtime_api.service.errors import ServiceException
from tests.commands.functions import ask, source, write_bootstrap
from tests.commands.test_signals import HANGING, interrupted
from tests.e2e.gates import Gate, Held
from tests.e2e.running import SECONDS, Serve, bootjack, start
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLER = """import subprocess

def handler(event, context):
    return subprocess.run(event, shell=True, text=True, capture_output=True).stdout
"""
IN_BUBBLEWRAP = ("--sandbox", "bubblewrap")

both_sandboxes = pytest.mark.parametrize("sandbox", ["bubblewrap", "process"])


def layer(root: Path, **tools: str) -> Path:
    """Make a directory with programs in `bin`, and a file that has the name of the directory."""
    (root / "bin").mkdir(parents=True)
    (root / root.name).touch()
    for name, said in tools.items():
        (root / "bin" / name).write_text(f"#!/bin/sh\necho {said}\n")
        (root / "bin" / name).chmod(0o755)
    return root


def zipped(folder: Path) -> Path:
    """Pack a directory into an archive that keeps the modes."""
    return Path(shutil.make_archive(str(folder), "zip", folder))


def layered(*layers: Path) -> list[str]:
    return [f"--layer={path}" for path in layers]


def printed(folder: Path, script: str, *options: str) -> str:
    """Run a shell script in a function with these options; return what it prints."""
    code = folder / "code"
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(HANDLER)
    ended = bootjack("invoke", *IN_BUBBLEWRAP, "app.handler", "-e", json.dumps(script), *options, cwd=code)
    assert ended.code == 0, ended.err
    said: str = json.loads(ended.out)
    return said


@pytest.mark.bubblewrap
def test_the_last_of_three_layers_wins_and_all_are_read_only(tmp_path: Path) -> None:
    layers = [layer(tmp_path / name, **{name: name, "all": name}) for name in ("one", "two", "three")]
    layers[:2] = map(zipped, layers[:2])  # two archives and a directory
    script = (
        "one; two; three; all; stat -c %a /opt/bin/one; ls /opt; "
        "touch /opt/x 2>/dev/null || echo kept; chmod 777 /opt/bin/one 2>/dev/null || echo kept; "
        "echo x 2>/dev/null >/opt/bin/all || echo kept; rm -f /opt/three 2>/dev/null || echo kept"
    )
    assert printed(tmp_path, script, *layered(*layers)).split() == [
        *("one", "two", "three", "three", "755", "bin", "one", "three", "two"),
        *["kept"] * 4,
    ]


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.parametrize("given", ["directory", "archive"])
def test_a_single_layer_appears_unchanged(tmp_path: Path, given: str) -> None:
    one = layer(tmp_path / "one", tool="one")
    (one / "link").symlink_to("bin/tool")
    if given == "directory":
        (one / "dangling").symlink_to("/opt/nothing")
    said = printed(tmp_path, "tool; /opt/link; ls /opt", *layered(one if given == "directory" else zipped(one)))
    assert said.split() == ["one", "one", "bin", *(["dangling"] if given == "directory" else []), "link", "one"]


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_the_bootstrap_of_the_last_of_five_layers_runs(tmp_path: Path) -> None:
    layers = []
    for number in range(5):
        answer = f"response(request_id, sys.argv[0].encode() + b' of {number}')"
        program = source().replace("response(request_id, event)", answer)
        root = layer(tmp_path / f"layer-{number}")
        layers.append(zipped(write_bootstrap(root, program) if number < 4 else root))
    code = tmp_path / "code"
    code.mkdir()
    (code / "data").touch()
    ended = bootjack("invoke", *IN_BUBBLEWRAP, code, *layered(*layers))
    assert ended.out == b"/opt/bootstrap of 3", ended.err
    ended = bootjack("invoke", *IN_BUBBLEWRAP, code, *layered(*layers, layers[0]))
    assert (ended.code, ended.out) == (2, b"")
    assert "at most 5 layers" in ended.message


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_without_a_bootstrap_lambdas_places_are_named(tmp_path: Path) -> None:
    layers = [layer(tmp_path / name) for name in ("one", "two")]
    (tmp_path / "code").mkdir()
    ended = bootjack("invoke", *IN_BUBBLEWRAP, tmp_path / "code", *layered(*layers))
    message = json.loads(ended.out)["errorMessage"]
    assert message.endswith("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_every_language_gets_its_folders_once_and_in_lambdas_order(tmp_path: Path) -> None:
    """Guide 2778-2836 and 4435-4443."""
    folders = ["nodejs/node_modules", "nodejs/node20/node_modules", "python", "python/lib/python3.12/site-packages"]
    folders += ["ruby/gems/3.3.0", "ruby/lib", "java/lib", "bin", "lib"]
    one, two, code = tmp_path / "one", tmp_path / "two", write_bootstrap(tmp_path / "code")
    for root, jar in ((one, "b"), (two, "a")):
        for folder in folders if root == one else folders[::2]:
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "java" / "lib").mkdir(exist_ok=True, parents=True)
        for name in (jar, "common"):
            (root / "java" / "lib" / f"{name}.jar").touch()
    for options in (layered(one, two), layered(zipped(two), one)):
        ended = bootjack("invoke", *IN_BUBBLEWRAP, code, *options, "-e", ask("variables"))
        found = json.loads(ended.out)
        assert found["NODE_PATH"] == "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules"
        assert found["PYTHONPATH"] == "/opt/python:/opt/python/lib/python3.12/site-packages"
        assert found["GEM_PATH"] == "/opt/ruby/gems/3.3.0"
        assert found["RUBYLIB"] == "/opt/ruby/lib"
        assert found["CLASSPATH"] == "/opt/java/lib/a.jar:/opt/java/lib/b.jar:/opt/java/lib/common.jar"
        assert found["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
        task = "/var/runtime:/var/runtime/lib:/var/task:/var/task/lib"
        assert found["LD_LIBRARY_PATH"] == f"/var/lang/lib:/lib64:/usr/lib64:{task}:/opt/lib"


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_a_file_where_another_layer_has_a_directory_is_an_error(tmp_path: Path) -> None:
    one, two = layer(tmp_path / "one"), layer(tmp_path / "two")
    (two / "one").mkdir()
    (two / "one" / "x").touch()
    code = write_bootstrap(tmp_path / "code")
    ended = bootjack("invoke", *IN_BUBBLEWRAP, code, *layered(one, two))
    assert (ended.code, ended.out) == (2, b"")
    assert ended.message == f"--layer: one is a file in {one} and a directory in {two}: rename one of them"
    ended = bootjack("invoke", "--sandbox", "process", code, *layered(one, two))
    assert ended.code == 0  # a plain process sees the layers side by side


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_layers_of_a_function_that_python_code_adds(tmp_path: Path) -> None:
    one, two = layer(tmp_path / "one", tool="one"), layer(tmp_path / "two", tool="two")
    answer = "response(request_id, os.popen('tool').read().encode())"
    write_bootstrap(one, source().replace("response(request_id, event)", answer))
    (tmp_path / "code").mkdir()
    code = tmp_path / "code"

    async def main() -> None:
        async with LocalLambda(sandbox="bubblewrap") as local:
            local.add_function(LocalFunction.at(code, "f", layers=[one, two]))
            assert (await local.invoke("f")).payload == b"two\n"
            local.add_function(LocalFunction.at(code, "f", layers=[two, one]))
            assert (await local.invoke("f")).payload == b"one\n"
            (one / "bin" / "tool").write_text("#!/bin/sh\necho new\n")
            local.add_function(LocalFunction.at(code, "f", layers=[two, one]))
            assert (await local.invoke("f")).payload == b"new\n"
            (two / "one").mkdir()
            (two / "one" / "x").touch()
            local.add_function(LocalFunction.at(code, "f", layers=[two, one]))
            with pytest.raises(NotADirectoryError, match=r"a layer of a function is a directory here: .*two\.zip"):
                LocalFunction.at(code, "f", layers=[one, zipped(two)])
            with pytest.raises(ServiceException, match=r"one is a file in .* and a directory in"):
                await local.invoke("f")

    run(main())


# -- what is on disk


def trees(temporary: Path) -> list[Path]:
    """The trees of the one process that uses this folder."""
    return [tree for folder in temporary.glob("bootjack-*") for tree in folder.iterdir()]


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.bubblewrap
@pytest.mark.slow
def test_functions_share_their_archives(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    code = zipped(write_bootstrap(tmp_path / "code"))
    shutil.copy(code, tmp_path / "copy.zip")
    layers = layered(*(zipped(layer(tmp_path / name)) for name in ("one", "two")))
    with Serve(*IN_BUBBLEWRAP, code, tmp_path / "copy.zip", *layers, env={"TMPDIR": str(temporary)}) as server:
        assert len(trees(temporary)) == 3  # the code, two layers
        for name in ("code", "copy", "code"):
            assert server.invoke(b"1", name).body == b"1"
        assert len(trees(temporary)) == 4  # and the merged one
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
@both_sandboxes
def test_a_replaced_archive_is_removed_with_its_last_user(tmp_path: Path, sandbox: str) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    code = zipped(write_bootstrap(tmp_path / "code"))
    roots = [layer(tmp_path / name) for name in ("one", "two")]
    layers = layered(*map(zipped, roots))
    options = ["--watch", "--sandbox", sandbox, "-t", "20", *layers]
    usual = 4 if sandbox == "bubblewrap" else 3
    with Serve(code, *options, env={"TMPDIR": str(temporary)}) as server:
        held = Held(server, Gate())
        old = set(trees(temporary))
        assert len(old) == usual
        (roots[1] / "new").touch()
        shutil.make_archive(str(tmp_path / "draft"), "zip", roots[1])
        (tmp_path / "draft.zip").replace(tmp_path / "two.zip")
        server.wait_for("bootjack: code has changed")
        assert server.invoke(b"2").body == b"2"
        assert old < set(trees(temporary))
        assert held.release().body == b"waited"
        wait_until(lambda: len(trees(temporary)) == usual)
        assert len(old - set(trees(temporary))) == usual - 2  # the layer and the merged tree
        (tmp_path / "broken").write_bytes(code.read_bytes()[:100])
        (tmp_path / "broken").replace(code)
        server.wait_for("bootjack: code keeps its old code")
        assert len(trees(temporary)) == usual
        assert server.invoke(b"3").body == b"3"
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
@both_sandboxes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_of_archives_and_layers(tmp_path: Path, sandbox: str, number: int) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    layers = layered(*(zipped(layer(tmp_path / name)) for name in ("one", "two")))
    code = zipped(write_bootstrap(tmp_path / "code"))
    options = ("--sandbox", sandbox, "-t", "60", "-e", HANGING)
    process = start("invoke", code, *layers, *options, env={"TMPDIR": str(temporary)})
    ended = interrupted(process, number, group=True)
    assert "Traceback" not in ended.err
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_while_an_archive_is_unpacked_leaves_nothing(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    first = zipped(layer(tmp_path / "first"))
    large = tmp_path / "large"
    large.mkdir()
    for number in range(20_000):
        os.mkdir(large / f"{number}")  # noqa: PTH102
    process = start("invoke", tmp_path, *layered(first, zipped(large)), env={"TMPDIR": str(temporary)})
    wait_until(lambda: len(trees(temporary)) == 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, err
    assert list(temporary.iterdir()) == []
