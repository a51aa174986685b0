"""335 canaries in the places where secrets turn up; tests/py/test_secret_places.py names those
that may be seen in a recording, each with its reason."""

import sys, os, json, base64, logging, collections, dataclasses, types, enum, array, io, datetime, decimal, uuid, functools
import canmod
from canmod import C


def sink(x):
    return None


def ident(x):
    return x


# --- by name ---
def login(user, password):
    return None


login("bob", C("posparam"))
login("bob", password=C("kwparam"))


def kw(**kwargs):
    return None


kw(password=C("kwargs"))
kw(dbPassword=C("kwargsCamel"))
kw(data={"password": C("kwNested")})


def va(*args):
    return None


va("password", C("posPair"))
va(("password", C("tuple2")))
va(["password", C("list2")])
va({"password": C("dict")})
va({"a": [{"b": ({"api_key": C("deep")},)}]})
va({b"password": C("bytesKey")})
va({"password": C("bytesVal").encode()})
va({"password": bytearray(C("baVal").encode())})
va({"password": [C("listUnder")]})
va({"password": {"v": C("dictUnder")}})
va({C("dictKeyIsSecret"): 1, "password": 1})
va({("user", "password"): C("tupleKey")})
va({"password ": C("trailingSpace")})
va({"PASSWORD": C("upper")})
va({"Password:": C("colonName")})
va({1: C("none")} and {"pass_word": C("pass_word")})


@dataclasses.dataclass
class DC:
    name: str
    password: str
    apiKey: str
    secret_value: bytes = b""


sink(DC("x", C("dcPassword"), C("dcApiKey"), C("dcBytes").encode()))


class SL:
    __slots__ = ("password", "token")


s = SL()
s.password = C("slotPw")
s.token = C("slotTok")
sink(s)


class Pv:
    def __init__(self):
        self.__password = C("mangled")
        self._secret = C("undersc")


sink(Pv())
NT = collections.namedtuple("NT", "user password")
sink(NT("u", C("namedtuple")))
import typing


class TN(typing.NamedTuple):
    user: str
    token: str


sink(TN("u", C("typingNT")))
sink(types.SimpleNamespace(password=C("simpleNS")))


class En(enum.Enum):
    PASSWORD = C("enumVal")


sink(En.PASSWORD)
sink(functools.partial(login, password=C("partialKw")))
sink(functools.partial(login, "u", C("partialPos")))
sink(collections.OrderedDict(password=C("odict")))
sink(collections.defaultdict(str, password=C("ddict")))
sink(collections.ChainMap({"password": C("chainmap")}))
sink(types.MappingProxyType({"password": C("mapproxy")}))
sink(collections.deque([("password", C("deqPair"))]))
sink({"password": C("dview")}.items())
sink({"password": C("dvals")}.values())
sink(iter([("password", C("iter"))]))
sink(collections.UserDict(password=C("userdict")))
sink(collections.Counter({C("counter"): 1}))


