"""The HTTP server: REST, webhooks, MCP, chat and a web page over one Service. Needs the extra `serve`."""
