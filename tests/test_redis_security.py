"""Redis among strangers: each user may do what it must and nothing else, and TLS keeps out who has no certificate."""

from __future__ import annotations

import asyncio
import re
import time
from string import Template

import pytest
import redis
from pydantic import SecretStr
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from config.settings import DEFAULT_FILE, load
from stream.alert_channel import AlertChannel, claim_key
from stream.alert_reader import AlertReader, Patience
from stream.alerts_rebuild import Rebuilt, _Data, _Event, _Stream
from stream.engine.worker import run_worker
from stream.redis_access import access
from tests.parts.authority import Authority
from tests.parts.every_order import EveryOrder, alert, orders
from tests.parts.needs import program
from tests.parts.redis_server import RedisServer
from tests.parts.traffic import delivered, with_orders

ACL = DEFAULT_FILE.parent / "ops" / "redis" / "users.acl"
PASSWORDS = {
    f"{user}_PASSWORD": f"{user.lower()}-secret" for user in re.findall(r"\{(\w+)_PASSWORD\}", ACL.read_text())
}
DATA = b'{"id": "a1", "data": {"kind": "k", "severity": "s", "status": "firing"}}'


@pytest.fixture(scope="module")
def guarded(parts, tmp_path_factory):
    """A server with the users of the file, and a back door for the test itself."""
    folder = tmp_path_factory.mktemp("acl")
    file = folder / "users.acl"
    file.write_text(Template(ACL.read_text()).substitute(PASSWORDS) + "user tester on >tester-secret ~* &* +@all\n")
    with RedisServer(parts.redis_binary, options=["--aclfile", str(file)]) as server:
        yield server


@pytest.fixture
def tester(guarded):
    """The one who may do everything; starts with an empty server and the users of the file."""
    own = {"username": "tester", "password": "tester-secret", "socket_timeout": 60}  # others may use this machine, too
    with redis.Redis.from_url(guarded.url, **own) as client:
        client.acl_load()  # redis-server 7.0 hangs up after it on whom it names, the one who asked included
    with redis.Redis.from_url(guarded.url, **own) as client:
        client.flushall()
        yield client


def as_user(guarded, name: str):
    """Settings of redis for one of the users."""
    secret = f"{name}-secret"
    own = {"url": guarded.url, "username": SecretStr(f"orderwatch-{name}"), "password": SecretStr(secret)}
    return load().redis.model_copy(update=own)


def granted(name: str) -> list[str]:
    """The commands that the file gives a user."""
    [line] = [line for line in ACL.read_text().splitlines() if line.startswith(f"user orderwatch-{name} ")]
    return sorted(set(re.findall(r"\+([\w|]+)", line)))


# --- what each of them does ----------------------------------------------------------------------


def work(settings, tester) -> None:
    """A worker that delivers, the second time to a server that has lost its scripts."""

    async def run() -> None:
        channel = AlertChannel(settings)
        await channel.publish([alert("a1", "f", DATA)])
        await channel.close()

    tester.script_flush()
    asyncio.run(run())


def rebuild(settings, tester) -> None:
    """An operator who puts an alert back."""

    async def run() -> None:
        async with _Stream(settings, dry_run=False) as stream:
            event = _Event("a1", _Data("k", "s", "firing"))
            await stream.restore([(event, DATA)], Rebuilt())

    tester.script_flush()
    asyncio.run(run())


def view(settings, tester) -> None:
    """`orderwatch alerts --follow`, and someone at the live channel."""

    async def run() -> None:
        channel = AlertChannel(settings)
        await channel.recent(10)
        await asyncio.wait_for(anext(channel.follow("0")), 5)
        await channel.close()

    write(tester, 1)
    asyncio.run(run())
    with redis.Redis.from_url(**access(settings)) as client, client.pubsub() as heard:
        heard.subscribe(settings.channel)
        heard.get_message(timeout=1)


def read(group):
    def run(settings, tester) -> None:
        """A reader of a group through all that may happen to it: new, done, stuck, hopeless and forgotten."""
        patience = Patience(stuck_after_seconds=0.001, most_deliveries=1, forget_after_seconds=0)
        write(tester, 2)
        tester.script_flush()
        with redis.Redis.from_url(**access(settings)) as client:
            dead = AlertReader(client, settings.stream, group, "dead", patience=patience)
            [one, _] = dead.poll()
            dead.done(one)
            time.sleep(0.01)
            living = AlertReader(client, settings.stream, group, "living", patience=patience)
            assert living.poll(0.01) == []  # stuck and handed out twice: parked
            living.poll(0.01)
            living.poll(0.01)
        assert tester.xlen(living.parked_stream) == 1
        assert [each["name"] for each in tester.xinfo_consumers(settings.stream, group)] == [b"living"]

    return run


