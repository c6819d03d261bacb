"""Policy packs at the desk: worked examples, tables for people, spreadsheets, the schema."""
