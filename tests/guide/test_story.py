"""The runner of the guide: what it runs, and that it fails where a page does not keep its word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..servers import is_listening
from .blocks import GuideError
from .ports import Ports
from .story import tell

if TYPE_CHECKING:
    from pathlib import Path


def told(text: str, folder: Path) -> None:
    """Run a page; three quotes stand for its fences."""
    page = folder / "page.md"
    page.write_text(text.replace("'''", "```"))
    home = folder / "home"
    home.mkdir()
    tell(page, "page.md", home)


STORY = """
# A page

'''python title="shop/hello.py"
from aeros_compat import WebServer

app = WebServer(__name__)


@app.get("/")
def index():
    return "before"
'''

* in a list:

    '''diff title="shop/hello.py"
    @@
     def index():
    -    return "before"
    +    return "after"
    '''

'''console
$ cd shop
$ aeros-compat run hello:app --port 8000 &
...http://127.0.0.1:8000...
$ curl -s http://127.0.0.1:8000/
after
$ test -e missing
$ echo $?
1
'''

'''python
import httpx

text = httpx.get("http://127.0.0.1:8000/").text
'''

'''python
import subprocess

assert text == "after"
print("is not shown")
subprocess.run(["cat"], check=True)  # stdin is empty
'''

'''console
$ kill %1 \\
    && wait %1
$ ls
hello.py
'''
"""


def test_a_story(tmp_path: Path) -> None:
    told(STORY, tmp_path)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("'''python\n1 +\n'''", "page.md:1: (.|\\n)*SyntaxError"),
        ("\n'''python\nx = 1\nassert x == 2\n'''", r"page.md:2: (.|\n)*line 4(.|\n)*assert x == 2"),
        ("'''python\nraise SystemExit\n'''", "SystemExit"),
        ("'''python\nimport os\nos._exit(0)\n'''", "the process ended"),
        ("'''console\n$ false\n'''", "page.md:2: .*\nexit code 1"),
        ("'''console\n$ exit\n'''", "bash ended"),
        ("'''console\n$ false\n$ echo $?\n0\n'''", "page.md:3: .*\nshould print\n0\nand printed\n1"),
        ("'''console\n$ echo a b; echo c\na ... d\n'''", "should print"),
        ("'''console\n$ echo a\n$ echo b\na\n'''", "page.md:3: "),
        ("'''console\necho a\n'''", "page.md:2: .*begins with"),
        ("'''python\nx = 1\n", "page.md:1: .*no end"),
        ("'''html\n<p>\n'''", "'html' cannot be run"),
        ("'''\nx\n'''", "'' cannot be run"),
        ("'''json\n{\n'''", "page.md:1: .*not json"),
        ("'''yaml\na: b: c\n'''", "not yaml"),
        ("'''toml\na\n'''", "not toml"),
        ("'''ini\na = 1\n'''", "not ini"),
        ("'''python title=\"app.py\"\nx = 1\n'''", "uses app.py"),
        ("'''diff title=\"app.py\"\n+x\n'''\n'''console\n$ cat app.py\n'''", "no app.py"),
        (
            "'''text title=\"a.txt\"\nx\nx\n'''\n'''diff title=\"a.txt\"\n-x\n+y\n'''\n'''console\n$ cat a.txt\n'''",
            "page.md:5: .*2 times",
        ),
        (
            "'''text title=\"a.txt\"\nx\n'''\n'''diff title=\"a.txt\"\n-y\n+z\n'''\n'''console\n$ cat a.txt\n'''",
            "page.md:4: .*0 times",
        ),
    ],
)
def test_what_a_page_may_not(page: str, message: str, tmp_path: Path) -> None:
    with pytest.raises((GuideError, AssertionError), match=message):
        told(page, tmp_path)


def test_what_is_started_ends_with_the_page(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    told(f"'''console\n$ sleep 1000 &\n$ echo $! > {pid_file}\n'''", tmp_path)
    state = tmp_path.joinpath("/proc", pid_file.read_text().strip(), "stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_blocks_that_are_well_formed_or_only_shown(tmp_path: Path) -> None:
    told(
        "'''json\n[1]\n'''\n'''yaml\na: 1\n'''\n'''toml\na = 1\n'''\n'''ini\n[a]\nb = 1\n'''\n'''text\nx\n'''", tmp_path
    )


def test_ports() -> None:
    ports = Ports()
    text = 'http://127.0.0.1:5000/5000 --port 5000 port=8000 "port": 8000 listen 8080; A_PORT=8081 5000 report 5000'
    replaced = ports.replaced(text)
    assert ports.named(text) == ["5000", "5000", "8000", "8000", "8080", "8081"]
    assert replaced.endswith(" 5000 report 5000")
    assert "/5000 " in replaced
    assert ports.restored(replaced) == text
    assert not is_listening(int(ports.free("5000")))
