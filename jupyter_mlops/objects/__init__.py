"""The content-addressed store: chunker, writer, index, reader."""
