"""The desk's articles, searched with the document index."""
