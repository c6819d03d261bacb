"""Apache Kafka's jars, fetched once by Maven (its local repository is the cache that clones share)."""

import fcntl
import re
import shutil
import subprocess
from pathlib import Path

from tools.stack.errors import Missing, StackError

VERSION = "4.3.1"  # The newest listed does not always resolve; an open range never does.
JAVA_OLDEST = 17
_LEFT_OUT = (
    "org.scala-lang:scala-reflect",
    "commons-beanutils:commons-beanutils",
    "commons-digester:commons-digester",
    "commons-collections:commons-collections",
    "commons-logging:commons-logging",
    "com.fasterxml.jackson.dataformat:jackson-dataformat-csv",
)
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>kafka-local</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
      <exclusions>{exclusions}</exclusions></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version></dependency>
  </dependencies>
</project>
"""


def java() -> str:
    """Find a Java that runs Kafka, or say which package has it."""
    found = shutil.which("java")
    if found is None:
        raise Missing("Java is missing; install the packages default-jre-headless (Java 17 or newer) and maven.")
    version = _version(found)
    if version is None or version < JAVA_OLDEST:
        raise Missing("This Java is too old for Apache Kafka 4; install the package openjdk-17-jre-headless or newer.")
    return found


def _version(java: str) -> int | None:
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    except OSError:  # There is a file of that name, and it does not run.
        return None
    found = re.search(r'version "(\d+)', shown.stderr + shown.stdout)
    return None if found is None else int(found[1])


def maven() -> str:
    """Find Maven, or say which package has it."""
    found = shutil.which("mvn")
    if found is None:
        raise Missing("Maven is missing, which fetches Apache Kafka's jars; install the package maven.")
    return found


def fetch(folder: Path) -> Path:
    """Fill a folder with the jars unless it is filled; refuses without Maven or network."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "jars.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            _resolve(folder)
    return folder


def _resolve(folder: Path) -> None:
    pom, part = folder.parent / "pom.xml", folder.with_name("lib.part")
    pom.write_text(_POM.format(version=VERSION, exclusions="".join(map(_exclusion, _LEFT_OUT))))
    shutil.rmtree(part, ignore_errors=True)
    command = [maven(), "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = "\n".join((ran.stdout + ran.stderr).splitlines()[-6:])
        mend = "check the network and try again, or try Tenure out on the embedded broker with TENURE_BROKER=embedded"
        raise StackError(f"Maven could not fetch Apache Kafka {VERSION}; {mend}.\n{said}")
    part.rename(folder)  # A folder with this name is complete.


def _exclusion(name: str) -> str:
    group, artifact = name.split(":")
    return f"<exclusion><groupId>{group}</groupId><artifactId>{artifact}</artifactId></exclusion>"
