"""The only asyncio.Protocol: a session on a transport, TLS, back-pressure."""
