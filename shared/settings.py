"""What a process is told at its start: one frozen value, read in `main` and passed down."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import DirectoryPath, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from shared.brokers import Brokers


class Settings(BaseSettings):
    """Every setting of the three services; the variable's name is the field's with the prefix TENURE_.

    A secret may instead be a file of that name, in small letters, in the folder that TENURE_SECRETS names.
    """

    model_config = SettingsConfigDict(
        env_prefix="TENURE_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    kafka: str = Field(default="127.0.0.1:19092", description="Kafka's bootstrap servers, host:port, comma-separated")
    kafka_user: str = Field(default="", description="Kafka's user, by SASL/SCRAM-SHA-512; empty: none is asked for")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="the password of Kafka's user")
    kafka_ca_file: Path | None = Field(default=None, description="the authority of Kafka's certificates (PEM): TLS")
    secrets: DirectoryPath | None = Field(default=None, description="folder of secrets, a file per setting")
    intake_database_url: SecretStr = Field(default=SecretStr(""), description="intake's database and role")
    retention_database_url: SecretStr = Field(default=SecretStr(""), description="retention's database and role")
    review_database_url: SecretStr = Field(default=SecretStr(""), description="review's database and role")
    policy: Path = Field(default=Path("policy/default.toml"), description="the policy pack's file")
    keys: Path = Field(default=Path(".tenure/keys"), description="folder of key files, 0600")
    key_store: Literal["files", "transit"] = Field(default="files", description="where the epochs' keys are held")
    transit_url: str = Field(default="", description="the transit engine's server (Vault, OpenBao), https://HOST:PORT")
    transit_token_file: Path | None = Field(default=None, description="file of the token that the engine asks for")
    transit_mount: str = Field(default="transit", description="the transit engine's mount path")
    transit_ca_file: Path | None = Field(default=None, description="the authority of the engine's certificate (PEM)")
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
    backload_live_rows_max: int = Field(
        default=500,
        ge=0,
        le=1_000_000,
        description="more live events unread than this, or messages left to retention, and a back-load waits",
    )
    backload_live_ms_max: int = Field(
        default=100, ge=50, le=3_600_000, description="a receipt late by more milliseconds, and a back-load waits"
    )
    backload_share_percent: int = Field(
        default=5, ge=1, le=100, description="a back-load's share of the reading while live events come"
    )
    pool_size: int = Field(default=6, ge=3, le=50, description="database connections of one process")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look at what the caller gives, the environment, then the folder of secrets that it names."""
        folder = os.environ.get("TENURE_SECRETS") or None
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder)

    @model_validator(mode="after")
    def _user_and_password_come_together(self) -> Self:
        if bool(self.kafka_user) != bool(self.kafka_password.get_secret_value()):
            raise ValueError("TENURE_KAFKA_USER and TENURE_KAFKA_PASSWORD are set together or not at all; set both.")
        return self

    @model_validator(mode="after")
    def _the_transit_engine_needs_its_place(self) -> Self:
        if self.key_store == "transit" and not (self.transit_url and self.transit_token_file):
            raise ValueError("TENURE_KEY_STORE=transit needs TENURE_TRANSIT_URL and _TOKEN_FILE; set both.")
        return self

    @property
    def brokers(self) -> Brokers:
        """Give where Kafka is, and as whom this process asks it."""
        return Brokers(self.kafka, self.kafka_user, self.kafka_password.get_secret_value(), self.kafka_ca_file)

    def database_url(self, service: str) -> str:
        """Give the service's own database URL, in clear."""
        secret: SecretStr = getattr(self, f"{service}_database_url")
        return secret.get_secret_value()
