"""A real `usher serve` on a port of its own, filled with the workspace that all clients are asked about."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import requests

HERE = Path(__file__).resolve().parent
BINARY = os.environ.get("USHER_BIN") or HERE / "../../../target/debug/usher"
ADMIN_TOKEN = "uat_ofrep-clients-administrator"


def shared(name):
    """A file beside the tests, read as JSON."""
    return json.loads((HERE.parent / name).read_text(encoding="utf-8"))


class Usher:
    def __init__(self, **settings):
        """A seeded server, with some settings of one's own."""
        self._settings = {f"USHER_{name.upper()}": str(value) for name, value in settings.items()}
        self.url = "http://127.0.0.1:0"
        self._folder = tempfile.mkdtemp(prefix="usher-ofrep-")
        self.resume()
        try:
            self.put(*shared("workspace.json"))
        except BaseException:
            self.close()
            raise

    def resume(self):
        """Starts it, again after a stop: on the same port, with the same data."""
        listen = self.url.removeprefix("http://")
        words = ["serve", "--listen", listen, "--data", self._folder, "--output", "json"]
        # Settings of whoever runs the tests are not the tests' settings.
        own = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
        env = own | {"USHER_ADMIN_TOKEN": ADMIN_TOKEN, "USHER_LOG": "warn"}
        # Whoever looks for what is refused is refused all the time.
        env["USHER_ADDRESS_REFUSALS_PER_SECOND"] = "0"
        env |= self._settings
        self._process = subprocess.Popen([BINARY, *words], env=env, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        assert line, f"usher ended with {self._process.wait()} before it listened"
        self.url = json.loads(line)["url"]

    def stop(self):
        """Stops it, and keeps its data."""
        self._process.terminate()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def close(self):
        """Stops it for good."""
        self.stop()
        shutil.rmtree(self._folder)

    def put(self, *documents):
        """Writes documents, all in one commit."""
        changes = [{"put": document} for document in documents]
        return self._post("/api/v1/commits", {"message": "Write the workspace", "changes": changes})

    def delete(self, kind, key):
        """Deletes a document."""
        changes = [{"delete": {"kind": kind, "key": key}}]
        return self._post("/api/v1/commits", {"message": f"Delete {key}", "changes": changes})

    def key(self, kind, venues=()):
        """A new key of production, `server` or `client`, perhaps for some venues only: secret and name."""
        wanted = {"name": kind, "type": kind, "environment": "production", "venues": list(venues)}
        made = self._post("/api/v1/keys", wanted)
        return made["secret"], made["key"]["key"]

    def revoke(self, key):
        """Revokes a key, by its name."""
        self._post(f"/api/v1/keys/{key}/revoke", {})

    def act(self, action, flag, venue):
        """`kill` or `revive`, at one venue."""
        self._post(f"/api/v1/flags/{flag}/environments/production/{action}", {"venues": [venue]})

    def _post(self, path, body):
        """Asks the administration API; anything but a success raises."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        response = requests.post(self.url + path, json=body, headers=headers, timeout=10)
        assert response.ok, f"{path}: {response.status_code} {response.text}"
        return response.json()