# locals
def loc():
    password = C("localPw")
    apiKey = C("localCamel")
    clientSecret = C("localCS")
    contraseña = C("es")
    Passwort = C("de")
    mot_de_passe = C("fr")
    пароль = C("ru")
    密码 = C("zh")
    senha = C("pt")
    wachtwoord = C("nl")
    passord = C("no")
    heslo = C("cz")
    haslo = C("pl")
    kennwort = C("de2")
    parola = C("it")
    pw = C("pw")
    passwrd = C("passwrd")
    psw = C("psw")
    pword = C("pword")
    pass_ = C("pass_")
    pass1 = C("pass1")
    password2 = C("password2")
    pwd_hash = C("pwdhash")
    userpw = C("userpw")
    mypassword = C("mypassword")
    rootpass = C("rootpass")
    key = C("key")
    apikey2 = C("apikey2")
    priv = C("priv")
    privkey = C("privkey")
    private = C("private")
    cred = C("cred")
    auth_header = C("auth_header")
    tok = C("tok")
    access_tokens = C("access_tokens")
    tokens = C("tokens")
    refreshToken = C("refreshToken")
    csrftoken = C("csrftoken")
    xoauth = C("xoauth")
    oauth = C("oauth")
    seed_phrase = C("seedphrase")
    mnemonic = C("mnemonic")
    pincode = C("pincode")
    pin = C("pin")
    PIN = C("PIN")
    security_answer = C("secanswer")
    salt = C("salt")
    signature = C("signature")
    conn_str = C("connstr")
    dsn = C("dsn")
    database_url = C("dburl")
    sas = C("sas")
    webhook_url = C("webhook")
    encryption_iv = C("iv")
    otp_code = C("otpcode")
    verification_code = C("vercode")
    api_token = C("api_token")
    tokenValue = C("tokenValue")
    bearerToken = C("bearerToken")
    APIKEY = C("APIKEY")
    AWSSecretAccessKey = C("AWSSAK")
    awsSecretKey = C("awsSK")
    accessKeyId = C("accessKeyId")
    access_key_id = C("access_key_id")
    secretkey = C("secretkey")
    passkey = C("passkey")
    unlock_code = C("unlock")
    dbpwd = C("dbpwd")
    sshkey = C("sshkey")
    authkey = C("authkey")
    signing_secret = C("signsec")
    hmackey = C("hmackey")
    cookies = C("cookies")
    session = C("session")
    sessid = C("sessid")
    PHPSESSID = C("phpsessid")
    JSESSIONID = C("jsessionid")
    sid = C("sid")
    social_security_number = C("ssnlong")
    cardNumber = C("cardNumber")
    cc_num = C("ccnum")
    cc_number = C("ccnumber")
    iban_no = C("iban")
    account_number = C("acctno")
    fernet_key = C("fernet")
    secret_key_base = C("skb")
    wifi_psk = C("psk")
    preshared_key = C("presharedkey")
    shared_key = C("sharedkey")
    recovery_code = C("recovery")
    backup_codes = C("backupcodes")
    license_key = C("lickey")
    keyfile_data = C("keyfile")
    pem = C("pem")
    private_pem = C("privpem")
    certificate_key = C("certkey")
    ssl_key = C("sslkey")
    tls_key = C("tlskey")
    storage_key = C("storagekey")
    account_key = C("acctkey")
    subscription_key = C("subkey")
    azure_key = C("azkey")
    openai_key = C("openaikey")
    stripe_key = C("stripekey")
    google_key = C("gkey")
    app_key = C("appkey")
    admin_key = C("adminkey")
    user_key = C("userkey")
    consumer_key = C("conskey")
    deploy_key = C("deploykey")
    bot_token = C("bottoken")
    token_secret = C("toksecret")
    tokenA = C("tokenA")
    token1 = C("token1")
    token_old = C("tokold")
    new_token = C("newtok")
    pwds = C("pwds")
    passphrase_ = C("pphr")
    api_pass = C("apipass")
    passes = C("passes")
    user_pass_plain = C("upp")
    pass_plain = C("passplain")
    passhash = C("passhash")
    return None


loc()
# globals and class attrs
API_KEY = C("globalApiKey")
DB_PASSWORD = C("globalPw")


def setglob():
    global SESSION_SECRET
    SESSION_SECRET = C("setglobal")


setglob()


# return by function name
def get_password():
    return C("retPw")


def make_token(u):
    return C("retTok")


get_password()
make_token(1)


def g_password():
    yield C("yieldPw")


list(g_password())


class Vault:
    @property
    def password(self):
        return C("propPw")

    def get(self, name):
        return C("getByName")

    def __getitem__(self, k):
        return C("getitemByName")


Vault().password
Vault().get("password")
Vault()["password"]
lam = lambda: C("lamRet")
password_fn = lambda: C("lamNamed")
password_fn()


# exceptions
def ex(n):
    try:
        n()
    except Exception:
        pass


def r1():
    raise ValueError("password=" + C("excPwEq"))


def r2():
    raise ValueError("login failed for bob with password %s" % C("excPwSpace"))


def r3():
    raise KeyError({"password": C("excDict")})


