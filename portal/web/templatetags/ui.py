"""The components of templates/ui/ as template tags; every template has them without `{% load %}`.

A comment at the top of each component's template shows how to use it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField, CheckboxInput, RadioSelect
from django.template import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.directory.organizations import Organization
from portal.directory.policy import role_name
from portal.web import charts, numbers, times
from portal.web.availability import REASONS, Capability
from portal.web.listing import Listing
from portal.web.locations import location_of
from portal.web.project_logo import project_logo
from portal.web.scim.traffic import Traffic
from portal.web.themes import Look, look_of
from portal.web.user_agents import browser_name

register = template.Library()

_TONE_ICONS = {
    "info": "info",
    "success": "circle-check",
    "warning": "triangle-alert",
    "danger": "circle-alert",
}
_TONE_WORDS = {"info": "Note", "success": "Done", "warning": "Warning", "danger": "Error"}
_TINTS = 5
_OWN_LOGO = re.compile(r"/logos/[a-z0-9-]+/[0-9a-f]{32}\.png")


@register.simple_block_tag(takes_context=True)
def page_header(  # noqa: PLR0913 -- the parts of a heading
    context: Context,
    content: SafeString,
    *,
    title: str,
    subtitle: str = "",
    badges: SafeString | str = "",
    back_url: str = "",
    back_label: str = "",
    above_url: str = "",
    above_label: str = "",
    person: str = "",
) -> SafeString:
    """Return a page's heading; the content is its actions, of which one at most is primary.

    With `person`, the name of the person that the page is about, it shows their avatar.

    A page with `back_url` has breadcrumbs: its area of the portal, `above_label` if there is one, then `back_label`.
    """
    areas = context["portal"].areas if context.get("portal") else ()
    area = next((area for area in areas if area.is_current and area.label != back_label), None)
    return _component(
        "page_header",
        title=title,
        subtitle=subtitle,
        badges=badges,
        area=area,
        back_url=back_url,
        back_label=back_label,
        above_url=above_url,
        above_label=above_label,
        person=person,
        content=content,
    )


@register.simple_tag(takes_context=True)
def page_look(context: Context) -> Look:
    """Return how a page looks: as its organization does, also before someone signs in to it, or else as the project does."""
    portal, organization = context.get("portal"), context.get("organization")
    frame = getattr(context.get("request"), "frame", None)
    if portal:
        # The product decides whether its frame is light or dark, as the page around it is.
        preferred = frame.color_scheme if frame else portal.theme
        return look_of(portal.organization, preferred=preferred, is_framed=frame is not None)
    return look_of(organization if isinstance(organization, Organization) else None)


@register.simple_tag
def product() -> Mapping[str, str]:
    """Return the name of the portal, and the URL of the project's logo, "" if it has none."""
    logo = project_logo()
    url = reverse("themes:logo", args=[logo.digest]) if logo else ""
    return {"name": settings.PROJECT.mail.portal_name, "logo_url": url}


@register.simple_tag
def demo_inbox_url() -> str:
    """Return where the demo shows its emails, "" if this isn't the demo."""
    return reverse("inbox:inbox") if settings.DEMO_INBOX else ""


@register.simple_block_tag
def badges(content: SafeString) -> SafeString:
    """Return badges next to each other, or nothing if there are none: `{% badges as state %}…{% endbadges %}`."""
    return format_html('<span class="badges">{}</span>', content) if content.strip() else SafeString("")


@register.simple_block_tag
def phrase(content: SafeString) -> SafeString:
    """Return words as an argument of another component: `{% phrase as about %}…{% endphrase %}`."""
    return SafeString(" ".join(content.split()))


@register.simple_block_tag
def listing(content: SafeString, items: Listing[Any], name: str, *, caption: str) -> SafeString:
    """Return the table of a list that is loaded page by page: head and rows are its content (ui/listing.html)."""
    return _component("listing", list=items, name=name, caption=caption, content=content)


@register.simple_block_tag
def toolbar(  # noqa: PLR0913 -- the parts of a form
    content: SafeString,
    name: str,
    *,
    url: str,
    changes: str = "",
    include: str = "",
    action: str = "Apply",
    note: str = "",
) -> SafeString:
    """Return the search and filters above a list, whose fields are its content; `changes` names those that filter at once.

    `action` is the words of its button; `note` is at its end, such as how long the list is.
    """
    return _component(
        "toolbar",
        name=name,
        url=url,
        changes=changes.split(),
        include=include,
        action=action,
        note=note,
        content=content,
    )


