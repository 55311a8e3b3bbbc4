"""What developers use, and what their functions see of it: a tree in, what is visible beside the code out.

`~` is the user's home; the code is in ~/code, and a layer in ~/layer where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.view.view_cases import BASE, BOOTSTRAP, BUILT, ENVIRONMENT, PATH_FILE, PYENV, VENV, Case, venv
from tests.sandbox.view.worlds import Binary, Link, Script

if TYPE_CHECKING:
    from tests.sandbox.view.worlds import Content

__all__ = ["LEGITIMATE"]

ELSEWHERE = {**BASE, **venv("~/.virtualenvs/one"), "~/code/app.py": ""}
BY_ELSEWHERE = ("~/.virtualenvs/one/bin/python", "-m", "app")
NODE: dict[str, Content] = {
    "~/.nvm/versions/node/v20/bin/node": Binary(),
    "~/.nvm/versions/node/v20/bin/tool": Link("../lib/node_modules/tool/bin/cli.js"),
    "~/.nvm/versions/node/v20/lib/node_modules/tool/bin/cli.js": Script("#!/usr/bin/env node\n"),
    "~/.nvm/versions/node/v20/include/node/node.h": "",
    "~/.nvm/versions/node/v20/README.md": "",
    "~/.nvm/alias/default": "v20",
}

LEGITIMATE = (
    Case("a shell script", {BOOTSTRAP: Script("#!/bin/sh\n")}),
    Case("a script for a program on PATH", {BOOTSTRAP: Script("#!/usr/bin/env -S python3 -u\n")}),
    Case("a compiled program", {BOOTSTRAP: Binary()}),
    Case("no bootstrap yet", {"~/code/readme": ""}),
    Case("the project's virtual environment", VENV, (BUILT, "~/code/.venv")),
    Case(
        "the project's virtual environment by its path inside",
        {**VENV, BOOTSTRAP: Script("#!/var/task/.venv/bin/python\n")},
        ENVIRONMENT,
    ),
    Case(
        "the project's virtual environment in a command",
        VENV,
        ENVIRONMENT,
        command=("~/code/.venv/bin/python", "-m", "app"),
    ),
    Case(
        "a script of the project's virtual environment",
        {**VENV, "~/code/.venv/bin/serve": Script("#!~/code/.venv/bin/python\n")},
        ENVIRONMENT,
        command=("~/code/.venv/bin/serve",),
    ),
    Case(
        "a virtual environment with a copy of its Python",
        {**VENV, "~/code/.venv/bin/python3.12": Binary(), BOOTSTRAP: Script("#!~/code/.venv/bin/python3.12\n")},
        ENVIRONMENT,
    ),
    Case(
        "the system's Python in a virtual environment",
        {**venv("~/code/.venv", "/usr/bin"), BOOTSTRAP: Script("#!~/code/.venv/bin/python\n")},
        ("~/code/.venv",),
    ),
    Case(
        "an editable installation of the project itself",
        {**VENV, f"~/code/.venv/{PATH_FILE}": "# ours\nimport os\n~/code/src\n", "~/code/src/a.py": ""},
        (BUILT, "~/code/.venv", "~/code/src"),
    ),
    Case(
        "an editable installation by a relative path",
        {**VENV, f"~/code/.venv/{PATH_FILE}": "../../../../src\n", "~/code/src/a.py": ""},
        (BUILT, "~/code/.venv", "~/code/src"),
    ),
    Case(
        "an editable installation of a neighbour, in an environment of the project",
        {**VENV, f"~/code/.venv/{PATH_FILE}": "~/other\n", "~/other/a.py": ""},
        ENVIRONMENT,
        left_out=("~/other",),
    ),
    Case(
        "and when the user asks for it",
        {**VENV, f"~/code/.venv/{PATH_FILE}": "~/other\n", "~/other/a.py": ""},
        (BUILT, "~/code/.venv", "~/other"),
        mounts=("~/other",),
    ),
    Case("an environment beside the project", ELSEWHERE, (BUILT, "~/.virtualenvs/one"), command=BY_ELSEWHERE),
    Case(
        "an editable installation in an environment beside the project",
        {**ELSEWHERE, f"~/.virtualenvs/one/{PATH_FILE}": "~/other\n~/gone\n", "~/other/a.py": ""},
        (BUILT, "~/.virtualenvs/one", "~/other"),
        command=BY_ELSEWHERE,
    ),
    Case(
        "an environment in a folder with other things",
        {**ELSEWHERE, "~/.virtualenvs/one/.env": "PRIVATE KEY", "~/.virtualenvs/one/bin/tool": Script("")},
        (
            BUILT,
            "~/.virtualenvs/one/bin/python",
            "~/.virtualenvs/one/bin/python3",
            "~/.virtualenvs/one/lib/python3.12",
            "~/.virtualenvs/one/lib64",
            "~/.virtualenvs/one/pyvenv.cfg",
        ),
        command=BY_ELSEWHERE,
    ),
    Case(
        "packages of another environment",
        {
            **VENV,
            **venv("~/tools"),
            f"~/code/.venv/{PATH_FILE}": "~/tools/lib/python3.12/site-packages\n",
        },
        (BUILT, "~/code/.venv", "~/tools/lib/python3.12/site-packages"),
    ),
    Case("a Python of pyenv", {**PYENV, BOOTSTRAP: Script(f"#!{BUILT}/bin/python3\n")}, (BUILT,)),
    Case("a shim of pyenv", {**PYENV, BOOTSTRAP: Script("#!~/.pyenv/shims/python3\n")}, ("~/.pyenv",)),
    Case("a shim of pyenv in a command", PYENV, ("~/.pyenv",), command=("~/.pyenv/shims/python3", "app.py")),
    Case(
        "a shim of asdf",
        {
            "~/.asdf/shims/ruby": Script("#!/usr/bin/env bash\n"),
            "~/.asdf/installs/ruby/3.3/bin/ruby": Binary(),
            BOOTSTRAP: Script("#!~/.asdf/shims/ruby\n"),
        },
        ("~/.asdf",),
    ),
    Case(
        "a shim of mise",
        {
            "~/.local/share/mise/shims/node": Link("~/.local/bin/mise"),
            "~/.local/share/mise/installs": None,
            "~/.local/bin/mise": Binary(),
            BOOTSTRAP: Script("#!~/.local/share/mise/shims/node\n"),
        },
        ("~/.local/bin/mise", "~/.local/share/mise"),
    ),
    Case(
        "Volta",
        {
            "~/.volta/bin/node": Link("volta-shim"),
            "~/.volta/bin/volta-shim": Binary(),
            "~/.volta/tools/image": None,
            BOOTSTRAP: Script("#!~/.volta/bin/node\n"),
        },
        ("~/.volta",),
    ),
    Case(
        "Node.js of nvm",
        {**NODE, BOOTSTRAP: Script("#!~/.nvm/versions/node/v20/bin/node\n")},
        ("~/.nvm/versions/node/v20",),
    ),
    Case(
        "a program of npm",
        {**NODE, BOOTSTRAP: Script("#!~/.nvm/versions/node/v20/bin/tool\n")},
        ("~/.nvm/versions/node/v20",),
    ),
    Case(
        "Node.js unpacked into ~/.local",
        {
            "~/.local/bin/node": Binary(),
            "~/.local/bin/secret": Script("PRIVATE KEY"),
            "~/.local/include/node/node.h": "",
            "~/.local/lib/node_modules/npm/package.json": "",
            "~/.local/share/keyrings/login": "PRIVATE KEY",
            BOOTSTRAP: Script("#!~/.local/bin/node\n"),
        },
        ("~/.local/bin/node", "~/.local/include/node", "~/.local/lib/node_modules"),
    ),
    Case(
        "Python built into ~/.local",
        {
            "~/.local/bin/python3": Link("python3.13"),
            "~/.local/bin/python3.13": Binary(("libpython3.13.so",), "~/.local/lib"),
            "~/.local/lib/libpython3.13.so": Binary(mode=0o644),
            "~/.local/lib/python3.13/os.py": "",
            "~/.local/lib/app/key": "PRIVATE KEY",
            "~/.local/share/keyrings/login": "PRIVATE KEY",
            BOOTSTRAP: Script("#!~/.local/bin/python3\n"),
        },
        (
            "~/.local/bin/python3",
            "~/.local/bin/python3.13",
            "~/.local/lib/libpython3.13.so",
            "~/.local/lib/python3.13",
        ),
    ),
    Case(
        "Python of uv",
        {
            "~/.local/bin/python3.13": Link("~/.local/share/uv/python/cpython-3.13/bin/python3.13"),
            "~/.local/share/uv/python/cpython-3.13": Link("cpython-3.13.2"),
            "~/.local/share/uv/python/cpython-3.13.2/bin/python3.13": Binary(),
            "~/.local/share/uv/python/cpython-3.13.2/lib/python3.13/os.py": "",
            BOOTSTRAP: Script("#!~/.local/bin/python3.13\n"),
        },
        (
            "~/.local/bin/python3.13",
            "~/.local/share/uv/python/cpython-3.13",
            "~/.local/share/uv/python/cpython-3.13.2",
        ),
    ),
    Case(
        "uv itself",
        {
            "~/.local/bin/uv": Binary(),
            "~/.local/share/key": "PRIVATE KEY",
            BOOTSTRAP: Script("#!~/.local/bin/uv run\n"),
        },
        ("~/.local/bin/uv",),
    ),
    Case(
        "a tool that pipx installed",
        {
            **BASE,
            **venv("~/.local/share/pipx/venvs/tool"),
            "~/.local/share/pipx/venvs/tool/bin/tool": Script("#!~/.local/share/pipx/venvs/tool/bin/python\n"),
            "~/.local/bin/tool": Link("~/.local/share/pipx/venvs/tool/bin/tool"),
        },
        ("~/.local/bin/tool", "~/.local/share/pipx/venvs/tool", BUILT),
        command=("~/.local/bin/tool",),
    ),
    Case(
        "conda",
        {
            "~/conda/bin/python3.12": Binary(),
            "~/conda/conda-meta/history": "",
            "~/conda/lib/python3.12/os.py": "",
            "~/conda/x86_64-conda-linux-gnu": None,
            BOOTSTRAP: Script("#!~/conda/bin/python3.12\n"),
        },
        ("~/conda",),
    ),
    Case(
        "cargo",
        {
            "~/.cargo/bin/cargo": Link("rustup"),
            "~/.cargo/bin/rustup": Binary(),
            "~/.cargo/credentials.toml": "PRIVATE KEY",
            BOOTSTRAP: Script("#!~/.cargo/bin/cargo\n"),
        },
        ("~/.cargo/bin/cargo", "~/.cargo/bin/rustup"),
    ),
    Case(
        "a toolchain of rustup",
        {
            "~/.rustup/toolchains/stable/bin/cargo": Binary(),
            "~/.rustup/toolchains/stable/lib/rustlib/components": "",
            "~/.rustup/settings.toml": "",
        },
        ("~/.rustup/toolchains/stable",),
        command=("~/.rustup/toolchains/stable/bin/cargo", "run"),
    ),
    Case(
        "Java of SDKMAN",
        {
            "~/.sdkman/candidates/java/21/bin/java": Binary(),
            "~/.sdkman/candidates/java/21/lib/server/libjvm.so": Binary(),
            "~/.sdkman/candidates/java/21/conf": None,
            "~/.sdkman/candidates/java/current": Link("21"),
        },
        ("~/.sdkman/candidates/java/21", "~/.sdkman/candidates/java/current"),
        command=("~/.sdkman/candidates/java/current/bin/java", "-jar", "app.jar"),
    ),
    Case(
        "Ruby of rbenv",
        {
            "~/.rbenv/versions/3.3.0/bin/ruby": Binary(),
            "~/.rbenv/versions/3.3.0/lib/ruby/3.3.0/set.rb": "",
            BOOTSTRAP: Script("#!~/.rbenv/versions/3.3.0/bin/ruby\n"),
        },
        ("~/.rbenv/versions/3.3.0",),
    ),
    Case(
        "Go",
        {
            "~/sdk/go/bin/go": Binary(),
            "~/sdk/go/src/runtime/runtime.go": "",
            "~/sdk/go/VERSION": "",
            "~/sdk/go/pkg": None,
        },
        ("~/sdk/go",),
        command=("~/sdk/go/bin/go", "run", "."),
    ),
    Case(
        "a program with libraries of its own",
        {
            "~/tool/bin/run": Binary(("one.so", "libc.so.6"), "$ORIGIN/../lib:~/nowhere"),
            "~/tool/lib/one.so": Link("one.so.1"),
            "~/tool/lib/one.so.1": Binary(("two.so",), "${ORIGIN}/deep", mode=0o644),
            "~/tool/lib/deep/two.so": Binary(mode=0o644),
            "~/tool/lib/data": "PRIVATE KEY",
            BOOTSTRAP: Script("#!~/tool/bin/run\n"),
        },
        ("~/tool/bin/run", "~/tool/lib/deep/two.so", "~/tool/lib/one.so", "~/tool/lib/one.so.1"),
    ),
    Case(
        "a program whose libraries inherit where to look",
        {
            "~/tool/run": Binary(("one.so",), rpath="~/tool/lib", loader="~/tool/ld.so"),
            "~/tool/ld.so": Binary(),
            "~/tool/lib/one.so": Binary(("two.so",), mode=0o644),
            "~/tool/lib/two.so": Binary(mode=0o644),
            BOOTSTRAP: Script("#!~/tool/run\n"),
        },
        ("~/tool/ld.so", "~/tool/lib/one.so", "~/tool/lib/two.so", "~/tool/run"),
    ),
    Case(
        "a script of the project on an interpreter of the user",
        {**PYENV, "~/code/run": Script(f"#!{BUILT}/bin/python3\n"), BOOTSTRAP: Script("#!/var/task/run\n")},
        (BUILT,),
    ),
    Case(
        "a script of the user in a command",
        {**PYENV, "~/bin/run": Script(f"#!{BUILT}/bin/python3\n")},
        (BUILT, "~/bin/run"),
        command=("~/bin/run",),
    ),
    Case(
        "a path with .. through a folder that is not shown",
        {**PYENV, "~/deep/er": None, BOOTSTRAP: Script(f"#!~/deep/er/../../{BUILT[2:]}/bin/python3\n")},
        (BUILT,),
        folders=("~/deep", "~/deep/er"),
    ),
    Case(
        "files and folders that a command names",
        {"~/data/file": "", "~/more/a/b": "", "~/latest": Link("data"), "~/code/app.py": ""},
        ("~/code/app.py", "~/data/file", "~/latest", "~/more"),
        command=("/bin/cat", "~/latest/file", "~/more", "~/code/app.py", "~/gone", "-v", "relative"),
    ),
    Case(
        "mounts",
        {BOOTSTRAP: Script("#!/bin/sh\n"), "~/data/file": "", "~/link": Link("data"), "~/bin/sub/x": ""},
        ("~/bin", "~/data", "~/link"),
        mounts=("~/link", "~/bin", "~/bin/sub/x"),
    ),
    Case(
        "the bootstrap of a layer, on an interpreter of a layer",
        {
            "~/code/app.py": "",
            "~/layer/bootstrap": Script("#!/opt/bin/python3\n"),
            "~/layer/bin/python3": Link("/opt/bin/python3.12"),
            "~/layer/bin/python3.12": Binary(),
        },
    ),
    Case(
        "the bootstrap of a layer that a link of the code names",
        {BOOTSTRAP: Link("/opt/bootstrap"), "~/layer/bootstrap": Script(f"#!{BUILT}/bin/python3\n"), **PYENV},
        (BUILT,),
    ),
    Case(
        "a bootstrap that several functions share",
        {BOOTSTRAP: Link("~/shared/bootstrap"), "~/shared/bootstrap": Script(f"#!{BUILT}/bin/python3\n"), **PYENV},
        (BUILT, "~/shared/bootstrap"),
    ),
    Case(
        "code that lies in a virtual environment",
        {**BASE, **venv("~/whole"), "~/whole/src/bootstrap": Script("#!~/whole/bin/python\n")},
        (
            BUILT,
            "~/whole/bin/python",
            "~/whole/bin/python3",
            "~/whole/lib/python3.12",
            "~/whole/lib64",
            "~/whole/pyvenv.cfg",
        ),
        code="~/whole/src",
    ),
)