def write(tester, count: int) -> None:
    for number in range(count):
        fields = {"id": f"a{number}", "kind": "k", "severity": "s", "status": "firing", "data": DATA}
        tester.xadd(load().redis.stream, fields)


DOES = {
    "worker": work,
    "operator": rebuild,
    "viewer": view,
    "risk": read("risk"),
    "promotions": read("promotions"),
    "notify": read("notify"),
}


# --- and what they may ---------------------------------------------------------------------------


def test_the_file_has_a_user_for_each_part_played_and_nobody_gets_in_without_a_name(guarded):
    assert {name.lower().removesuffix("_password") for name in PASSWORDS} == DOES.keys()
    with redis.Redis.from_url(guarded.url) as client, pytest.raises(AuthenticationError):
        client.ping()


@pytest.mark.parametrize("name", DOES)
def test_each_user_may_do_what_it_does(guarded, tester, name):
    DOES[name](as_user(guarded, name), tester)


@pytest.mark.parametrize("name", ["worker", "operator", "viewer", "risk"])
def test_no_grant_is_without_need(guarded, tester, name):
    for command in granted(name):
        tester.flushall()
        [line] = [line for line in ACL.read_text().splitlines() if line.startswith(f"user orderwatch-{name} ")]
        rules = Template(line).substitute(PASSWORDS).replace(f" +{command}", "").split(" ", 2)[2]
        tester.execute_command("ACL", "SETUSER", f"orderwatch-{name}", "reset", "clearselectors", *_words(rules))
        with pytest.raises((NoPermissionError, ResponseError, AssertionError)):  # inside a script it is the latter
            DOES[name](as_user(guarded, name), tester)


def _words(rules: str) -> list[str]:
    return re.findall(r"\([^)]*\)|\S+", rules)


STREAM, CHANNEL = load().redis.stream, load().redis.channel
CLAIM = claim_key(load().redis, "a1")
FORBIDDEN = {  # as they would be typed
    "worker": f"""
        XREAD STREAMS {STREAM} 0
        XADD other * a b
        XTRIM {STREAM} MAXLEN 0
        DEL {STREAM}
        GET {CLAIM}
        SET other 1
        PUBLISH other x
        SUBSCRIBE {CHANNEL}
        EVAL return-1 0""",
    "operator": f"""
        DEL {STREAM}
        PUBLISH {CHANNEL} x
        GET other
        SET other 1""",
    "viewer": f"""
        XADD {STREAM} * a b
        XGROUP CREATE {STREAM} risk 0
        GET other
        SUBSCRIBE other
        PUBLISH {CHANNEL} x
        EVALSHA 0000 0""",
    "risk": f"""
        XADD {STREAM} * a b
        XTRIM {STREAM} MAXLEN 0
        XGROUP DESTROY {STREAM} promotions
        XGROUP SETID {STREAM} risk 0
        XREAD STREAMS other 0
        XADD {{{STREAM}}}:parked:notify * a b
        SET {{{STREAM}}}:done:notify:a1 1
        SET {CLAIM} 1
        DEL {STREAM}
        PUBLISH {CHANNEL} x
        EVAL return-1 0""",
}
NOBODY = """
    FLUSHALL
    CONFIG GET *
    ACL LIST
    KEYS *
    SCAN 0
    INFO
    CLIENT LIST
    MONITOR
    SCRIPT FLUSH
    FUNCTION LIST
    REPLICAOF NO ONE
    SAVE
    SHUTDOWN"""


@pytest.mark.parametrize("name", FORBIDDEN)
def test_each_user_may_do_nothing_else(guarded, tester, name):
    write(tester, 1)
    settings = as_user(guarded, name)
    with redis.Redis.from_url(**access(settings)) as client:
        typed = (FORBIDDEN[name] + NOBODY).strip().splitlines()
        allowed = [command for command in typed if _is_allowed(client, command.split())]
    assert allowed == []
    assert tester.xlen(STREAM) == 1


