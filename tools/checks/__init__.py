"""The house rules that no linter knows, each because a bug of its class was seen."""
