"""WebSocket APIs (version 2, protocol WEBSOCKET)."""
