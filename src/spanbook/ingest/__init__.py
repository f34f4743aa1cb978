"""The fold: journal or OTLP → conventions → redaction → cost → store."""