def r4():
    e = RuntimeError("x")
    e.password = C("excAttr")
    raise e


def r5():
    raise ValueError("a", ("password", C("excArgsPair")))


def r6():
    pw2 = C("x")
    raise ValueError(f"could not connect to postgres://bob:{C('excUrl')}@h/db")


def r7():
    raise ValueError("Authorization: Bearer " + C("excBearer") + "aaaaaaaaaaaaaaaaaa")


def r8():
    try:
        r1()
    except ValueError as e:
        raise RuntimeError("wrap") from e


def r9():
    raise ValueError({"a": 1}, b"password=" + C("excBytes").encode())


for r in (r1, r2, r3, r4, r5, r6, r7, r8, r9):
    ex(r)


# content
def f(x):
    return None


f("password=" + C("ctEq"))
f("password: " + C("ctColon"))
f('"password": "' + C("ctJson") + '"')
f(json.dumps({"user": "b", "password": C("ctJsonDump")}))
f("{'password': '%s'}" % C("ctRepr"))
f("pwd=" + C("ctPwd"))
f("?token=" + C("ctQTok") + "&a=b")
f("https://h/p?api_key=" + C("ctQApi"))
f("https://h/p?access_token=" + C("ctQAT"))
f("https://h/p?sig=" + C("ctSig"))
f("https://h/?X-Amz-Signature=" + C("ctAmz"))
f("https://bob:" + C("ctUrlPw") + "@h/")
f("https://" + C("ctUrlUser") + "@h/")
f("https://:" + C("ctUrlPwOnly") + "@h/")
f("redis://:" + C("ctRedis") + "@h:6379/0")
f("postgresql+psycopg2://u:" + C("ctSqlA") + "@h/d")
f("u:" + C("ctNoScheme") + "@h")
f("Server=h;Uid=u;Pwd=" + C("ctOdbc") + ";")
f("host=h user=u password=" + C("ctLibpq"))
f("password='%s x'" % C("ctQuoted"))
f("mysql -u root -p" + C("ctMysqlP"))
f("curl -u bob:" + C("ctCurl"))
f("--password " + C("ctOptSpace"))
f("--password=" + C("ctOptEq"))
f("<password>" + C("ctXml") + "</password>")
f("password\n" + C("ctNewline"))
f("password => " + C("ctArrow"))
f("set password to " + C("ctTo"))
f("password is " + C("ctIs"))
f('PASSWORD "' + C("ctQuote") + '"')
f("Cookie: sid=" + C("ctCookie"))
f("Set-Cookie: sid=" + C("ctSetCookie") + "; Path=/")
f("Authorization: Basic " + base64.b64encode(("u:" + C("ctBasic")).encode()).decode())
canmod.OUT["ctBasicB64"] = base64.b64encode(("u:" + canmod.OUT["ctBasic"]).encode()).decode()
f("Authorization: Token " + C("ctAuthTok"))
f("X-Api-Key: " + C("ctXApi"))
f("Proxy-Authorization: Digest " + C("ctDigest"))
f("export AWS_SECRET_ACCESS_KEY=" + C("ctExport"))
f("pass" + "word%3D" + C("ctPctEnc"))
f("password%22%3A%22" + C("ctPctJson"))
f(r"{\"password\":\"" + C("ctEscJson") + r"\"}")
f(json.dumps(json.dumps({"password": C("ctDoubleJson")})))
f(json.dumps({"password": [C("ctJsonList")]}))
f(json.dumps({"a": {"password": {"x": C("ctJsonObj")}}}))
f(json.dumps({"password": C("ctJsonIndent")}, indent=2))
f('{"name":"password","value":"' + C("ctNameValue") + '"}')
f(base64.b64encode(b"password=" + C("ctB64").encode()).decode())
canmod.OUT["ctB64enc"] = base64.b64encode(b"password=" + canmod.OUT["ctB64"].encode()).decode()
f(bytearray(b"password=" + C("ctBa").encode()))
f(memoryview(b"password=" + C("ctMv").encode()))
f(array.array("B", b"password=" + C("ctArr").encode()))
f(io.StringIO("password=" + C("ctSio")))
f(io.BytesIO(b"password=" + C("ctBio").encode()))
f(("password=" + C("ctU16")).encode("utf-16"))
canmod.OUT["ctU16enc"] = None
f("x" * 250 + "password=" + C("ctCutEdge"))
f("x" * 200 + " password=" + C("ctLate"))
f("password=" + "y" * 245 + C("ctFar"))
f("pass\u200bword=" + C("ctZw"))
f("ｐａｓｓｗｏｒｄ=" + C("ctFull"))
f("p\u0430ssword=" + C("ctCyr"))
f("contraseña=" + C("ctEs"))
f("пароль=" + C("ctRu"))
f("pw=" + C("ctPw"))
f("-----BEGIN RSA PRIVATE KEY-----\n" + C("ctPem"))
f(["-----BEGIN RSA PRIVATE KEY-----", C("ctPemLines")])
f("ssh-rsa AAAA " + C("ctPub"))
f("AGE-SECRET-KEY-1" + C("ctAge").upper() * 3)
canmod.OUT["ctAge"] = canmod.OUT["ctAge"].upper()
f("whsec_" + C("ctWhsec") * 3)
f("xapp-1-" + C("ctXapp") * 3)
f("sk-ant-api03-" + C("ctAnt") * 4)
f("AKIA" + "ABCDEFGHIJKLMNOP")
canmod.OUT["AKIA"] = "AKIAABCDEFGHIJKLMNOP"
f("lin_api_" + C("ctLin") * 3)
f("glsa_" + C("ctGlsa") * 3)
f("ATATT3xFf" + C("ctAtl") * 4)
f("https://hooks.slack.com/services/T00000000/B00000000/" + C("ctSlackHook") * 2)
f("EAAC" + C("ctFb") * 5)
f("1//0" + C("ctGrefresh") * 4)
f("GOCSPX-" + C("ctGocspx") * 3)
f("hvs." + C("ctVault") * 3)
f("dp.pt." + C("ctDoppler") * 3)
f("sq0csp-" + C("ctSq") * 3)
f("key-" + "0123456789abcdef" * 2)
f("rubygems_" + C("ctRubygems") * 3)
f("PMAK-" + C("ctPmak") * 3)
f("AccountKey=" + C("ctAzAcc") + "==;EndpointSuffix=core.windows.net")
f("SharedAccessSignature=sv=2020&sig=" + C("ctSas"))
f("github_pat_" + C("ctGhPat") * 4)
f("ghp_" + (C("ctGhp") * 4)[:36])
f("gldt-" + C("ctGldt") * 3)
f("tskey-auth-" + C("ctTs") * 3)
f("r8_" + C("ctRepl") * 4)
f("gsk_" + C("ctGsk") * 4)
f("sbp_" + "a1" * 20)
f("AIza" + (C("ctAiza") * 6)[:35])
f("eyJhbGciOiJIUzI1NiJ9.eyJ" + C("ctJwt") + ".abcDEF123456789")


