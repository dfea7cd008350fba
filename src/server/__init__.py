"""The chat server: runs over WebSocket and HTTP, and the page that shows them."""
