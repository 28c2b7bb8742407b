"""nginx or Caddy in front of the local API, run from the files of `resources/deployment`."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.arch.source import ROOT

NAME = "investiq.example.com"
FILES = ROOT / "resources" / "deployment"
UNPACKED = ROOT / ".venv" / "proxies"
BEGIN_WITHIN_S = 20.0


def binary(name: str) -> str:
    """Find a proxy where `make setup` unpacked it, or where the system has it."""
    own = [UNPACKED / "usr" / folder / name for folder in ("sbin", "bin")]
    found = next((str(path) for path in own if path.exists()), None) or shutil.which(
        name, path="/usr/sbin:/usr/bin"
    )
    assert found, f"{name} is not there: run `make setup` on Debian, or install {name}"
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for NAME that signs itself; return certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)  # noqa: TID251 - both ends of the handshake look at the real clock
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "fullchain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, secret


@dataclass
class FrontEnd:
    """One proxy that runs."""

    port: int
    chain: Path
    process: asyncio.subprocess.Process

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.chain))

    async def stop(self) -> None:
        self.process.terminate()
        await self.process.communicate()


async def begin(kind: str, folder: Path, api_port: int) -> FrontEnd:
    """Run a proxy whose file is that of the documentation, but for the places that it tells to change."""
    chain, secret = make_certificate(folder)
    port = free_port()
    changes = {
        "/etc/ssl/investiq/fullchain.pem": str(chain),
        "/etc/ssl/investiq/key.pem": str(secret),
        "127.0.0.1:8787": f"127.0.0.1:{api_port}",
    }
    command = {"nginx": _nginx, "caddy": _caddy}[kind](folder, port, changes)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    made = FrontEnd(port, chain, process)
    await _listening(made)
    return made


def _changed(name: str, changes: dict[str, str]) -> str:
    text = (FILES / name).read_text(encoding="utf-8")
    for before, after in changes.items():
        assert before in text, f"{name} has no {before} to change"
        text = text.replace(before, after)
    return text


def _nginx(folder: Path, port: int, changes: dict[str, str]) -> list[str]:
    site = _changed("nginx.conf", changes | {"listen 443 ssl": f"listen 127.0.0.1:{port} ssl"})
    (folder / "investiq.conf").write_text(site)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The rest of what Debian's own nginx.conf gives to a site.
    main = (
        f"daemon off;\nuser root;\npid {folder}/nginx.pid;\nerror_log stderr warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}include {folder}/investiq.conf;\n}}\n"
    )
    (folder / "main.conf").write_text(main)
    return [binary("nginx"), "-p", str(folder), "-c", str(folder / "main.conf")]


def _caddy(folder: Path, port: int, changes: dict[str, str]) -> list[str]:
    site = _changed("Caddyfile", changes | {f"{NAME} {{": f"{NAME}:{port} {{\n\tbind 127.0.0.1"})
    usual = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(usual + site)
    return [binary("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


async def _listening(made: FrontEnd) -> None:
    async with asyncio.timeout(BEGIN_WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", made.port)
            except OSError:
                if made.process.returncode is not None:
                    told, _ = await made.process.communicate()
                    raise AssertionError(told.decode()) from None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
