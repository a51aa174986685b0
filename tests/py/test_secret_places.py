"""Where secrets turn up: containers, command lines, messages, keys that are read line by line."""

import json
import sys

import pytest
from conftest import TESTS, relive, run

PROGRAMS = TESTS / "secrets" / "programs"

PLACE = "no form says that it is one, no name stands beside it (security.md)"
# Canaries that may be seen, and why: docs/security.md lists the same.
SEEN = {
    "dictKeyIsSecret": "a key of a dictionary is not a value of it",
    "tupleKey": "a tuple as a key names nothing",
    "counter": "a key of a dictionary is not a value of it",
    "partialPos": "positional arguments of a functools.partial have no names",
    "getByName": "what is returned is named by the function, not by its argument",
    "getitemByName": "the same",
    "lamNamed": "a lambda's own name is <lambda>",
    "excPwSpace": "prose: password X",
    "ctNewline": "prose",
    "ctTo": "prose",
    "ctIs": "prose",
    "ctQuote": "prose",
    "ctNoScheme": "an address needs its scheme",
    "ctB64enc": "an encoded secret is another text",
    "ctU16enc": "not a text",
    "ctZw": "a name with a character that is not seen",
    "ctFull": "a name in full-width letters",
    "ctCyr": "a name with a letter of another alphabet",
    "ctPub": "a public key",
    "splitA": "two pieces",
    "splitB": "two pieces",
    "splitBearer": "two pieces",
    "fstr": PLACE,
    "flow": "handed on under a harmless name",
    "flowUp": "changed",
    "flowRev": "changed",
    "b64flowEnc": "an encoded secret is another text",
    "envTok": "returned by a harmless function",
    "genSend": "sent to a generator: nothing names it",
    "argvP": "-p alone is many things",
    "errSelf": "an argument is looked for in messages while its call is open, not later",
    # at level lines, variables whose names say nothing
    "key": PLACE, "priv": PLACE, "private": PLACE, "tokens": PLACE, "pin": PLACE, "PIN": PLACE,
    "salt": PLACE, "signature": PLACE, "connstr": PLACE, "dsn": PLACE, "dburl": PLACE,
    "sas": PLACE, "webhook": PLACE, "iv": PLACE, "session": PLACE, "keyfile": PLACE,
    "pem": PLACE, "appkey": PLACE, "userkey": PLACE, "passes": PLACE, "unpackA": PLACE,
}  # fmt: skip


