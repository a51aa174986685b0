"""examples/docker: what its Dockerfile does, in a clean environment in place of an image."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from serving import clean_environ, free_port, relive, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "docker"
LINES = re.sub(r"\\\n", "", (EXAMPLE / "Dockerfile").read_text()).splitlines()


def instructions(name):
    """Returns what follows an instruction, for each line that has it."""
    return [line.split(None, 1)[1] for line in LINES if line.startswith(name + " ")]


def test_hadolint_has_nothing_to_say():
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [program, EXAMPLE / "Dockerfile"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_container_has_no_capability_and_writes_to_its_volume_alone():
    (service,) = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"].values()
    assert service["cap_drop"] == ["ALL"] and service["read_only"] and "cap_add" not in service
    (volume,) = [text.split(":")[1] for text in service["volumes"]]
    assert instructions("ENV") == [f"RELIVE_RECORD={volume}"]
    assert not re.search("privileged: true|ptrace", (EXAMPLE / "compose.yaml").read_text(), re.I)


def ask_shop(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()


def test_its_steps_make_a_service_that_is_recorded(tmp_path):
    version = "python%d.%d" % sys.version_info[:2]
    if instructions("FROM") != [version.replace("python", "python:") + "-slim"]:
        pytest.skip(f"the image is {instructions('FROM')[0]}, this is {version}")
    app, recordings = tmp_path / "app", tmp_path / "recordings"
    for folder in (app, recordings):
        folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    wheels = Path(sys.prefix) / "relive"
    env = clean_environ(
        PATH=f"{tmp_path}/venv/bin{os.pathsep}/usr/bin{os.pathsep}/bin", PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(wheels), XDG_CACHE_HOME=str(tmp_path / "cache"),
    )  # fmt: skip
    for line in LINES:  # in their order
        word, _, rest = line.partition(" ")
        if word == "COPY":
            for name in rest.split()[:-1]:
                (app / name).write_bytes((EXAMPLE / name).read_bytes())
        elif word == "RUN":
            subprocess.run(rest, shell=True, cwd=app, env=env, check=True)
        elif word == "ENV":
            env.update([rest.replace("=/recordings", f"={recordings}").split("=", 1)])
    (text,) = instructions("CMD")
    words, port = json.loads(text), free_port()
    assert words[-1] == instructions("EXPOSE")[0] and shlex.join(words[:2]) == "python shop.py"
    with open(tmp_path / "output.txt", "wb") as out:
        service = subprocess.Popen([*words[:-1], str(port)], cwd=app, env=env, stdout=out)
    try:
        wait_until(lambda: (tmp_path / "output.txt").read_bytes(), "the shop", service)
        assert ask_shop(port, "tea/4") == (200, "12")
        assert ask_shop(port, "milk") == (404, "KeyError('milk')")
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
    finally:
        service.kill()
    (first,) = [path for path in recordings.iterdir() if path.name.count(".") == 1]
    assert re.fullmatch(r"shop-\d{8}-\d{6}\.relive", first.name)
    assert b": whole" in relive("check", first).stdout
    calls = relive("calls", "price", first).stdout.decode()
    assert "price(item='tea', count=4)" in calls and "KeyError: 'milk'" in calls
