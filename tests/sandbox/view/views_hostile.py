"""Projects and layers that are after the user's files, and what their functions see of a machine."""

from __future__ import annotations

from tests.sandbox.view.view_cases import BOOTSTRAP, BUILT, ENVIRONMENT, PYENV, VENV, Case
from tests.sandbox.view.worlds import CORE, SECRET, Binary, Content, Fifo, Link, Script, Sized

__all__ = ["HOSTILE"]

KEY = "~/.ssh/id_rsa"
PRIVATE: dict[str, Content] = {
    KEY: SECRET,
    "~/.local/share/keyrings/login": SECRET,
    "~/private/key": SECRET,
    "~/private/bin/x": Binary(),
    "~/private/bin/deploy": Script(f"#!/bin/sh\n# {SECRET}\n"),
    "~/private/lib/data": SECRET,
}
TIDY: dict[str, Content] = {  # nothing that an installation would not have
    "~/tidy/bin/x": Binary(),
    "~/tidy/share/key": SECRET,
    "~/tidy/lib/bootstrap": Script("#!~/tidy/bin/x\n"),
}
SH = Script("#!/bin/sh\n")
PATH_FILE = "~/code/.venv/lib/python3.12/site-packages/evil.pth"
X = "~/private/bin/x"


def on(line: str, **more: Content) -> dict[str, Content]:
    """Make a bootstrap with this first line, beside secrets."""
    return {**PRIVATE, BOOTSTRAP: Script(f"#!{line}\n"), **more}


def named(*lines: str) -> dict[str, Content]:
    """Make a virtual environment in the project with a .pth file of these lines."""
    return {**PRIVATE, **VENV, PATH_FILE: "".join(f"{line}\n" for line in lines)}


