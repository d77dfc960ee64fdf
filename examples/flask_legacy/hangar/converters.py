"""URL converters."""

from werkzeug.routing import BaseConverter


class TailNumberConverter(BaseConverter):
    """A United States registration: N, a digit that is not 0, up to four digits or letters."""

    regex = "[Nn][1-9][0-9A-Za-z]{0,4}"

    def to_python(self, value):
        return value.upper()

    def to_url(self, value):
        return super().to_url(value.upper())