@pytest.mark.parametrize("options", [["--level", "values"], ["--level", "lines", "--globals"]])
def test_canaries_are_seen_in_no_other_place(tmp_path, options):
    out, made = tmp_path / "c.relive", tmp_path / "made.json"
    done = relive("record", "-o", out, "--exclude", "canmod", *options,
                  PROGRAMS / "canaries.py", env={"CANARY": str(made)}, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = (
        relive("dump", "--json", out).stdout.decode()
        + relive("info", "--json", out).stdout.decode()
    )
    canaries = json.loads(made.read_text())
    assert len(canaries) >= 330
    escaped = {tag for tag, text in canaries.items() if text and text in told}
    assert escaped - set(SEEN) == set()
    if "lines" in options:
        assert set(SEEN) - escaped == {"ctU16enc"}


def arguments(events, name):
    return [e["args"] for e in events if e["kind"] == "call" and e["func"].endswith(":" + name)]


def shown(event):
    return {name: value["r"] for name, value in event.items()}


def test_the_command_line_as_a_value_is_redacted_as_in_the_header(record):
    source = "import sys\ndef main(argv): return len(argv)\nmain(sys.argv[1:])\n"
    words = ("--token", "Zargv1", "--password=Zargv2", "--name", "ada", "plain")
    _, headers, events = record(source, args=words)
    assert "Zargv" not in json.dumps(headers) + json.dumps(events)
    meta = headers[0]["meta"]
    command = [meta[f"argv.{i}"] for i in range(len(words) + 3) if f"argv.{i}" in meta]
    hidden = ["--token", "<redacted>", "--password=<redacted>"]
    assert command[-6:] == [*hidden, "--name", "ada", "plain"]
    assert "'--name', 'ada', 'plain'" in arguments(events, "main")[0]["argv"]["r"]


def test_code_on_the_command_line_is_kept_without_its_literals(tmp_path):
    out = tmp_path / "c.relive"
    code = "f = lambda **k: len(k)\n"
    code += "print(f(password='Zlit1', note=\"Zlit2\", x=f'''Zlit3'''), 'it\\'s Zlit4')"
    assert relive("record", "-o", out, "-c", code).returncode == 0
    told = relive("info", "--json", out).stdout.decode()
    assert "Zlit" not in told
    assert "f = lambda **k: len(k)" in told or sys.version_info < (3, 10)  # has no orig_argv


def test_pairs_in_containers_are_named_by_their_other_half(record):
    source = (
        "def f(x): pass\n"
        "f({b'authorization': 'Token Zp1', b'password': b'Zp2', b'host': b'here'})\n"
        "f(['password', 'Zp3']); f(['--password', 'Zp4', '--host', 'here'])\n"
        "f({'name': 'DB_PASSWORD', 'value': 'Zp5'}); f({'value': 'Zp6', 'name': 'DB_PASSWORD'})\n"
        "f([{'name': 'HOST', 'value': 'here'}, {'key': 'Authorization', 'value': 'Zp7'}])\n"
        "f([['Authorization', 'Token Zp8'], ['Host', 'here']])\n"
        "f(['mysql', '-u', 'here', '-pZpb', '-P3306']); f(['/usr/bin/mysqldump', '-pZpc'])\n"
        "f(['curl', '-s', '-u', 'bob:Zpd', 'here']); f(('sudo', 'curl', '--user', 'bob:Zpe'))\n"
        "f(['sort', '-u', 'a:here', '-port'])\n"
        "f((b'Set-Cookie', b'set-cookie', b'session=Zpf1x2q7w9')); f((b'Host', b'host', b'here'))\n"
        "f({'field_name': b'Set-Cookie', 'field_value': b'session=Zpg1x2q7w9'})\n"
        "def setenv(name, value): pass\n"
        "setenv('DB_PASSWORD', 'Zp9'); setenv('HOST', 'here')\n"
        "def put(*, key, value): pass\n"
        "put(key='password', value='Zp0'); put(key='host', value='here')\n"
        "def hdr(k, v): pass\n"
        "hdr('Authorization', 'Zpa'); hdr('Host', 'here')\n"
    )
    _, _, events = record(source)
    told = json.dumps(events)
    assert "Zp" not in told
    assert told.count("'here'") + told.count("b'here'") >= 9
    assert "'a:here', '-port'" in told and "'-P3306'" in told


def test_pairs_of_variables_at_level_lines(record):
    source = (
        "def f(config):\n    for k, v in config.items():\n        pass\n"
        "    name, value = 'API_KEY', 'Zv1'\n    name, value = 'host', 'here'\n"
        "f({'password': 'Zv2', 'host': 'there'})\n"
    )
    _, _, events = record(source, "--level", "lines")
    told = json.dumps(events)
    assert "Zv" not in told and "'here'" in told and "'there'" in told


def test_only_the_secret_of_a_text_is_replaced(record):
    source = (
        "def f(*x): pass\n"
        "f('login password=Zt1 failed', 'see https://ada:Zt2@host/x', b'token=Zt3Zt3 ok')\n"
        "f('grüße, password=Zt4 für ada', '\\u2028 password=Zt5 \\u2028')\n"
        "f('password: required', '\"token\": null', 'UPDATE t SET token=%s', '${DB_PASSWORD}')\n"
        "f('Zt6Zt6Zt6', 'password=Zt6Zt6Zt6', 'again Zt6Zt6Zt6 and more')\n"
    )
    _, _, events = record(source)
    told = [event["x"]["r"] for event in arguments(events, "f")]
    assert "Zt" not in "".join(told)
    assert "'login password=<redacted> failed'" in told[0]
    assert "'see https://ada:<redacted>@host/x'" in told[0]
    assert "b'token=<redacted> ok'" in told[0]
    assert "'grüße, password=<redacted> für ada'" in told[1]
    assert "'\\u2028 password=<redacted>" in told[1]
    assert told[2].count("<redacted>") == 0 and "SET token=%s'" in told[2]
    assert "(<redacted>, 'password=<redacted>', 'again <redacted> and more')" == told[3]


@pytest.mark.parametrize("at", range(235, 260, 3))
def test_the_cut_comes_after_the_redaction(record, at):
    """A form that begins before a text's bound and ends behind it is known for what it is."""
    source = (
        "def f(*x): pass\n"
        f"f('x ' * {at // 2} + 'ghp_' + 'Zc' * 20, 'x ' * {at // 2} + 'password=Zc1 and more',\n"
        f"  'é ' * {at // 3} + ' password=Zc2' + ' more' * 50, "
        f"b'x ' * {at // 2} + b'password=Zc3')\n"
        f"f('x ' * {at // 2} + '\"password\": \"' + 'Zc' * 200)\n"
    )
    _, _, events = record(source)
    assert "Zc" not in json.dumps(events)


def test_a_private_key_that_is_read_by_lines(record):
    import random
    import string

    chance = random.Random(5)
    base64 = string.ascii_letters + string.digits + "+/"
    rest = "-----END RSA PRIVATE KEY-----"
    lines = ["Zk" + "".join(chance.choice(base64) for _ in range(62)) for _ in range(24)]
    source = (
        "def f(line): return line\nlines = []\n"
        f"for line in ['-----BEGIN RSA PRIVATE KEY-----', *{lines!r}, {rest!r}]:\n"
        "    lines.append(f(line))\n"
    )
    _, _, events = record(source, "--level", "lines")
    assert "Zk" not in json.dumps(events)
    source = source.replace("lines.append(f(line))", "f(line + '\\n')")
    _, _, events = record(source + f"f({lines[0]!r}.replace('Zk', 'Yk'))\n", "--force")
    told = json.dumps(events)
    assert "Zk" not in told and "Yk" in told


def test_a_message_that_repeats_a_redacted_argument(record):
    source = (
        "def login(user, password, pin_code):\n"
        "    try: check(user, password)\n"
        "    except ValueError as e: raise RuntimeError('no ' + password + pin_code) from e\n"
        "def check(user, secret): raise ValueError('bad login: %s of %s' % (secret, user))\n"
        "try: login('ada', 'Zm1-Zm1', '471193075501')\nexcept RuntimeError: pass\n"
    )
    _, _, events = record(source)
    told = json.dumps(events)
    assert "Zm1" not in told and "471193075501" not in told
    assert "bad login: <redacted> of ada" in told


def test_names_of_classes_b_and_c_go_by_the_value(record):
    source = (
        "class Token:\n    def __init__(self, kind, value): self.kind, self.value = kind, value\n"
        "def f(token, otp=None, auth=None): pass\n"
        "f('lambda', 26); f('Zb1234', 123456); f(12345678); f(Token('NAME', 'x')); f(None)\n"
        "f(('NAME', 'Zb5678')); f('', auth=('ada', 'Zbpw')); f(['Zb1111', 'if', 5])\n"
        "import secrets\n"
    )
    _, _, events = record(source, "--level", "lines")
    told = [shown(event) for event in arguments(events, "f")]
    assert "Zb" not in json.dumps(events)
    assert told[0] == {"token": "'lambda'", "otp": "26", "auth": "None"}
    assert told[1]["token"] == told[1]["otp"] == told[2]["token"] == "<redacted>"
    assert told[3]["token"] == "Token(kind='NAME', value='x')" and told[4]["token"] == "None"
    assert told[5]["token"] == "('NAME', <redacted>)" and told[6]["auth"] == "<redacted>"
    assert told[7]["token"] == "[<redacted>, 'if', 5]"
    assert "<module 'secrets'>" in json.dumps(events)


@pytest.mark.parametrize("door", ["option", "pyproject"])
def test_allow_shows_values_of_a_name(record, tmp_path, door):
    """By name only: forms of secrets and other names stay hidden."""
    source = (
        "def f(password, api_key): pass\ndef get_secret(): return 'shown2'\n"
        "def my_password(): return 'Za2'\n"
        "f('shown1', 'Za1'); f({'password': 'shown3'}, 1); get_secret(); my_password()\n"
        "f('gh' + 'p_' + 'Za3' * 12, 1)\n"
    )
    options = ["--allow", "password", "--allow", "get_secret"] if door == "option" else []
    if door == "pyproject":
        (tmp_path / "pyproject.toml").write_text(
            '[tool.relive]\nallow = ["password", "get_secret"]\n'
        )
    _, _, events = record(source, *options)
    told = json.dumps(events)
    assert all(f"shown{n}" in told for n in (1, 2, 3)) and "Za" not in told


NOTES = """\
import relive, relive.sessions as sessions
from relive.sessions import http
relive.start("out.relive", redact=["customer_*", "CUST-[0-9]+", "id"], allow=["token"])
with sessions.session("order CUST-17", attrs={
    "customer_name": "Zn1", "password": "Zn2", "plain": "here",
}):
    sessions.mark("step", customer_mail="Zn3", auth={"secret": "Zn4"}, plain="here", n=4711)
    sessions.mark("ghp_" + "Zn5" * 12, text="password=Zn6", token="shown1234")
    http.on_http_request(None, "GET", "http://host/?customer_id=1&password=Zn7", 1,
                         {"x-customer_name": "Zn8", "Host": "here"}, None, {"customer_key": "Zn9"})
    http.on_http_response(None, 200, 2, 3, error="about CUST-99")
    {call}
relive.stop()
"""


@pytest.mark.parametrize("call", ["pass", "(lambda: sessions.mark('m', customer_x='Zna'))()"])
def test_what_the_program_writes_itself_obeys_patterns_and_secret_rules(tmp_path, call):
    (tmp_path / "prog.py").write_text(NOTES.replace("{call}", call))
    assert run(sys.executable, "prog.py", cwd=tmp_path).returncode == 0
    told = relive("dump", "--json", tmp_path / "out.relive").stdout.decode()
    events = [json.loads(line) for line in told.splitlines()]
    own = [
        event for event in events if event.get("kind", "").startswith(("session", "http", "mark"))
    ]
    text = json.dumps(own)
    assert "Zn" not in text and "CUST-" not in text, text
    assert "shown1234" in text and "4711" in text and text.count("here") >= 3
    # what joins events is no value of the program's
    row = json.loads(relive("sessions", "--json", tmp_path / "out.relive").stdout.splitlines()[1])
    assert len(row["trace_id"]) == 32 and row["http"][0]["status"] == 200
