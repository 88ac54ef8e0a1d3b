//! HTTP, WebSocket hub, credentials and embedded UI of an Usher server.
