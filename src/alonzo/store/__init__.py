"""The durable store on NATS JetStream: records, blobs, logs, and the embedded server. Nothing outside knows a subject of NATS."""