@register.simple_block_tag
def notice(  # noqa: PLR0913 -- the parts of a message
    content: SafeString,
    *,
    tone: str = "info",
    title: str = "",
    text: str = "",
    request_id: str = "",
    action: str = "",
    action_url: str = "",
) -> SafeString:
    """Return a boxed message; the content follows the text. A tone is info, success, warning or danger.

    With `action_url`, a button with the words `action` is at its end.
    """
    return _component(
        "notice",
        tone=tone,
        icon=_TONE_ICONS[tone],
        word=_TONE_WORDS[tone],
        title=title,
        text=text,
        request_id=request_id,
        action=action,
        action_url=action_url,
        content=content,
    )


@register.simple_block_tag
def empty_state(content: SafeString, *, icon: str, title: str, text: str = "", level: str = "h3") -> SafeString:
    """Return what stands where a list would be; the content is an action. `level` is the heading's element."""
    return _component("empty_state", icon=icon, title=title, text=text, level=level, content=content)


@register.simple_block_tag
def card_head(content: SafeString, *, title: str, icon: str = "", level: str = "h1") -> SafeString:
    """Return the head of a card for someone who isn't signed in; the content is what the page is about."""
    return _component("card_head", title=title, icon=icon, level=level, content=content)


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
    """Return a short state; a tone is neutral, info, success, warning, danger or role, and never the only carrier."""
    return {"text": text, "tone": tone, "icon": icon}


@register.inclusion_tag("ui/avatar.html")
def avatar(name: str = "", *, icon: str = "", is_large: bool = False) -> Mapping[str, Any]:
    """Return the initials of a person's name in a tint that follows from the name, or an icon in a grey square."""
    words = name.split()
    initials = "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()
    return {
        "initials": initials,
        "tint": sum(map(ord, name)) % _TINTS + 1 if name else 0,
        "icon": icon,
        "is_large": is_large,
    }


@register.inclusion_tag("ui/who.html")
def who(  # noqa: PLR0913 -- the parts of a cell
    name: str, note: str = "", *, suffix: str = "", url: str = "", icon: str = "", is_focused: bool = False
) -> Mapping[str, Any]:
    """Return a person, or with an icon a group: avatar, name (a link if there is a URL) and a muted line.

    With `is_focused`, the name gets the focus once HTMX has loaded it.
    """
    return {"name": name, "suffix": suffix, "note": note, "url": url, "icon": icon, "is_focused": is_focused}


@register.inclusion_tag("ui/steps_flat.html")
def steps_flat(*labels: str, current: int) -> Mapping[str, Any]:
    """Return the steps of a flow; those before number `current`, which counts from 1, are done."""
    return {"labels": labels, "current": current}


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
    is_choice = isinstance(widget, CheckboxInput | RadioSelect)
    classes = f"form-control {widget.attrs.get('class', '')}".rstrip()
    return {
        "field": bound,
        "control": bound.as_widget(attrs={} if is_choice else {"class": classes}),
        "is_checkbox": isinstance(widget, CheckboxInput),
    }


@register.inclusion_tag("ui/toolbar_field.html")
def toolbar_field(bound: BoundField) -> Mapping[str, Any]:
    """Return a field of a filter above a list. Its label is for screen readers."""
    is_search = getattr(bound.field.widget, "input_type", "") == "search"
    return {"field": bound, "control": bound.as_widget(attrs={"class": "form-control"}), "is_search": is_search}


@register.inclusion_tag("ui/form_errors.html")
def form_errors(form: BaseForm) -> Mapping[str, Any]:
    """Return the errors that belong to no single field."""
    return {"errors": form.non_field_errors()}


@register.inclusion_tag("ui/spark.html")
def spark(values: Sequence[int], *, period: str) -> Mapping[str, Any]:
    """Return a small line of how a number changed over a period such as "12 days"; nothing for less than two numbers."""
    if len(values) < 2:  # noqa: PLR2004 -- a line has two ends
        return {}
    points = charts.line(values)
    size = {"width": charts.SPARK_WIDTH, "height": charts.SPARK_HEIGHT}
    return {"points": points, "area": charts.area(points), "values": values, "period": period, **size}


