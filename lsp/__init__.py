"""The language server: completion, provenance and attribution in any editor that speaks LSP."""
