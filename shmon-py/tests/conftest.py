"""Fixtures: a home folder, and a service that takes messages."""

import http.server
import threading

import pytest

from support import Hook


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SHMON_HOME", str(tmp_path / "monitor"))
    return tmp_path / "monitor"


@pytest.fixture
def chatwork(home):
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    server.seen = []
    server.arrived = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    home.mkdir(mode=0o700)
    token = home / "token"
    token.touch(mode=0o600)
    token.write_text("secret-token\n")
    (home / "config.toml").write_text(
        f'[notify.chatwork]\nroom_id = 1\ntoken_file = "{token}"\n'
        f'api_base = "http://127.0.0.1:{server.server_port}/v2"\n'
    )
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
