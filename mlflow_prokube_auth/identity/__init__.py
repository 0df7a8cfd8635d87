"""Who is calling: credentials, sessions, login and the answer of one request."""
