"""A cluster looked at once: what its objects are judged by is read, then each kind, page by page. Only get and list."""
