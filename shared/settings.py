"""What a process is told at its start: one frozen value, read in `main` and passed down."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of the three services; the variable's name is the field's with the prefix TENURE_."""

    model_config = SettingsConfigDict(env_prefix="TENURE_", frozen=True, hide_input_in_errors=True)

    kafka: str = Field(default="127.0.0.1:19092", description="Kafka's bootstrap servers, host:port, comma-separated")
    intake_database_url: SecretStr = Field(default=SecretStr(""), description="intake's database and role")
    retention_database_url: SecretStr = Field(default=SecretStr(""), description="retention's database and role")
    review_database_url: SecretStr = Field(default=SecretStr(""), description="review's database and role")
    policy: Path = Field(default=Path("policy/default.toml"), description="the policy pack's file")
    keys: Path = Field(default=Path(".tenure/keys"), description="folder of key files, 0600")
    jwks_file: Path = Field(default=Path(".tenure/keys/jwks.json"), description="public keys of the token issuer")
    issuer: str = Field(default="urn:tenure:local", description="the tokens' issuer")
    audience: str = Field(default="tenure", description="the tokens' audience")
    clock: Literal["real", "rehearsal"] = Field(default="real", description="rehearsal: the civil date may be moved")
    env: Literal["local", "test", "production"] = Field(default="local", description="where this runs")
    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=18081, ge=0, le=65535, description="the API's port")
    health_port: int = Field(default=18091, ge=0, le=65535, description="the worker's health port")
    slot: int = Field(default=0, ge=0, le=63, description="the worker's number among its like: its place in the group")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    crash_point: str = Field(default="", description="tests only: NAME:N ends the process at the N-th passage")
    pool_size: int = Field(default=6, ge=2, le=50, description="database connections of one process")

    def database_url(self, service: str) -> str:
        """Give the service's own database URL, in clear."""
        secret: SecretStr = getattr(self, f"{service}_database_url")
        return secret.get_secret_value()
