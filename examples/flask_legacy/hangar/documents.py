"""The documents of one aircraft: uploads and downloads."""

import hashlib
import mimetypes
import os
import uuid

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.utils import secure_filename

from . import signals
from .auth import lead_required, login_required
from .db import fetch_all, fetch_one, get_db
from .forms import DocumentForm

bp = Blueprint("documents", __name__, url_prefix="/<tail:tail>/documents")


def documents_of(tail):
    return fetch_all(
        "SELECT d.*, u.display_name FROM document d JOIN user u ON u.id = d.uploaded_by"
        " WHERE d.tail_number = ? ORDER BY d.id DESC",
        tail,
    )


def find_document(document_id):
    document = fetch_one(
        "SELECT * FROM document WHERE id = ? AND tail_number = ?",
        document_id,
        g.aircraft["tail_number"],
    )
    if document is None:
        abort(404, "There is no such document.")
    return document


def path_of(document):
    return os.path.join(current_app.config["UPLOAD_FOLDER"], document["stored_as"])


def store(upload, title):
    """Keep an uploaded file under a name of our own and enter it into the table."""
    filename = secure_filename(upload.filename) or "document"
    stored_as = uuid.uuid4().hex + os.path.splitext(filename)[1].lower()
    path = os.path.join(current_app.config["UPLOAD_FOLDER"], stored_as)
    upload.save(path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    get_db().execute(
        "INSERT INTO document"
        " (tail_number, title, filename, stored_as, mimetype, size, sha256, uploaded_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            g.aircraft["tail_number"],
            title or filename,
            filename,
            stored_as,
            mimetypes.guess_type(filename)[0] or "application/octet-stream",
            os.path.getsize(path),
            digest,
            g.user["id"],
        ),
    )
    signals.send(signals.document_uploaded, g.aircraft["tail_number"], filename)


@bp.route("/", methods=("GET", "POST"))
@login_required
def index():
    form = DocumentForm()
    if form.validate_on_submit():
        store(form.file.data, form.title.data)
        get_db().commit()
        flash("The document is stored.", "success")
        return redirect(url_for(".index"))
    return render_template(
        "documents/index.html", form=form, documents=documents_of(g.aircraft["tail_number"])
    )


@bp.route("/<int:document_id>")
@login_required
def download(document_id):
    """Send the file, or the part of it that a Range header asks for."""
    document = find_document(document_id)
    return send_file(
        path_of(document),
        mimetype=document["mimetype"],
        as_attachment="inline" not in request.args,
        download_name=document["filename"],
        etag=document["sha256"],
        last_modified=document["uploaded_at"],
        max_age=3600,
    )


@bp.post("/<int:document_id>/delete")
@lead_required
def delete(document_id):
    document = find_document(document_id)
    get_db().execute("DELETE FROM document WHERE id = ?", (document_id,))
    signals.send(signals.document_deleted, document["tail_number"], document["filename"])
    get_db().commit()
    os.unlink(path_of(document))
    flash("The document is deleted.", "success")
    return redirect(url_for(".index"))
