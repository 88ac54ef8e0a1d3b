"""What deploy/check asks of files, of a running node and edge, and of the binary: `check.py NODE EDGE KEY USHER`."""

import configparser
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time
import urllib.request

import yaml

node, edge, key, binary = sys.argv[1:]
deploy = pathlib.Path(__file__).parent


def get(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


# One evaluation, so that what counts them has counted, and a key that the edge has had to ask about.
for _ in range(100):
    try:
        get(f"{edge}/readyz")
        break
    except OSError:
        time.sleep(0.1)
for address in (node, edge):
    get(f"{address}/ofrep/v1/evaluate/flags", b'{"context": {"targetingKey": "u-1"}}')

# A histogram is exported under its name with endings.
types, exported = set(), set()
for address in (node, edge):
    for name in re.findall(r"^# TYPE (\S+) ", get(f"{address}/metrics"), re.M):
        types.add(name)
        exported |= {name, f"{name}_bucket", f"{name}_sum", f"{name}_count"}

rules = yaml.safe_load((deploy / "prometheus/usher.rules.yaml").read_text())
alerts = [rule for group in rules["groups"] for rule in group["rules"]]
panels = json.loads((deploy / "grafana/usher.json").read_text())["panels"]
asked = [rule["expr"] for rule in alerts] + [target["expr"] for panel in panels for target in panel["targets"]]
names = {name for expression in asked for name in re.findall(r"\busher_[a-z_]+\b", expression)}
unknown = sorted(names - exported)
assert names and not unknown, f"asked for, but not exported: {unknown}"
print(f"ok: {len(names)} metrics of alerts and dashboard are exported")
forgotten = sorted(name for name in types if not {name, f"{name}_bucket"} & names)
assert not forgotten, f"exported, but on no dashboard: {forgotten}"
print("ok: every metric is on the dashboard or in an alert")

runbooks = {rule["annotations"]["runbook"] for rule in alerts if "alert" in rule}
missing = sorted(name for name in runbooks if not (deploy / "runbooks" / name).is_file())
assert runbooks and not missing, f"named by alerts, but not there: {missing}"
unused = sorted(set(path.name for path in (deploy / "runbooks").iterdir()) - runbooks)
assert not unused, f"named by no alert: {unused}"
print(f"ok: {len(runbooks)} runbooks are there for the alerts")

compose = yaml.safe_load((deploy / "compose/compose.yaml").read_text())
services = compose["services"]
for name, service in services.items():
    for other in service.get("depends_on", []):
        assert other in services, f"{name} depends on {other}, which is not there"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        known = (deploy / "compose" / source).exists() if source.startswith(".") else source in compose["volumes"]
        assert known, f"{name} mounts {source}, which is not there"
# Root without capabilities can neither become somebody else nor write to what is somebody else's.
for name, service in services.items():
    user = str(service.get("user", "root")).split(":")[0]
    assert service.get("cap_drop") != ["ALL"] or user not in {"root", "0"}, f"{name} is root without capabilities"
print("ok: no service of the compose file is root without capabilities")
usher = [service for service in services.values() if service["image"] == "usher"]
assert len(usher) == 5 and all(service["read_only"] and service["user"] != "0" for service in usher)
scraped = yaml.safe_load((deploy / "prometheus/prometheus.yaml").read_text())["scrape_configs"]
targets = {target.split(":")[0] for job in scraped for config in job["static_configs"] for target in config["targets"]}
assert targets == {name for name, service in services.items() if service["image"] == "usher"}
print("ok: the compose file hangs together, and Prometheus asks all of Usher in it")

# A user that systemd makes up for each start owns nothing but its state.
made = [line.split()[1] for line in (deploy / "systemd/usher.sysusers.conf").read_text().splitlines() if line[:1] == "u"]
for path in sorted((deploy / "systemd").glob("*.service")):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(path.read_text())
    service = unit["Service"]
    words = shlex.split(service["ExecStart"])
    config = words[words.index("--config") + 1] if "--config" in words else None
    if service.get("DynamicUser", "no") == "yes":
        own = config is None or config.startswith(("%S/", "/var/lib/"))
        assert own, f"{path.name} reads {config} as a user to whom it can't be given"
    else:
        assert service.get("User") in made, f"{path.name} runs as {service.get('User')}, which nobody makes"
print("ok: units run as a user to whom their settings can be given")

# What an operator is told to type, at night, is there: each command, and each of its options.
told = set()
for path in [deploy / "README.md", *(deploy / "runbooks").iterdir()]:
    text = path.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", text, flags=re.M | re.S))
    lines = [line for block in blocks for line in block.splitlines()] + inline
    told |= {(path.name, found) for line in lines for found in re.findall(r"(?:^|\()(usher [^)|]+)", line)}
for name, line in sorted(told):
    words = line.split()[1:]
    plain = [word for word in words if not word.startswith("-")]
    commands = [word for word in plain[:2] if re.fullmatch("[a-z-]+", word)]
    asked = subprocess.run([binary, *commands, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert asked.returncode == 0, f"{name} names `{line}`, which is no command: {asked.stderr}"
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", asked.stdout), f"{name} names `{line}`, which has no {option}"
assert told
print(f"ok: the {len(told)} commands of the runbooks and of deploy/README.md are there")
