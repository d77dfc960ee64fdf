"""The entry point: ``flask --app wsgi run``, ``gunicorn wsgi:app`` or ``python wsgi.py``."""

from hangar import create_app

app = create_app()

if __name__ == "__main__":
    app.run()
