"""Pages of a long list, from ``?page=`` of the request."""

from flask import current_app, request


class Page:
    def __init__(self, total, size=None):
        self.total = total
        self.size = size or current_app.config["PAGE_SIZE"]
        self.number = max(1, request.args.get("page", 1, type=int))

    @property
    def offset(self):
        return (self.number - 1) * self.size

    @property
    def count(self):
        return max(1, -(-self.total // self.size))

    @property
    def previous(self):
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self):
        return self.number + 1 if self.number < self.count else None
