"""Every body, payload and answer, once: REST, sockets and their documents come from here."""
