import hashlib
import io
import os

import pytest

from hangar.db import fetch_one

URL = "/aircraft/N102UW/documents/"
CONTENT = bytes(range(256)) * 40


def upload(client, content=CONTENT, filename="Engine log.pdf", title="Engine log", **options):
    data = {"title": title, "file": (io.BytesIO(content), filename)}
    return client.post(URL, data=data, **options)


def test_upload(app, lee):
    assert "Add a document" in lee.get(URL).text
    response = upload(lee, follow_redirects=True)
    assert response.request.path == URL
    assert "The document is stored." in response.text
    assert "Engine_log.pdf" in response.text
    with app.app_context():
        row = fetch_one("SELECT * FROM document")
    assert row["size"] == len(CONTENT)
    assert row["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert row["mimetype"] == "application/pdf"
    with open(os.path.join(app.config["UPLOAD_FOLDER"], row["stored_as"]), "rb") as file:
        assert file.read() == CONTENT


def test_upload_without_a_title(app, lee):
    upload(lee, title="")
    with app.app_context():
        assert fetch_one("SELECT * FROM document")["title"] == "Engine_log.pdf"


def test_upload_keeps_to_its_folder(app, lee):
    upload(lee, filename="../../etc/passwd.txt")
    with app.app_context():
        row = fetch_one("SELECT * FROM document")
    assert row["filename"] == "etc_passwd.txt"
    assert os.listdir(app.config["UPLOAD_FOLDER"]) == [row["stored_as"]]


@pytest.mark.parametrize(
    ("filename", "message"),
    [("virus.exe", "Allowed are csv, jpg, pdf, png, txt."), ("", "This field is required.")],
)
def test_upload_refuses(app, lee, filename, message):
    response = upload(lee, filename=filename)
    assert message in response.text
    assert os.listdir(app.config["UPLOAD_FOLDER"]) == []


def test_upload_that_is_too_large(app, lee):
    app.config["MAX_CONTENT_LENGTH"] = 50_000
    response = upload(lee, content=b"x" * 50_000)
    assert response.status_code == 413
    assert "at most 50.0 kB" in response.text
    assert os.listdir(app.config["UPLOAD_FOLDER"]) == []


def test_upload_of_many_bytes(lee):
    content = os.urandom(400_000)
    upload(lee, content=content)
    with lee.get(f"{URL}1") as response:
        assert response.data == content


def test_download(lee):
    upload(lee)
    with lee.get(f"{URL}1") as response:
        assert response.data == CONTENT
        assert response.mimetype == "application/pdf"
        assert response.content_length == len(CONTENT)
        assert response.headers["Content-Disposition"] == "attachment; filename=Engine_log.pdf"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.cache_control.max_age == 3600
        assert response.last_modified is not None


def test_download_inline(lee):
    upload(lee)
    with lee.get(f"{URL}1?inline") as response:
        assert response.headers["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=10000-", 10000, 10239), ("bytes=-40", 10200, 10239)],
)
def test_download_a_range(lee, asked, first, last):
    upload(lee)
    with lee.get(f"{URL}1", headers={"Range": asked}) as response:
        assert response.status_code == 206
        assert response.data == CONTENT[first : last + 1]
        assert response.headers["Content-Range"] == f"bytes {first}-{last}/10240"
        assert response.content_length == last - first + 1


def test_download_a_range_that_is_not_there(lee):
    upload(lee)
    with lee.get(f"{URL}1", headers={"Range": "bytes=99999-"}) as response:
        assert response.status_code == 416
        assert response.headers["Content-Range"] == "bytes */10240"


def test_download_only_if_changed(lee):
    upload(lee)
    with lee.get(f"{URL}1") as response:
        etag = response.headers["ETag"]
    with lee.get(f"{URL}1", headers={"If-None-Match": etag}) as response:
        assert response.status_code == 304
        assert response.data == b""
    headers = {"Range": "bytes=0-9", "If-Range": '"another"'}
    with lee.get(f"{URL}1", headers=headers) as response:
        assert response.status_code == 200
        assert response.data == CONTENT


def test_head_of_a_document(lee):
    upload(lee)
    with lee.head(f"{URL}1") as response:
        assert response.content_length == len(CONTENT)
        assert response.data == b""


def test_document_of_another_aircraft(lee):
    upload(lee)
    assert lee.get("/aircraft/N103US/documents/1").status_code == 404


def test_delete(app, maria):
    upload(maria)
    response = maria.post(f"{URL}1/delete", follow_redirects=True)
    assert "The document is deleted." in response.text
    assert os.listdir(app.config["UPLOAD_FOLDER"]) == []
    assert maria.get(f"{URL}1").status_code == 404


def test_only_a_lead_deletes(lee):
    upload(lee)
    assert lee.post(f"{URL}1/delete").status_code == 403