# split
def sp(a, b):
    return a + b


sp("pass", "word=" + C("splitA"))
sp("password=", C("splitB"))
sp("Bearer ", C("splitBearer"))


def chars(c):
    return c


[chars(c) for c in C("chars")]


def fstr(u, p):
    msg = f"user={u} secret is {p}"
    return msg


fstr("u", C("fstr"))


def flow(password):
    q = password  # alias under harmless name
    z = password.upper()
    r = password[::-1]
    lst = [password]
    helper(password)
    return q


def helper(v):
    return v


canmod.OUT["flowUp"] = None
password = C("flow")
flow(password)
canmod.OUT["flowUp"] = password.upper()
canmod.OUT["flowRev"] = password[::-1]


def hashy(password):
    h = base64.b64encode(password.encode()).decode()
    return h


password = C("b64flow")
hashy(password)
canmod.OUT["b64flowEnc"] = base64.b64encode(password.encode()).decode()
# output, logs
print("password=" + C("outEq"))
print("token:", C("outTok"))
print(json.dumps({"api_key": C("outJson")}))
print("Bearer " + C("outBearer") + "abcdefghijklmnop")
sys.stderr.write("password=" + C("errEq") + "\n")
sys.stdout.write("pass")
sys.stdout.write("word=")
sys.stdout.write(C("outSplit") + "\n")
sys.stdout.flush()
print({"password": C("outDict")})
print("postgres://u:" + C("outUrl") + "@h")
os.write(1, ("password=" + C("outOsWrite") + "\n").encode())
# code/name places
exec('def hidden(password="%s"): return None\nhidden()' % C("defaultArg"))


