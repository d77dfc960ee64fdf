"""The forms."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileAllowed, FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import (
    DataRequired,
    EqualTo,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
)

from .db import fetch_value

CATEGORIES = ["airframe", "avionics", "cabin", "engine", "inspection", "landing gear"]
PRIORITIES = ["routine", "urgent", "grounded"]
EXTENSIONS = ["csv", "jpg", "pdf", "png", "txt"]


def strip(text):
    return text.strip() if text else text


class RegistrationForm(FlaskForm):
    username = StringField(
        "User name",
        [
            DataRequired(),
            Length(2, 40),
            Regexp(r"^[\w.-]+$", message="Use letters, digits, dots, dashes and underscores."),
        ],
    )
    display_name = StringField("Name", [DataRequired(), Length(max=80)], [strip])
    password = PasswordField("Password", [DataRequired(), Length(min=8)])
    confirm = PasswordField(
        "Password again", [EqualTo("password", message="The passwords are not the same.")]
    )


class LoginForm(FlaskForm):
    username = StringField("User name", [DataRequired()])
    password = PasswordField("Password", [DataRequired()])
    remember = BooleanField("Stay logged in")


class ProfileForm(FlaskForm):
    display_name = StringField("Name", [DataRequired(), Length(max=80)], [strip])
    new_password = PasswordField("New password", [Optional(), Length(min=8)])


class AircraftForm(FlaskForm):
    manufacturer = StringField("Manufacturer", [DataRequired(), Length(max=60)], [strip])
    model = StringField("Model", [DataRequired(), Length(max=40)], [strip])
    type = SelectField(
        "Type",
        choices=["Fixed wing multi engine", "Fixed wing single engine", "Rotorcraft"],
    )
    year = IntegerField("Year built", [Optional(), NumberRange(1903, 2100)])
    engines = IntegerField("Engines", [InputRequired(), NumberRange(0, 8)])
    engine = StringField("Engine type", [DataRequired(), Length(max=40)], [strip])
    seats = IntegerField("Seats", [InputRequired(), NumberRange(1, 900)])
    speed = IntegerField("Cruising speed (mph)", [Optional(), NumberRange(1, 2000)])
    base = StringField("Base (airport code)", [Optional(), Length(3, 4)], [strip])

    def validate_base(self, field):
        field.data = field.data.upper()
        if not fetch_value("SELECT code FROM airport WHERE code = ?", field.data):
            raise ValidationError("There is no such airport.")


class NewAircraftForm(AircraftForm):
    tail_number = StringField(
        "Tail number",
        [
            DataRequired(),
            Regexp("^[Nn][1-9][0-9A-Za-z]{0,4}$", message="That is not a tail number."),
        ],
        [strip],
    )

    def validate_tail_number(self, field):
        field.data = field.data.upper()
        if fetch_value("SELECT 1 FROM aircraft WHERE tail_number = ?", field.data):
            raise ValidationError("That aircraft is in the register already.")


class OrderForm(FlaskForm):
    title = StringField("Title", [DataRequired(), Length(max=120)], [strip])
    category = SelectField("Category", choices=CATEGORIES)
    priority = SelectField("Priority", choices=PRIORITIES)
    due_on = DateField("Due on", [Optional()])
    description = TextAreaField("Description", [Length(max=4000)])


class NoteForm(FlaskForm):
    body = TextAreaField("Note", [DataRequired(), Length(max=4000)], [strip])


class DocumentForm(FlaskForm):
    title = StringField("Title", [Optional(), Length(max=120)], [strip])
    file = FileField(
        "File",
        [FileRequired(), FileAllowed(EXTENSIONS, f"Allowed are {', '.join(EXTENSIONS)}.")],
    )
