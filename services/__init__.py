"""The verbs of chat: all rules and permissions. Knows no request and no socket."""
