"""How content is kept sealed: for how long one epoch's keys are planned to serve."""

from dataclasses import dataclass

from shared.policy.keys import Key, Keys, whole


@dataclass(frozen=True, slots=True)
class Vault:
    """The pace of the content vault."""

    epoch_days: int
    """From an epoch's beginning to its planned end: so long may a backup of the database still be opened."""


VAULT: Keys = {"epoch_days": Key(whole, needed=True)}