def _is_allowed(client, command) -> bool:
    try:
        client.execute_command(*command)
    except NoPermissionError:
        return False
    return True


def test_a_script_gives_nobody_more_than_its_user_has(guarded, tester):
    sha = tester.script_load("return redis.call('GET', KEYS[1])")
    with (
        redis.Redis.from_url(**access(as_user(guarded, "worker"))) as client,
        pytest.raises(ResponseError, match=r"(?i)permission|can't run this"),
    ):
        client.evalsha(sha, 1, claim_key(load().redis, "a1"))


def test_a_wrong_password_is_refused_and_does_not_stand_in_the_error(guarded):
    wrong = as_user(guarded, "worker").model_copy(update={"password": SecretStr("wrong-donkey")})

    async def run() -> None:
        channel = AlertChannel(wrong)
        try:
            await channel.publish([alert("a1", "f", DATA)])
        finally:
            await channel.close()

    with pytest.raises(AuthenticationError) as raised:
        asyncio.run(run())
    assert "wrong-donkey" not in repr(raised.value)


# --- TLS: redis-server only, the embedded one is built without -----------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def encrypted(authority):
    with RedisServer(program("redis-server"), tls=authority.sign("redis")) as server:
        yield server


def publish(settings, **changes) -> int:
    async def run() -> int:
        channel = AlertChannel(settings.redis.model_copy(update=changes))
        try:
            return await channel.publish([alert("a1", "f", DATA)])
        finally:
            await channel.close()

    return asyncio.run(run())


@pytest.mark.parts
@pytest.mark.real
@pytest.mark.parametrize("parts", ["real"], indirect=True, scope="session")
class TestTls:
    """Against certificates that were made a moment ago."""

    def test_a_worker_with_the_authority_and_its_user_delivers(self, settings, authority, tmp_path):
        names = settings.redis
        rules = f"~{names.stream} ~{{{names.stream}}}:claim:* &{names.channel}"
        file = tmp_path / "users.acl"
        file.write_text(
            f"user default off\nuser w on >s resetchannels {rules} +evalsha +script|load +exists +xadd +set +publish\n"
            f"user tester on >t ~* &* +@all\n"
        )
        acl = ["--aclfile", str(file)]
        with RedisServer(program("redis-server"), tls=authority.sign("redis"), options=acl) as server:
            own = {"url": server.url, "ssl_cafile": authority.cafile}
            user = {"username": SecretStr("w"), "password": SecretStr("s")}
            worker = settings.model_copy(update={"redis": names.model_copy(update=own | user)})
            done = run_worker(worker, EveryOrder(), until_caught_up=True, on_ready=with_orders(settings, orders(50)))
            assert (done.events, done.delivered) == (50, 51)
            tester = {"username": SecretStr("tester"), "password": SecretStr("t")}
            assert len(delivered(settings.model_copy(update={"redis": names.model_copy(update=own | tester)}))) == 51

    def test_a_server_whose_certificate_is_not_of_our_authority_is_refused(self, settings, encrypted, tmp_path):
        for stranger in (None, Authority(tmp_path).cafile):
            with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                publish(settings, url=encrypted.url, ssl_cafile=stranger)

    def test_a_certificate_of_another_address_is_refused(self, settings, authority):
        other = RedisServer(program("redis-server"), tls=authority.sign("elsewhere", "192.0.2.1"))
        with other as server, pytest.raises(redis.ConnectionError, match="IP address mismatch"):
            publish(settings, url=server.url, ssl_cafile=authority.cafile)

    def test_without_tls_the_port_answers_nobody(self, settings, encrypted):
        with pytest.raises(redis.ConnectionError):
            publish(settings, url=encrypted.url.replace("rediss", "redis"))

    def test_a_server_that_asks_for_a_certificate_lets_in_who_has_one(self, settings, authority, tmp_path):
        mine, stranger = authority.sign("worker"), Authority(tmp_path).sign("stranger")
        server = RedisServer(program("redis-server"), tls=authority.sign("redis"), authority=authority.cafile)
        with server:
            at = {"url": server.url, "ssl_cafile": authority.cafile}
            assert publish(settings, **at, ssl_certfile=mine.certfile, ssl_keyfile=mine.keyfile) == 1
            for shown in ({}, {"ssl_certfile": stranger.certfile, "ssl_keyfile": stranger.keyfile}):
                with pytest.raises(redis.ConnectionError):
                    publish(settings, **at, **shown)
