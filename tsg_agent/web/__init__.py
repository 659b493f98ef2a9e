"""Where alerts and people meet the agent: HTTP, webhooks and a web page, over the one door. Needs the extra `serve`."""
