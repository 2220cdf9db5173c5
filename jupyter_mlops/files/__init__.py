"""The local file system: walks, stat cache, durable and safe writes."""