HOSTILE = (
    # -- first lines
    Case("a key as interpreter", on(KEY), left_out=(KEY,)),
    Case(
        "a key as interpreter of an interpreter",
        {**on("/var/task/a"), "~/code/a": Script(f"#!{KEY}\n")},
        left_out=(KEY,),
    ),
    Case("a key as interpreter of a script outside", on("~/private/bin/y"), ()),
    Case("a private script as interpreter", on("~/private/bin/deploy"), left_out=("~/private/bin/deploy",)),
    Case("a private program as interpreter", on(X), (X,)),
    Case("a private program, by a detour", on("/..//./../~//private/./bin/../bin/x"), (X,)),
    Case("a folder as interpreter", on("~/.ssh"), left_out=("~/.ssh",)),
    Case("the root as interpreter", on("/"), left_out=("/",)),
    Case("the home as interpreter", on("~"), left_out=("~",)),
    Case("the host's root by a detour", on("/opt/../bin/bash")),
    Case("the host's root by another one", on("/../../bin/../bin/bash")),
    Case("out of the code", on("/var/task/../../..{home}/.ssh/id_rsa"), left_out=(KEY,)),
    Case("out of the code, relative", on("../.ssh/id_rsa")),
    Case("out of the code by its path outside", on("~/code/../.ssh/id_rsa"), left_out=(KEY,)),
    Case("a process's files", on("/proc/self/cwd/bootstrap")),
    Case("the server's variables", on("/proc/self/environ")),
    Case("a device", on("/dev/zero")),
    Case("a core dump", {**on("~/core"), "~/core": Binary(kind=CORE)}, left_out=("~/core",)),
    Case(
        "a library's name for a key",
        {**on("~/code/own"), "~/code/own": Binary((KEY, "id_rsa"), "~/.ssh")},
        ("~/code/own",),
    ),
    Case("a loader's name for a key", {**on("/var/task/own"), "~/code/own": Binary(loader=KEY)}),
    Case("bytes that are no text", on("~/\udcff/x\udcfe")),
    Case("a script that runs on itself", on("/var/task/bootstrap")),
    Case(
        "a script outside that the project names",
        on("~/.pyenv/run", **PYENV, **{"~/.pyenv/run": SH}),
        left_out=("~/.pyenv/run",),
    ),
    # -- what is not executed
    Case("a bootstrap beside a command", on(X), command=("/bin/true",)),
    Case("a bootstrap of a layer beside one of the code", {**on("/bin/sh"), "~/layer/bootstrap": Script(f"#!{X}\n")}),
    Case("a script that a command gets", {**on(X), "~/code/a": Script(f"#!{X}\n")}, command=("/bin/sh", "a")),
    # -- links
    Case("a bootstrap that is a link to a key", {**PRIVATE, BOOTSTRAP: Link(KEY)}, left_out=(KEY,)),
    Case(
        "a link to a private script",
        {**PRIVATE, BOOTSTRAP: Link("~/private/bin/deploy")},
        left_out=("~/private/bin/deploy",),
    ),
    Case("a link to a private program", {**PRIVATE, BOOTSTRAP: Link(X)}, (X,)),
    Case("a link that leaves the code by ..", {**PRIVATE, BOOTSTRAP: Link("../.ssh/id_rsa")}),
    Case(
        "a chain of links", {**PRIVATE, BOOTSTRAP: Link("a"), "~/code/a": Link("/var/task/b"), "~/code/b": Link(KEY)}
    ),
    Case(
        "a loop of links",
        {**PRIVATE, BOOTSTRAP: Script("#!/var/task/a\n"), "~/code/a": Link("b"), "~/code/b": Link("a")},
    ),
    Case("a link to a folder on the way", {**on("/var/task/a/id_rsa"), "~/code/a": Link("~/.ssh")}, left_out=(KEY,)),
    Case("a link to a private folder", {**on("~/code/a/bin/x"), "~/code/a": Link("~/private")}, (X, "~/code/a")),
    Case("a link to the root", {**on("~/code/a{home}/private/bin/x"), "~/code/a": Link("/")}, (X, "~/code/a")),
    Case("a link to the server's root", {**PRIVATE, BOOTSTRAP: Link("/proc/self/root{home}/.ssh/id_rsa")}),
    Case("a link to the folder of another process", {**PRIVATE, BOOTSTRAP: Link("/proc/1/cwd/x")}),
    Case("a bootstrap of a layer", {**PRIVATE, "~/code/a": "", "~/layer/bootstrap": Link(KEY)}, left_out=(KEY,)),
    Case("an interpreter of a layer", {**on("/opt/bin/x"), "~/layer/bin/x": Link(KEY)}, left_out=(KEY,)),
    Case(
        "a program of the command",
        {**PRIVATE, "~/code/a": Link("~/private/bin/deploy")},
        command=("~/code/a",),
        left_out=("~/private/bin/deploy",),
    ),
    Case(
        "an argument of the command",
        {**PRIVATE, "~/code/a": Link(KEY)},
        command=("/bin/cat", "~/code/a"),
        left_out=(KEY,),
    ),
    Case(
        "a folder on an argument's way",
        {**PRIVATE, "~/code/a": Link("~")},
        command=("/bin/cat", "~/code/a/.ssh/id_rsa"),
        left_out=(KEY,),
    ),
    Case(
        "a mount", {**PRIVATE, BOOTSTRAP: SH, "~/code/a": Link("~/.ssh")}, mounts=("~/code/a",), left_out=("~/.ssh",)
    ),
    Case(
        "the server's variables as argument",
        PRIVATE,
        command=("/bin/cat", "/proc/self/environ", "/dev/stdin", "~", "/"),
    ),
    # -- installations that are none
    Case("~/.local", {**on("~/.local/bin/uv"), "~/.local/bin/uv": Binary()}, ("~/.local/bin/uv",)),
    Case(
        "code in a folder called bin",
        {**PRIVATE, "~/private/bin/bootstrap": Script("#!~/private/bin/own\n"), "~/private/bin/own": SH},
        ("~/private/bin/own",),
        code="~/private/bin",
    ),
    Case(
        "code in a folder called lib",
        {**PRIVATE, "~/private/lib/python3.12/os.py": "", "~/private/lib/bootstrap": Script(f"#!{X}\n")},
        (X,),
        code="~/private/lib",
    ),
    Case(
        "code that makes the folder around it an installation",
        {**TIDY, "~/tidy/lib/python3.12/os.py": "", "~/tidy/lib/node_modules/npm/package.json": ""},
        ("~/tidy/bin/x",),
        code="~/tidy/lib",
    ),
    Case(
        "code that does so with a link",
        {**TIDY, **PYENV, "~/tidy/lib/python3.12": Link(f"{BUILT}/lib/python3.12")},
        ("~/tidy/bin/x",),
        code="~/tidy/lib",
    ),
    Case(
        "code called lib in an installation",
        {
            **PRIVATE,
            "~/private/pyvenv.cfg": "",
            "~/private/lib/bootstrap": Script(f"#!{X}\n"),
            "~/private/lib/python3.12": Link("~/private/key"),
        },
        (X, "~/private/pyvenv.cfg"),
        code="~/private/lib",
    ),
    Case(
        "a foreign environment with a neighbour",
        {
            **PRIVATE,
            "~/one/pyvenv.cfg": "",
            "~/one/bin/python": Binary(),
            "~/one/lib/python3.12/site-packages/a.pth": "~/private\n",
            BOOTSTRAP: Script("#!~/one/bin/python\n"),
        },
        ("~/one",),
        left_out=("~/private",),
    ),
    Case(
        "parts of an installation that are links elsewhere",
        {
            **PRIVATE,
            "~/one/pyvenv.cfg": "",
            "~/one/other": "",
            "~/one/bin/python": Binary(),
            "~/one/lib/python3.12": Link("~/private"),
            BOOTSTRAP: Script("#!~/one/bin/python\n"),
        },
        ("~/one/bin/python", "~/one/pyvenv.cfg"),
    ),
    Case(
        "a foreign project that is an environment",
        {
            **PRIVATE,
            "~/one/pyvenv.cfg": "",
            "~/one/bin/python": Binary(),
            "~/one/src/key": SECRET,
            "~/one/bin/deploy": Script(SECRET),
            BOOTSTRAP: Script("#!~/one/bin/python\n"),
        },
        ("~/one/bin/python", "~/one/pyvenv.cfg"),
    ),
    # -- virtual environments
    Case("a .pth file for a key", named("~/.ssh", KEY), ENVIRONMENT, left_out=("~/.ssh",)),
    Case("a .pth file for the home and the root", named("~", "/", "//", "/."), ENVIRONMENT, left_out=("~", "/")),
    Case(
        "a .pth file with detours",
        named("~/code/../.ssh", "../../../../../.ssh", "/opt/../{home}//private"),
        ENVIRONMENT,
        left_out=("~/.ssh", "~/private"),
    ),
    Case(
        "a .pth file for a link of the code",
        {**named("~/code/a"), "~/code/a": Link("~/private")},
        ENVIRONMENT,
        left_out=("~/private",),
    ),
    Case("a .pth file for processes", named("/proc/self/root", "/proc/1/cwd", "/dev", "/sys"), ENVIRONMENT),
    Case("a .pth file of nothing but lines", named(*("~/private",) * 5000), ENVIRONMENT, left_out=("~/private",)),
    Case("a .pth file that is a link to a key", {**PRIVATE, **VENV, PATH_FILE: Link(KEY)}, ENVIRONMENT),
    Case("a .pth file that is a pipe", {**PRIVATE, **VENV, PATH_FILE: Fifo()}, ENVIRONMENT),
    Case(
        "a foreign home",
        {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": "home = ~/private/bin\n"},
        ENVIRONMENT,
        left_out=("~/private/bin",),
    ),
    Case(
        "a home that is the home",
        {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": "HOME = ~/.ssh\n"},
        ENVIRONMENT,
        left_out=("~/.ssh",),
    ),
    Case(
        "a home below the root",
        {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": "home = /home\n"},
        ENVIRONMENT,
        left_out=("/home",),
    ),
    Case(
        "a home that is a link of the code",
        {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": "home = ~/code/a/bin\n", "~/code/a": Link("~/private")},
        ENVIRONMENT,
        left_out=("~/private/bin",),
    ),
    Case("a pyvenv.cfg that is a pipe", {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": Fifo()}, ENVIRONMENT),
    Case(
        "a pyvenv.cfg that has no end", {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": Link("/dev/zero")}, ENVIRONMENT
    ),
    Case("a pyvenv.cfg of a terabyte", {**PRIVATE, **VENV, "~/code/.venv/pyvenv.cfg": Sized(1 << 40)}, ENVIRONMENT),
    Case(
        "an environment that is a link to the home",
        {**on("~/code/.venv/private/bin/x"), "~/code/.venv": Link("~")},
        (X, "~/code/.venv"),
    ),
    Case(
        "an environment whose folders are links",
        {
            **PRIVATE,
            "~/code/.venv/pyvenv.cfg": "",
            "~/code/.venv/lib": Link("~/private/lib"),
            "~/code/.venv/bin": Link("~/private/bin"),
            BOOTSTRAP: Script("#!~/code/.venv/bin/deploy\n"),
        },
        left_out=("~/private/bin/deploy",),
    ),
    Case(
        "a Python that is a private script",
        {
            **PRIVATE,
            **VENV,
            "~/code/.venv/bin/python9": Link("~/private/bin/deploy"),
            BOOTSTRAP: Script("#!~/code/.venv/bin/python9\n"),
        },
        left_out=("~/private/bin/deploy",),
    ),
    # -- what would block
    Case("a bootstrap that is a pipe", {**PRIVATE, BOOTSTRAP: Fifo()}),
    Case("an interpreter that is a pipe", {**on("~/pipe"), "~/pipe": Fifo()}, left_out=("~/pipe",)),
    Case("an interpreter of a terabyte", {**on("/var/task/a"), "~/code/a": Sized(1 << 40)}),
    Case(
        "a path of many links",
        {**on("/var/task/a0/id_rsa"), **{f"~/code/a{n}": Link(f"{'./' * 1500}a{n + 1}") for n in range(60)}},
    ),
    Case("a path of many folders", on("/var/task/" + "a/../" * 40 + "b")),
)