class T:
    pass


T.__name__ = C("typeName")
sink(T())
T.__qualname__ = "password=" + C("typeQual")
sink(T())
import threading

t = threading.Thread(target=sink, args=(1,), name="password=" + C("threadName"))
t.start()
t.join()
import asyncio


async def co(x):
    return None


async def am():
    try:
        t = asyncio.create_task(co(1), name="password=" + C("taskName"))
    except TypeError:
        t = asyncio.ensure_future(co(1))
    await t


asyncio.run(am())
if len(sys.argv) > 1:
    pass
os.environ["MY_TOKEN"] = C("envTok")
sink(os.environ)
sink(dict(os.environ))
os.getenv("MY_TOKEN")


def gf():
    return os.environ["MY_TOKEN"]


gf()


# resume/send/throw
def gen():
    while True:
        password = yield
        x = password


g = gen()
next(g)
g.send(C("genSend"))
try:
    g.throw(ValueError("token=" + C("genThrow")))
except ValueError:
    pass


# attribute writes at lines
def attrw():
    o = types.SimpleNamespace()
    o.password = C("attrWrite")
    d = {}
    d["password"] = C("itemWrite")
    d["x"] = {"token": C("itemNested")}
    l = []
    l.append(("password", C("appendPair")))
    o.a = o
    return o


attrw()


def unpack():
    cfg = {"password": C("unpackA"), "user": "u"}
    user, pw3 = cfg["user"], cfg["password"]
    for k, v in cfg.items():
        w = v
    k, v = "password", C("kvLocal")
    return None


unpack()


def kvpair(key, value):
    return None


kvpair("password", C("kvParams"))


def setenv(name, value):
    return None


setenv("DB_PASSWORD", C("nameValueParams"))


def hdr(k, v):
    return None


hdr("Authorization", C("hdrParams"))
va([{"name": "password", "value": C("nvDict")}])
va([{"key": "password", "value": C("kvDict")}])
va(["--password", C("argvList")])
va(["-p", C("argvP")])
va(["mysql", "--password=" + C("argvEq")])
sink([["Authorization", "Token " + C("hdrList")]])
sink({"headers": [("X-Api-Key", C("hdrPair"))]})
sink({"Authorization": C("hdrDict")})
sink({"headers": {"Cookie": C("hdrCookie")}})
sink([(b"authorization", b"x " + C("hdrBytes").encode())])
lg = logging.getLogger("x")
lg.addHandler(logging.NullHandler())
lg.propagate = False
lg.setLevel(10)
lg.info("password=%s", C("logArg"))
lg.info("user %s logged in with %s", "u", C("logHarmless"))
lg.info("cfg %s", {"password": C("logDict")})
lg.info("x", extra={"password": C("logExtra")})
lg.info("token %(token)s", {"token": C("logNamed")})
sink(decimal.Decimal("4111111111111111"))
sink(4111111111111111)
sink(4111111111111111.0)
sink("4111 1111 1111 1111")
sink(uuid.UUID(int=5))


class URL:
    def __init__(s, u):
        s.url = u


sink(URL("https://a:" + C("attrUrl") + "@b"))


class Err(Exception):
    def __init__(s, password):
        s.password = password
        super().__init__("bad " + password)


def rz():
    raise Err(C("errSelf"))


ex(rz)
json.dump(canmod.OUT, open(os.environ["CANARY"], "w"))
