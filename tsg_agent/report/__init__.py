"""A Report for people and programs: Markdown, the terminal, one HTML page, a JSON Schema. No new facts, no model."""
