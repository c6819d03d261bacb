"""A Kafka as docker-compose.yml starts it: deploy/kafka's script and properties, with addresses of this machine."""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.brokers import Brokers
from tools.acls import ADMINISTRATOR, USERS
from tools.containers import secrets
from tools.stack import jars, ports
from tools.stack.paths import JARS, ROOT, Paths
from tools.stack.process import Process

DEPLOY = ROOT / "deploy" / "kafka"


class SecuredKafka(Process):
    """A broker that asks for passwords and lets nobody do what no rule allows."""

    def __init__(self, paths: Paths) -> None:
        super().__init__("secured-kafka", paths, ports.choose())
        self.inside, self.controller, self.tls = ports.choose(), ports.choose(), ports.choose()
        self.secrets = paths.home / "containers"

    @property
    def bootstrap(self) -> str:
        """Give the address for this machine, as the published port is."""
        return f"127.0.0.1:{self.port}"

    def asked_by(self, user: str, password: str | None = None) -> Brokers:
        """Give the brokers as one of the users asks them, with its own password or another."""
        return Brokers(self.bootstrap, user, password or self.passwords[user])

    @property
    def passwords(self) -> dict[str, str]:
        """Give every user's password."""
        return {user: (self.secrets / f"kafka_{user}").read_text() for user in (ADMINISTRATOR, *USERS)}

    def prepare(self) -> None:
        """Fetch the jars, make the secrets, and put this machine's addresses and folders into the properties."""
        jars.java()
        jars.fetch(JARS)
        secrets.make(self.secrets, self.paths.keys)
        (self.data).mkdir(parents=True, exist_ok=True)
        text = (DEPLOY / "server.properties").read_text()
        for ours, here in (
            ("0.0.0.0:9092", f"127.0.0.1:{self.inside}"),
            ("0.0.0.0:19092", self.bootstrap),
            ("127.0.0.1:9093", f"127.0.0.1:{self.controller}"),
            ("kafka:9092", f"127.0.0.1:{self.inside}"),
            ("127.0.0.1:19092", self.bootstrap),
            ("/var/lib/kafka/data", str(self.data)),
            ("/run/secrets", str(self.secrets)),
        ):
            assert ours in text, f"server.properties still says {ours}"
            text = text.replace(ours, here)
        self.properties.write_text(self._with_tls(text))

    def _with_tls(self, text: str) -> str:
        """Add a listener as a force's own Kafka has it: the same passwords, over TLS."""
        make_certificate(self.certificate, self.paths.kafka / "server.pem")
        for line in ("listeners=", "advertised.listeners="):
            text = text.replace(f"\n{line}", f"\n{line}TLS://127.0.0.1:{self.tls},")
        text = text.replace("protocol.map=", "protocol.map=TLS:SASL_SSL,")
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return f"""{text}
group.initial.rebalance.delay.ms=0
listener.name.tls.scram-sha-512.sasl.jaas.config={login}
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={self.paths.kafka / "server.pem"}
"""

    @property
    def certificate(self) -> Path:
        """Give what a client trusts this broker by."""
        return self.paths.kafka / "ca.pem"

    @property
    def data(self) -> Path:
        """Give the data folder."""
        return self.paths.kafka / "data"

    @property
    def properties(self) -> Path:
        """Give the properties of this broker."""
        return self.paths.kafka / "server.properties"

    def command(self) -> list[str]:
        """Give the command of the container."""
        return ["/bin/bash", str(DEPLOY / "start.sh")]

    def environment(self) -> dict[str, str]:
        """Say where things are on this machine."""
        folders = {"KAFKA_LIBS": JARS, "KAFKA_DATA": self.data, "KAFKA_SECRETS": self.secrets}
        told = {name: str(path) for name, path in {**folders, "KAFKA_PROPERTIES": self.properties}.items()}
        return {**os.environ, **told, "KAFKA_HEAP": "256m", "TMPDIR": str(self.paths.kafka)}

    def ready(self) -> bool:
        """Say whether it takes connections, on every listener: a client that is refused leaves its socket unclosed."""
        return all(ports.answers(port) for port in (self.inside, self.port, self.tls))


def make_certificate(public: Path, whole: Path) -> None:
    """Make a certificate of 127.0.0.1 that signs for itself, and the key with it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    whole.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
