"""Renders a Report: Markdown, terminal, HTML page, JSON Schema. Adds no facts, and uses no model."""
