"""The components of templates/ui/ as template tags; every template has them without `{% load %}`.

A comment at the top of each component's template shows how to use it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, RadioSelect, Select
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from portal.web.availability import REASONS, Capability

register = template.Library()

_TONE_ICONS = {
    "info": "info",
    "success": "circle-check",
    "warning": "triangle-alert",
    "danger": "circle-alert",
}
_TONE_WORDS = {"info": "Note", "success": "Done", "warning": "Warning", "danger": "Error"}
_MINUTE = 60
_THOUSAND = 1000


@register.simple_block_tag
def page_header(
    content: SafeString, *, title: str, subtitle: str = "", back_url: str = "", back_label: str = ""
) -> SafeString:
    """Return a page's heading; the content is its actions, of which one at most is primary."""
    return _component(
        "page_header", title=title, subtitle=subtitle, back_url=back_url, back_label=back_label, content=content
    )


@register.simple_block_tag
def notice(
    content: SafeString, *, tone: str = "info", title: str = "", text: str = "", request_id: str = ""
) -> SafeString:
    """Return a boxed message; the content follows the text. A tone is info, success, warning or danger."""
    return _component(
        "notice",
        tone=tone,
        icon=_TONE_ICONS[tone],
        word=_TONE_WORDS[tone],
        title=title,
        text=text,
        request_id=request_id,
        content=content,
    )


@register.simple_block_tag
def empty_state(content: SafeString, *, icon: str, title: str, text: str = "", level: str = "h3") -> SafeString:
    """Return what stands where a list would be; the content is an action. `level` is the heading's element."""
    return _component("empty_state", icon=icon, title=title, text=text, level=level, content=content)


@register.simple_block_tag
def detail(content: SafeString, label: str) -> SafeString:
    """Return one row of a `<dl class="details">`."""
    return _component("detail", label=label, content=content)


@register.inclusion_tag("ui/not_available.html")
def not_available(capability: Capability, *, is_inline: bool = False, level: str = "h3") -> Mapping[str, Any]:
    """Return the reason why the directory lacks a capability, in the place of what would be shown."""
    return {"reason": REASONS[capability], "is_inline": is_inline, "level": level}


@register.inclusion_tag("ui/badge.html")
def badge(text: str, *, tone: str = "neutral", icon: str = "") -> Mapping[str, Any]:
    """Return a short state; a tone is neutral, info, success, warning or danger, and never the only carrier."""
    return {"text": text, "tone": tone, "icon": icon}


@register.inclusion_tag("ui/copy_field.html")
def copy_field(
    *, name: str, label: str, value: str, help_text: str = "", is_focused: bool = False
) -> Mapping[str, Any]:
    """Return a value to take elsewhere, with a copy button where scripts run. `name` is unique on the page."""
    return {"name": name, "label": label, "value": value, "help_text": help_text, "is_focused": is_focused}


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField) -> Mapping[str, Any]:
    """Return a form field with label, help and errors, tied together for screen readers."""
    widget = bound.field.widget
    css_class = "form-control"
    if isinstance(widget, CheckboxInput):
        css_class = "form-check-input"
    elif isinstance(widget, Select) and not isinstance(widget, RadioSelect):
        css_class = "form-select"
    if bound.errors:
        css_class += " is-invalid"
    return {
        "field": bound,
        "control": bound.as_widget(attrs={"class": css_class}),
        "is_checkbox": isinstance(widget, CheckboxInput),
    }


@register.inclusion_tag("ui/form_errors.html")
def form_errors(form: BaseForm) -> Mapping[str, Any]:
    """Return the errors that belong to no single field."""
    return {"errors": form.non_field_errors()}


@register.simple_tag
def relative_time(value: datetime | None, *, exact: bool = False) -> SafeString | str:
    """Return a moment as "3 days ago", the date with its zone on hover; `exact` shows both; None is a dash."""
    if value is None:
        return "–"
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    written = format_date(local, "j M Y, H:i T")
    relative = _relative(value)
    if exact:
        return format_html(
            '<time datetime="{}">{}</time> <span class="text-secondary">({})</span>',
            value.isoformat(),
            written,
            relative,
        )
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), written, relative)


@register.filter
def screen_names(text: str) -> SafeString:
    """Return a text in which *what is read on a screen*, between asterisks, is set off."""
    # What stands between two asterisks has an odd place.
    parts = enumerate(text.split("*"))
    return format_html_join("", "{}", ((_screen_name(part) if place % 2 else part,) for place, part in parts))


def _screen_name(text: str) -> SafeString:
    return format_html('<b class="screen-name">{}</b>', text)


@register.filter
def number(value: int | None) -> str:
    """Return a number with thousands separators; None is a dash."""
    if value is None:
        return "–"
    # The short way for the many small ones: a list formats a number a row.
    return str(value) if 0 <= value < _THOUSAND else number_format(value, use_l10n=True, force_grouping=True)


def _relative(value: datetime) -> str:
    now = timezone.now()
    seconds = (value - now).total_seconds()
    if abs(seconds) < _MINUTE:
        return "just now" if seconds <= 0 else "in less than a minute"
    return f"in {timeuntil(value, now, depth=1)}" if seconds > 0 else f"{timesince(value, now, depth=1)} ago"


def _component(name: str, **context: object) -> SafeString:
    return render_to_string(f"ui/{name}.html", context)
