"""The embedded AWS, judged by clients, descriptions and servers that others wrote."""