@register.inclusion_tag("ui/hour_chart.html")
def hour_chart(traffic: Traffic, *, name: str) -> Mapping[str, Any]:
    """Return the requests of the last 24 hours as bars, and their numbers in words. `name` is unique on the page."""
    bars = charts.bars((hour.succeeded, hour.failed) for hour in traffic.hours)
    local = [times.localized(hour.start) for hour in traffic.hours]
    return {
        "traffic": traffic,
        "name": name,
        "hours": [
            {"hour": hour, "bar": bar, "start": start}
            for hour, bar, start in zip(traffic.hours, bars, local, strict=True)
        ],
        "first": local[0],
        "middle": local[len(local) // 2],
        "is_yesterday": local[0].date() < timezone.localdate(),
        "width": charts.CHART_WIDTH,
        "height": charts.CHART_HEIGHT,
    }


@register.simple_tag
def relative_time(value: datetime | None, *, exact: bool = False) -> SafeString | str:
    """Return a timestamp as "2 minutes ago", or its date after a day, with the exact time on hover; None is a dash.

    With `exact`, it's the exact time, and how long ago that is. Times are in the zone of the reader.
    """
    if value is None:
        return "–"
    if not exact:
        return _time(value, times.relative(value))
    if times.is_distant(value):
        return _time(value, times.exact(value))
    return format_html('{} <span class="muted">({})</span>', _time(value, times.exact(value)), times.relative(value))


@register.simple_tag
def short_time(value: datetime) -> SafeString:
    """Return a timestamp in few words, such as "48 min ago" or "in 11 months", with the exact time on hover."""
    return _time(value, times.short(value))


@register.simple_tag
def exact_time(value: datetime, *, seconds: bool = False) -> SafeString:
    """Return a timestamp as "29 Nov 2026, 08:58 UTC", in the zone of the reader."""
    return _time(value, times.exact(value, seconds=seconds))


@register.simple_tag
def clock_time(value: datetime, *, seconds: bool = False) -> SafeString:
    """Return the time of a day as "08:58", below a heading with the day, in the zone of the reader."""
    return _time(value, f"{times.localized(value):{'%H:%M:%S' if seconds else '%H:%M'}}")


@register.simple_tag
def zone_name() -> str:
    """Return the reader's time zone as "CET", for a column of times."""
    return times.zone_label(timezone.localtime())


@register.simple_tag
def day_of(value: datetime) -> SafeString:
    """Return the date of a timestamp as "29 Nov 2026", with its time on hover, in the zone of the reader."""
    return _time(value, f"{times.localized(value):%-d %b %Y}")


@register.filter
def clock(value: datetime) -> str:
    """Return the time of a day as "08:58 UTC", as plain text for where no element is allowed."""
    local = times.localized(value)
    return f"{local:%H:%M} {times.zone_label(local)}"


register.filter("relative", times.relative)
register.filter("duration", times.duration_text)


def _time(value: datetime, text: str) -> SafeString:
    title = times.exact(value)
    if title == text:
        return format_html('<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), text)
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(timespec="seconds"), title, text)


register.filter("role_name", role_name)
register.filter("browser_name", browser_name)
register.filter("location", location_of)


# What attributes of a user are called on pages (RFC 7643, 4.1 and 4.3). Others have their own path.
_ATTRIBUTE_LABELS = {
    "name.formatted": "Full name",
    "name.givenName": "Given name",
    "name.middleName": "Middle name",
    "name.familyName": "Family name",
    "name.honorificPrefix": "Title",
    "name.honorificSuffix": "Suffix",
    "displayName": "Display name",
    "nickName": "Nickname",
    "profileUrl": "Profile URL",
    "title": "Job title",
    "userType": "User type",
    "preferredLanguage": "Language",
    "locale": "Locale",
    "timezone": "Time zone",
    "emails": "Emails",
    "phoneNumbers": "Phone numbers",
    "addresses": "Addresses",
    "entitlements": "Entitlements",
    "roles": "Roles",
    "employeeNumber": "Employee number",
    "costCenter": "Cost center",
    "organization": "Organization",
    "division": "Division",
    "department": "Department",
    "manager.value": "Manager ID",
    "manager.displayName": "Manager",
}


@register.filter
def item(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return the value of a key, None if the mapping has none."""
    return mapping.get(key)


@register.filter
def attribute_label(path: str) -> str:
    """Return what pages call an attribute of a user, by its path: "Given name" for `name.givenName`."""
    return _ATTRIBUTE_LABELS.get(path, path)


@register.filter
def role_names(role_ids: Sequence[str]) -> str:
    """Return the names of roles within a sentence: "Admin, Editor and Viewer"."""
    names = [role_name(role_id) for role_id in role_ids]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


@register.inclusion_tag("ui/roles.html")
def roles(role_ids: Iterable[str]) -> Mapping[str, Any]:
    """Return roles as badges, or "None"."""
    return {"role_ids": role_ids}


@register.filter
def screen_names(text: str) -> SafeString:
    """Return a text in which *what is read on a screen*, between asterisks, is set off."""
    # Parts between two asterisks have odd places.
    parts = enumerate(text.split("*"))
    return format_html_join("", "{}", ((_screen_name(part) if place % 2 else part,) for place, part in parts))


def _screen_name(text: str) -> SafeString:
    return format_html('<b class="screen-name">{}</b>', text)


@register.filter
def own_logo(organization: Organization) -> str:
    """Return the path of a logo that this portal stores, "" for none and for one elsewhere, which browsers may not load."""
    path = organization.organization_logo_url.removeprefix(settings.PUBLIC_URL)
    return path if _OWN_LOGO.fullmatch(path) else ""


for _filter in (numbers.number, numbers.counted, numbers.capped):
    register.filter(_filter)


def _component(name: str, /, **context: object) -> SafeString:
    return render_to_string(f"ui/{name}.html", context)
